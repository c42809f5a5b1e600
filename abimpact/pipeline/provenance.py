"""Where a result comes from: files with their digests, versions, the command."""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from abimpact.decide.provenance import Provenance, Source
from abimpact.read.compressed import check_compressed
from abimpact.read.engine import Engine
from abimpact.read.loaded import Filled
from abimpact.read.sources import InputFile
from abimpact.read.totals import FileTotals
from abimpact.spec.request import Request

# The files that were read; asked for once their digests are there, given the sums over all units that are known.
Sources = Callable[[Mapping[str, float]], tuple[Source, ...]]
PACKAGES = ("duckdb", "numpy", "scipy")
ON_ENGINES = ("ibis-framework", "sqlglot")


def provenance(engine: Engine, request: Request, sources: tuple[Source, ...], command: str) -> Provenance:
    """What is needed to run the analysis again."""
    return Provenance(
        abimpact=version("abimpact"),
        python=".".join(map(str, sys.version_info[:3])),
        packages={name: version(name) for name in (*PACKAGES, *(ON_ENGINES if engine.is_remote else ()))},
        engine=engine.name,
        command=command,
        config=request.to_dict(),
        sources=sources,
        seed=request.seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def with_options(made: Provenance, **options: object) -> Provenance:
    """The provenance with what was asked beyond a request, without which it cannot be run again."""
    given = {name: value for name, value in options.items() if value is not None}
    return replace(made, config={**made.config, "options": given}) if given else made


def further_file(path: str) -> dict[str, str]:
    """A file beside the log that a verb reads: where it is, and its digest (a folder or pattern has none)."""
    if not Path(path).is_file():
        return {"path": path}
    with open(path, "rb") as stream:
        return {"path": path, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def read_sources(
    files: Sequence[InputFile],
    of_fills: Sequence[Sequence[InputFile]],
    totals_of: Callable[[Mapping[str, float]], Mapping[str, FileTotals]],
    fills: Sequence[Filled],
    digests: Mapping[str, Future[str]],
    known: Mapping[str, float],
) -> tuple[Source, ...]:
    """The files with what they hold and their digests; those that only fill in columns come last."""
    totals = totals_of(known)
    nothing = FileTotals(rows=0, units=None, sums={})
    sources = [
        Source(
            path=f.path,
            bytes=f.bytes,
            rows=(found := totals.get(f.path, nothing)).rows,
            sha256=digests[f.path].result(),
            units=found.units,
            totals=found.sums,
        )
        for f in files
    ]
    for group, fill in zip(of_fills, fills, strict=False):
        sources += [
            Source(path=f.path, bytes=f.bytes, rows=None, sha256=digests[f.path].result(), fills=(fill.column,))
            for f in group
        ]
    return tuple(sources)


def digest(file: InputFile) -> str:
    """SHA-256 of a file's bytes; a DataError if it is compressed and damaged."""
    check_compressed(file)
    with open(file.path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
