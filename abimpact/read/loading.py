"""Files become one engine relation: Parquet is scanned in place, anything else is taken once into a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.joining import BY_FILE, joined, log_columns
from abimpact.read.loaded import FILE, ROW, FileColumns, Loaded, first
from abimpact.read.survey import Part, Survey
from abimpact.read.text_files import (
    ALL_ROWS,
    READ_AS_LATIN,
    SNIFFED_ROWS,
    csv_reader,
    data_error,
    is_encoding_error,
    listed,
)
from abimpact.spec.expression import literal, quote


def load(
    engine: DuckDBEngine,
    survey: Survey,
    *,
    texts: Sequence[str] = (),
    numbers: Sequence[str] = (),
    time: str | None = None,
    identifiers: Sequence[str] = (),
    table: str = "loaded",
) -> Loaded:
    """Make all columns of a log's files readable as one relation.

    Text files keep their own spelling in the columns `texts`. Those of `numbers` are needed as such: where a file has
    labels, the numbers behind them are taken. The column `time` has to hold dates. Every row is read as it is written,
    or the error says which cannot be. Tables of the engine begin with `table`. Errors show no values of
    the columns `identifiers`.
    """
    parts = [
        replace(_load(engine, part, f"{table}_{i}", texts, numbers), identifiers=tuple(identifiers))
        for i, part in enumerate(survey.parts)
    ]
    whole = parts[0] if len(parts) == 1 else joined(engine, parts, f"{table}_rows", texts, numbers)
    if time and log_columns(engine, whole).get(time) == "text":
        _check_times(engine, replace(whole, identifiers=tuple(identifiers)), time)
    return replace(whole, guesses=(*survey.guesses, *whole.guesses), identifiers=tuple(identifiers))


def load_frame(engine: DuckDBEngine, frame: object) -> Loaded:
    """Make a data frame or Arrow table readable as a relation in the order of its rows."""
    engine.register("frame", frame)
    engine.execute("CREATE TEMP TABLE frame_rows AS SELECT * FROM frame")
    return Loaded(relation="frame_rows", order="rowid")


def _check_times(engine: DuckDBEngine, loaded: Loaded, name: str) -> None:
    """Say where the first text stands that is no date."""
    misfit = f"{quote(name)} IS NOT NULL AND TRY_CAST({quote(name)} AS DATE) IS NULL"
    n = engine.rows(f"SELECT count_if({misfit}) FROM {loaded.relation}")[0][0]
    if n:
        at, example = first(engine, loaded, name, misfit)
        raise DataError(
            f"{at}column {name!r} has text where dates belong: {n:,} value{'s' if n > 1 else ''}{example}.",
            "Write dates like 2026-03-31, or name another column with --time.",
        )


def _load(engine: DuckDBEngine, part: Part, table: str, texts: Sequence[str], numbers: Sequence[str]) -> Loaded:
    """One part of the log under the log's names."""
    own = {name: part.names.get(name, name) for name in part.columns}
    own |= {name: code for name, code in part.codes.items() if name in numbers}
    files = tuple(
        FileColumns(path=f.path, format=part.format, columns=part.columns, names=part.names) for f in part.files
    )
    if part.format == "csv":
        return replace(_load_csv(engine, part, own, table, texts), files=files)
    selected = ", ".join(f"{quote(o)} AS {quote(name)}" for name, o in own.items())
    if part.format == "parquet":
        source = f"SELECT {selected}, {FILE}, file_row_number + 1 AS {ROW} FROM read_parquet({listed(part.files)})"
        return Loaded(relation=f"({source})", order=BY_FILE, files=files)
    row = ROW if ROW in engine.describe(part.table) else "rowid + 1"
    source = f"SELECT {selected}, {literal(part.files[0].path)} AS {FILE}, {row} AS {ROW} FROM {quote(part.table)}"
    return Loaded(relation=f"({source})", order=ROW, files=files)


def _load_csv(engine: DuckDBEngine, part: Part, own: Mapping[str, str], table: str, texts: Sequence[str]) -> Loaded:
    """CSV files as a table: read by the types of their first rows if these hold, else by those of all rows."""
    selected = ", ".join([*(f"{quote(o)} AS {quote(name)}" for name, o in own.items()), FILE])
    in_files = {name for name in own if own[name] not in _partitions(part)}
    spelled = {own[name]: "VARCHAR" for name in texts if name in in_files}
    # DuckDB rounds 1.5 to 2 where the first rows of a column were whole numbers, so those are read as doubles.
    integers = {own[name]: "DOUBLE" for name in in_files if part.columns[name] == "integer"}
    attempts = [(integers | spelled, SNIFFED_ROWS, part.encoding), (spelled, ALL_ROWS, part.encoding)]
    attempts += [(types, rows, "latin-1") for types, rows, _ in attempts]
    failure: duckdb.Error | None = None
    for types, rows, encoding in attempts:
        if failure is not None and encoding == "latin-1" and not is_encoding_error(failure):
            break
        reader = csv_reader(part.files, part.delimiter, encoding, types=types, sample_size=rows)
        try:
            engine.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {selected} FROM {reader}")
        except duckdb.Error as error:
            failure = error
        else:
            return Loaded(
                relation=f"(SELECT *, rowid AS {ROW} FROM {table})",
                order=ROW,
                is_parsed=True,
                has_decimal_commas=part.delimiter == ";",
                guesses=(READ_AS_LATIN,) if encoding == "latin-1" else (),
            )
    assert failure is not None
    raise data_error(failure, part.files) from failure


def _partitions(part: Part) -> set[str]:
    """The keys of the `key=value` folders that the files lie in."""
    return {key for f in part.files if f.is_hive for key, is_key, _ in map(_split, f.path.split("/")[:-1]) if is_key}


def _split(folder: str) -> tuple[str, str, str]:
    return folder.partition("=")
