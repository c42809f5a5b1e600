"""Files that are taken into a table at once, because nothing reads them in place: one reader for each format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import duckdb

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import first_line
from abimpact.read.sources import NAMES, InputFile
from abimpact.spec.expression import quote
from abimpact.spec.request import Pick


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a reader found: `rows`, an Arrow table or reader, or else the SQL expression `source`.

    Where rows of the file lie between those of data, the column `ROW` counts them. `codes` names for each column of
    labels the one that has the numbers behind them. `guesses` says what was assumed.
    """

    rows: Any = None
    source: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    guesses: tuple[str, ...] = ()


# Formats, the modules that read them, and their functions `(engine, file, pick) -> Taken`. The modules import heavy
# packages, and are imported for such a file only.
READERS = {
    "json": ("json_lines", "read_json"),
    "arrow": ("arrow", "read_arrow"),
    "excel": ("excel", "read_excel"),
    "spss": ("labelled", "read_spss"),
    "stata": ("labelled", "read_stata"),
    "sqlite": ("databases", "read_sqlite"),
    "duckdb": ("databases", "read_duckdb"),
}


def take(engine: DuckDBEngine, file: InputFile, pick: Pick, table: str) -> Taken:
    """Make the rows of `file` the engine's table `table`; a DataError says what is wrong with the file."""
    module, name = READERS[file.format]
    read: Callable[[DuckDBEngine, InputFile, Pick], Taken] = getattr(import_module(f"abimpact.read.{module}"), name)
    try:
        taken = read(engine, file, pick)
        if taken.rows is not None:
            engine.register("taken_rows", taken.rows)
        source = taken.source or "taken_rows"
        engine.execute(f"CREATE TEMP TABLE {quote(table)} AS SELECT * FROM {source}")
    except duckdb.Error as error:
        raise unreadable(file, first_line(error)) from error
    return taken


def unreadable(file: InputFile, why: str) -> DataError:
    """The error of a file that its format's reader refuses."""
    return DataError(
        f"{file.path} cannot be read as {NAMES[file.format]}: {why.strip().rstrip('.')}.", "Copy or export it again."
    )
