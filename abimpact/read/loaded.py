"""What loading gives: a relation of all rows, and what is known of the files that they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abimpact.read.engine import Engine
from abimpact.spec.expression import literal, quote
from abimpact.spec.private import may_name_somebody

# The helper columns that name a row's file and its place there.
FILE, ROW = "abimpact_file", "abimpact_row"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileColumns:
    """One file: type families of its columns by the log's names, and its own names where they are others."""

    path: str
    format: str
    columns: Mapping[str, str]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A column filled in from the file `path` by the key `by`: rows that had no value, and those that found one."""

    column: str
    path: str
    by: str
    missing: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A relation with the log's own columns, and the expression that gives its rows their file order ("": none).

    `is_parsed` says that its texts were parsed from text files, `has_decimal_commas` that one of these separates its
    columns by semicolons, as people do who write decimal commas; `guesses` what was assumed. A relation of `files`
    has the columns `FILE` and `ROW`. Where outcomes are events of other files, `assignments` are the paths of those
    that say who was exposed when. Values of the columns `identifiers` name units, and are never shown.
    """

    relation: str
    order: str
    is_parsed: bool = False
    has_decimal_commas: bool = False
    guesses: tuple[str, ...] = ()
    files: tuple[FileColumns, ...] = ()
    fills: tuple[Filled, ...] = ()
    assignments: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()


def file_sql(files: Sequence[FileColumns]) -> str:
    """SQL for the path of a row's file ("" where rows come from none), which costs nothing where there is one file."""
    return FILE if len(files) > 1 else literal(files[0].path if files else "")


def first(engine: Engine, loaded: Loaded, column: str, condition: str) -> tuple[str, str]:
    """Where the first row is for which `condition` holds ("log.csv, row 7: ", "" if unknown), and its value there.

    The value is told as ", for example 'x'", and not at all where it may name somebody.
    """
    at, text = _first(engine, loaded, column, condition)
    is_private = column in loaded.identifiers or may_name_somebody(text)
    return at, "" if is_private else f", for example {text[:40]!r}"


def _first(engine: Engine, loaded: Loaded, column: str, condition: str) -> tuple[str, str]:
    value = f"trim(CAST({quote(column)} AS VARCHAR))"
    if not loaded.files:
        return "", str(engine.rows(f"SELECT {value} FROM {loaded.relation} WHERE {condition} LIMIT 1")[0][0])
    path, row, text = engine.rows(
        f"SELECT {FILE}, {ROW}, {value} FROM {loaded.relation} WHERE {condition} ORDER BY {FILE}, {ROW} LIMIT 1"
    )[0]
    if next(f.format for f in loaded.files if f.path == path) == "csv":
        # The rows of several text files are counted through; the first row of each names its columns.
        (start,) = engine.rows(f"SELECT min({ROW}) FROM {loaded.relation} WHERE {FILE} = {literal(path)}")[0]
        row = row - start + 2
    return f"{path}, row {row}: ", text
