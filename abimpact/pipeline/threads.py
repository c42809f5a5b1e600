"""Threads that work beside the engine's scans."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def threads(most: int) -> Iterator[ThreadPoolExecutor]:
    """At most that many threads; an error or a Ctrl-C does not wait until they have hashed a large file."""
    pool = ThreadPoolExecutor(max_workers=most)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
