"""The addresses that the system lets a process have (`ulimit -v`), in megabytes.

Libraries reserve far more than they use. Where there is too little, some abort the process and some wait for ever, so a
run that cannot be done does not begin, and the engine is given what the others leave.
"""

import sys

from abimpact.errors import DataError

# What a small report reserves on two cores is some 1,300.
LEAST, BESIDE_ENGINE = 1500, 1250
MEGABYTE = 2**20


def assert_enough() -> None:
    """DataError where the limit is lower than what the libraries reserve."""
    limit = _limit()
    if limit is not None and limit < LEAST:
        raise DataError(
            f"The system lets this process have {limit:,} MB of addresses (ulimit -v), and it needs {LEAST:,} MB.",
            "Raise that limit; --memory-limit bounds the memory that is used.",
        )


def left_for_engine() -> int | None:
    """What the other libraries leave to the engine; None where the system sets no limit."""
    limit = _limit()
    return None if limit is None else max(limit, LEAST) - BESIDE_ENGINE


def _limit() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft // MEGABYTE
