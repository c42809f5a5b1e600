"""Threads that work beside the engine's scans."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def threads(most: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """At most that many threads; an error or a Ctrl-C does not wait for a large file to be hashed, or for resamples."""
    pool = ThreadPoolExecutor(max_workers=most)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
