"""Files that must not change while they are read: numbers of a half-written log look like any others."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from abimpact.errors import DataError
from abimpact.read.sources import InputFile, stamp_of


@contextmanager
def unchanged(files: Iterable[InputFile]) -> Iterator[None]:
    """What is done inside reads `files`; DataError if one of them is not the same afterwards.

    Compared are device, inode, size and time of change (ns) from when the file was listed, before its first byte was
    read. A change is also the better explanation of whatever error it led to.
    """
    files = tuple(files)
    try:
        yield
    except Exception as error:
        changed = _changed(files)
        if changed is None:
            raise
        raise changed from error
    if changed := _changed(files):
        raise changed


def _changed(files: Iterable[InputFile]) -> DataError | None:
    said = ((f.path, what) for f in files if (what := _what_changed(f)))
    path, what = next(said, ("", ""))
    if not path:
        return None
    return DataError(
        f"{path} changed while it was read: {what}.", "Nothing was reported. Run again once nothing writes to it."
    )


def _what_changed(file: InputFile) -> str:
    try:
        now = stamp_of(os.stat(file.path))
    except FileNotFoundError:
        return "it was deleted or moved"
    except OSError as error:
        return f"it cannot be reached any more ({error.strerror})"
    was = file.stamp
    if now == was:
        return ""
    if now[:2] != was[:2]:
        return "another file took its place"
    if now[2] != was[2]:
        return f"it had {was[2]:,} bytes and has {now[2]:,} now"
    return "it was written to"
