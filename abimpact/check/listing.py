"""Lists of files and names in a sentence, cut where they get long."""

import os
from collections.abc import Callable, Sequence

from abimpact.read.log import Log

MOST_LISTED = 4


def files_of(log: Log) -> Callable[[Sequence[str]], str]:
    """A function that lists paths of the log's files, from the folder on that they have in common."""
    folders = [os.path.dirname(file.path) for file in log.files]
    shared = os.path.commonpath(folders) if folders and len(set(map(os.path.isabs, folders))) == 1 else ""

    def some(paths: Sequence[str]) -> str:
        left = f" and {len(paths) - MOST_LISTED} more files" if len(paths) > MOST_LISTED else ""
        return ", ".join(os.path.relpath(path, shared) if shared else path for path in paths[:MOST_LISTED]) + left

    return lambda paths: some([path for path in paths if path])


def more(n: int) -> str:
    """What follows a list of which the first `MOST_LISTED` of `n` were shown."""
    return f" and {n - MOST_LISTED} more" if n > MOST_LISTED else ""


def key(name: str) -> str:
    """A name as TOML writes keys."""
    is_bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else f'"{name}"'
