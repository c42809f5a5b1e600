"""From what the user named (files, globs, folders) to a list of readable files and the SQL that reads them."""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abimpact.errors import DataError, UsageError, nearest

FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
COMPRESSIONS = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read: its format (`parquet` or `csv`) and whether it lies in `key=value` folders."""

    path: str
    format: str
    is_hive: bool
    bytes: int


def expand(sources: Sequence[str]) -> tuple[InputFile, ...]:
    """All files that `sources` (files, globs, folders) stand for, sorted, each once."""
    found: dict[Path, InputFile] = {}
    for source in sources:
        for path in _paths(source):
            found.setdefault(path.resolve(), _input_file(path))
    return tuple(sorted(found.values(), key=lambda file: file.path))


def _paths(source: str) -> Iterable[Path]:
    path = Path(source)
    if path.is_dir():
        try:
            files = sorted(p for p in path.rglob("*") if _is_data(p) and not _is_hidden(p, path) and p.is_file())
        except OSError as error:
            raise DataError(f"The folder {source} cannot be read: {error.strerror} ({error.filename}).") from error
        if not files:
            raise DataError(f"The folder {source} has no data files.", f"Known endings: {', '.join(FORMATS)}.")
        return files
    if path.exists():
        return [path]
    matches = sorted(Path(m) for m in glob.glob(source, recursive=True) if Path(m).is_file())
    if matches:
        return matches
    if glob.has_magic(source):
        raise DataError(f"No file matches {source}.", "Quote the pattern if the shell should not expand it.")
    folder = path.parent
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    hint = nearest(path.name, names)
    raise DataError(f"There is no file {source}.", hint if hint.startswith("Did") else "Check the path.")


def _is_data(path: Path) -> bool:
    """Whether a file of a folder is read; notes are often .txt, so one of those has to be named."""
    return _format(path) is not None and path.suffix.lower() != ".txt"


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(root).parts)


def _format(path: Path) -> str | None:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _input_file(path: Path) -> InputFile:
    if not path.is_file():
        raise DataError(f"{path} is not a regular file.", "Name a file, a glob or a folder.")
    file_format = _format(path)
    if file_format is None:
        raise UsageError(f"{path}: the ending {path.suffix!r} is not known.", f"Known: {', '.join(FORMATS)}.")
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{path} is empty (0 bytes).", "Check the export that wrote it.")
    if file_format == "parquet":
        _check_parquet(path, size)
    return InputFile(str(path), file_format, any("=" in part for part in path.parts[:-1]), size)


def _check_parquet(path: Path, size: int) -> None:
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(size - 4, 0))
        tail = file.read(4)
    if head != b"PAR1":
        raise DataError(
            f"{path} is not a Parquet file (it does not begin with PAR1).",
            "If it is text, give it the ending .csv.",
        )
    if tail != b"PAR1":
        raise DataError(f"{path} is cut off (its Parquet footer is missing).", "Copy or export it again.")
