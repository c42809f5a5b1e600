"""From what the user named (files, globs, folders) to a list of readable files and the SQL that reads them."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abimpact.errors import ConfigError, DataError, UsageError, nearest
from abimpact.read.walking import files_below, files_matching
from abimpact.spec.folders import HINT, MAGIC, anchor, is_inside

FORMATS = {
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".sav", ".zsav"), "spss"),
    ".dta": "stata",
    **dict.fromkeys((".duckdb", ".ddb"), "duckdb"),
    # A .db is told by its content.
    **dict.fromkeys((".sqlite", ".sqlite3", ".db"), "sqlite"),
}
# Notes and settings often end like this, so one that is meant has to be named.
NOT_FROM_FOLDERS = (".txt", ".json")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
# How files begin, and what they are then.
BEGINNINGS = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "arrow"),
    (b"PK\x03\x04", "excel"),
    (b"\xd0\xcf\x11\xe0", "excel"),
    (b"$FL2", "spss"),
    (b"$FL3", "spss"),
    (b"<stata_dta>", "stata"),
    (b"SQLite format 3\0", "sqlite"),
    (b'{"', "json"),
    (b"[{", "json"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
NAMES = {
    "parquet": "Parquet",
    "csv": "CSV",
    "json": "JSON",
    "arrow": "Arrow",
    "excel": "Excel",
    "spss": "SPSS",
    "stata": "Stata",
    "sqlite": "SQLite",
    "duckdb": "DuckDB",
    "gzip": "gzip",
    "zstd": "zstd",
}
# Older files of these formats begin in other ways; their readers have to tell.
OTHER_BEGINNINGS = ("arrow", "stata")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read: its format (a value of `FORMATS`) and whether it lies in `key=value` folders.

    `stamp` tells whether it is still the same: see `stamp_of`.
    """

    path: str
    format: str
    is_hive: bool
    bytes: int
    stamp: tuple[int, ...]


def stamp_of(found: os.stat_result) -> tuple[int, ...]:
    """Device, inode, size and time of change (ns) of a file."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def expand(sources: Sequence[str]) -> tuple[InputFile, ...]:
    """All files that `sources` (files, globs, folders) stand for, sorted, each once."""
    found: dict[Path, InputFile] = {}
    for source in sources:
        for path in _found(source):
            found.setdefault(path.resolve(), _input_file(path))
    return tuple(sorted(found.values(), key=lambda file: file.path))


def expand_within(source: str, folders: Sequence[str] | None, what: str) -> tuple[InputFile, ...]:
    """As `expand`, for a path that the config has under the key `what`: it may lead into `folders` only (None: all).

    ConfigError is the same whether there is such a file or not.
    """
    if folders is not None and "\0" not in source:
        lost = ConfigError(f"{what} {source} leads out of the folders that were named.", HINT)
        start = Path(source) if os.path.exists(source) else anchor(source)
        if not is_inside(start, folders) or ".." in Path(source).parts[len(start.parts) :]:
            raise lost
        if not all(is_inside(path, folders) for path in _found(source)):
            raise lost
    return expand([source])


def _found(source: str) -> Iterable[Path]:
    """The paths that a source names; whatever the system has against one is an error of the data."""
    if "\0" in source:
        raise DataError(f"{source!r} is no path: it has a zero character.")
    try:
        return _paths(source)
    except OSError as error:
        raise DataError(f"{source[:200]} cannot be read: {error.strerror}.") from error


def _paths(source: str) -> Iterable[Path]:
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in files_below(path) if _is_data(p) and not _is_hidden(p, path))
        if not files:
            raise DataError(f"The folder {source} has no data files.", f"Known endings: {', '.join(FORMATS)}.")
        return files
    if path.exists():
        return [path]
    matches = files_matching(source) if MAGIC & set(source) else []
    if matches:
        return matches
    if MAGIC & set(source):
        raise DataError(f"No file matches {source}.", "Quote the pattern if the shell should not expand it.")
    folder = path.parent
    names = os.listdir(folder) if folder.is_dir() else []
    hint = nearest(path.name, names)
    raise DataError(f"There is no file {source}.", hint if hint.startswith("Did") else "Check the path.")


def _is_data(path: Path) -> bool:
    """Whether a file of a folder is read."""
    return _format(path) is not None and path.suffix.lower() not in NOT_FROM_FOLDERS


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_", "~$")) for part in path.relative_to(root).parts)


def _format(path: Path) -> str | None:
    """The format that a file's ending means; only text formats may be compressed."""
    suffixes = [s.lower() for s in path.suffixes]
    is_compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    if is_compressed:
        suffixes.pop()
    found = FORMATS.get(suffixes[-1]) if suffixes else None
    return None if is_compressed and found not in ("csv", "json") else found


def _input_file(path: Path) -> InputFile:
    if not path.is_file():
        raise DataError(f"{path} is not a regular file.", "Name a file, a glob or a folder.")
    file_format = _format(path)
    if file_format is None:
        raise UsageError(
            f"{path}: the ending {path.suffix!r} is not known.",
            f"Known: {', '.join(FORMATS)}; text files also with {' or '.join(COMPRESSIONS)}.",
        )
    found = path.stat()
    size = found.st_size
    if size == 0:
        raise DataError(f"{path} is empty (0 bytes).", "Check the export that wrote it.")
    file_format = _checked(path, file_format, size)
    return InputFile(str(path), file_format, any("=" in part for part in path.parts[:-1]), size, stamp_of(found))


def _checked(path: Path, expected: str, size: int) -> str:
    """The file's format, if its content is what the ending says."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            file.seek(max(size - 4, 0))
            tail = file.read(4)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    seen = _seen(head)
    if path.suffix.lower() == ".db" and seen == "duckdb":
        return "duckdb"
    wanted = COMPRESSIONS.get(path.suffix.lower(), expected)
    if seen is not None and seen != wanted:
        ending = next(ending for ending, name in {**FORMATS, **COMPRESSIONS}.items() if name == seen)
        raise DataError(
            f"{path} cannot be read: it is a {NAMES[seen]} file and not a {NAMES[wanted]} file.",
            f"Give it its own ending, {ending}.",
        )
    if seen is None and wanted not in ("csv", "json", *OTHER_BEGINNINGS):
        raise DataError(
            f"{path} cannot be read: it is not a {NAMES[wanted]} file (it does not begin like one).",
            "If it is text, give it the ending .csv.",
        )
    if wanted == "parquet" and tail != b"PAR1":
        raise DataError(f"{path} is cut off (its Parquet footer is missing).", "Copy or export it again.")
    return expected


def _seen(head: bytes) -> str | None:
    """The format that a file begins like; None where its beginning says nothing."""
    if head[8:12] == b"DUCK":
        return "duckdb"
    return next((name for beginning, name in BEGINNINGS if head.startswith(beginning)), None)
