"""Files in a folder and files that match a pattern: whatever links there are, each folder is entered once."""

import errno
import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from abimpact.errors import DataError
from abimpact.spec.folders import MAGIC

# Files and folders that are looked at for one source.
MOST_ENTRIES = 1_000_000
NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Walk:
    """One search; its `entries` are counted, lest a pattern goes through a whole disk."""

    def __init__(self, source: str) -> None:
        """`source` is what errors name."""
        self._source, self._entries = source, 0

    def below(self, folders: Iterable[Path]) -> Iterator[os.DirEntry[str]]:
        """All below `folders` whose name begins with no dot; folders that are only linked to are not entered."""
        seen: set[tuple[int, int]] = set()
        todo = sorted(map(str, folders), reverse=True)
        while todo:
            folder = todo.pop()
            if (identity := _identity(folder)) in seen:
                continue
            seen.add(identity)
            for entry in self.inside(folder):
                if entry.name.startswith("."):
                    continue
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)

    def inside(self, folder: str | Path) -> list[os.DirEntry[str]]:
        """What lies in one folder."""
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            if error.errno in NOTHING_THERE:
                return []
            raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error
        self._entries += len(entries)
        if self._entries > MOST_ENTRIES:
            raise DataError(
                f"{self._source}: more than {MOST_ENTRIES:,} files and folders would have to be looked at.",
                "Name a folder further down.",
            )
        return entries


def files_below(folder: Path) -> Iterator[Path]:
    """Every regular file in a folder and below whose path begins nowhere with a dot; linked folders are not entered."""
    for entry in Walk(str(folder)).below([folder]):
        path = Path(entry.path)
        if path.is_file():
            yield path


def files_matching(pattern: str) -> list[Path]:
    """The regular files that a pattern matches, sorted.

    `*`, `?` and `[…]` stand for names that begin with no dot, `**` for any number of folders; it enters no linked ones.
    """
    walk = Walk(pattern)
    every = Path(pattern).parts
    parts = [part for part, before in zip(every, ("", *every), strict=False) if not part == before == "**"]
    found = {Path()}
    for place, part in enumerate(parts):
        if part == "**":
            is_last = place == len(parts) - 1
            found = {p for p in found if p.is_dir()}
            found |= {Path(e.path) for e in walk.below(found) if is_last or e.is_dir(follow_symlinks=False)}
        elif MAGIC & set(part):
            entries = (e for folder in found for e in walk.inside(folder))
            found = {Path(e.path) for e in entries if _matches(e.name, part)}
        else:
            found = {folder / part for folder in found}
    return sorted(path for path in found if path.is_file())


def _identity(folder: str) -> tuple[int, int]:
    """What a folder is, whichever way leads to it."""
    try:
        found = os.stat(folder)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _matches(name: str, part: str) -> bool:
    return fnmatchcase(name, part) and (not name.startswith(".") or part.startswith("."))
