"""Where a result's inputs are now.

A result names paths that whoever wrote it chose. So of those outside its own folder, the working folder and what the
user names, only files that are still what was recorded are read: their writer has seen them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from abimpact.errors import DataError
from abimpact.read.sources import expand
from abimpact.read.walking import files_matching
from abimpact.rerun.recorded import Recorded, RecordedFile
from abimpact.spec.folders import MAGIC, anchor, is_inside
from abimpact.spec.request import Request


class MovedOnError(Exception):
    """A file outside the folders that may be read is not what was recorded; its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders and files that may be read whatever they hold: `given` ones win over those that were recorded."""

    recorded: Recorded
    given: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """What may be read whatever it holds."""
        return (str(Path.cwd()), str(self.recorded.folder), *(str(anchor(path)) for path in self.given))

    def request(self, request: Request) -> Request:
        """`request` with every path where the file is now."""
        fills = tuple(replace(fill, file=self.file(fill.file), within=None) for fill in request.fill)
        declared = request.outcomes
        outcomes = declared and replace(declared, file=self.file(declared.file), within=None)
        used = {fill.file for fill in fills} | ({outcomes.file} if outcomes else set())
        return replace(request, fill=fills, outcomes=outcomes, sources=self._log(request.sources, used))

    def file(self, path: str) -> str:
        """Where a further file (or pattern) is: given by name, else as recorded."""
        name = Path(path).name
        for given in map(Path, self.given):
            beside = given / name
            if given.name == name or beside.exists():
                return str(given if given.name == name else beside)
        return self._found(path)[0]

    def further(self, path: str, sha256: object) -> str:
        """Where a file is that a verb was given beside the log; `sha256` is what its digest was."""
        name = Path(path).name
        given = next((p for p in self.given if Path(p).name == name), None)
        here = [p for p in _candidates(path, self.recorded.folder) if self._may_read(p) and _exists(p)]
        if given or here:
            return given or here[0]
        if not Path(path).is_file():
            raise _not_there(self.recorded.path, path)
        if digest(path) != sha256:
            raise MovedOnError(path)
        return path

    def _log(self, sources: Sequence[str], used: Iterable[str]) -> tuple[str, ...]:
        named = tuple(path for path in self.given if path not in used)
        return named or tuple(path for source in sources for path in self._found(source))

    def _found(self, source: str) -> tuple[str, ...]:
        """A recorded source where it is: in a folder that may be read, or file by file as it was."""
        here = [path for path in _candidates(source, self.recorded.folder) if self._may_read(path) and _exists(path)]
        if here:
            path = next((path for path in here if self._is_as_recorded(path)), here[0]) if len(here) > 1 else here[0]
            for found in expand([path]):
                if not is_inside(found.path, self.roots) and digest(found.path) not in self._digests:
                    raise MovedOnError(found.path)
            return (path,)
        files = [f for f in self.recorded.provenance.sources if _stands_for(source, f.path)]
        if not files or not all(Path(f.path).is_file() for f in files):
            raise _not_there(self.recorded.path, source)
        for file in files:
            if not _is_same(file):
                raise MovedOnError(file.path)
        return tuple(file.path for file in files)

    def _may_read(self, path: str) -> bool:
        start = anchor(path)
        return is_inside(start, self.roots) and ".." not in Path(path).parts[len(start.parts) :]

    @property
    def _digests(self) -> set[str | None]:
        return {f.sha256 for f in self.recorded.provenance.sources}

    def _is_as_recorded(self, path: str) -> bool:
        return all(digest(file.path) in self._digests for file in expand([path]))


def _not_there(result: str, path: str) -> DataError:
    return DataError(f"{result}: its input {path} is not there, nor beside it.", "Say where it is now: --data PATH.")


def digest(path: str) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _candidates(source: str, folder: Path) -> tuple[str, ...]:
    """Where a recorded path may be: where it was, or beside the result that was moved with it."""
    beside = () if Path(source).is_absolute() else (str(folder / source),)
    return tuple(dict.fromkeys((source, *beside, str(folder / Path(source).name))))


def _exists(path: str) -> bool:
    return "\0" not in path and (Path(path).exists() or (bool(MAGIC & set(path)) and bool(files_matching(path))))


def _stands_for(source: str, path: str) -> bool:
    return path == source or Path(source) in Path(path).parents or fnmatch(path, source)


def _is_same(file: RecordedFile) -> bool:
    path = Path(file.path)
    return file.sha256 is not None and path.stat().st_size == file.bytes and digest(file.path) == file.sha256
