"""Files become one engine relation: Parquet is scanned in place, anything else is taken once into a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loaded import FILE, ROW, FileColumns, Loaded, first
from abimpact.read.numbers_in_text import number_sql
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

NUMBERS, DATES = ("integer", "float", "boolean"), ("date", "timestamp")
# The order of rows that come from several tables.
BY_FILE = f"struct_pack(f := {FILE}, r := {ROW})"


def load(
    engine: DuckDBEngine,
    survey: Survey,
    *,
    texts: Sequence[str] = (),
    numbers: Sequence[str] = (),
    time: str | None = None,
) -> Loaded:
    """Make all columns of a log's files readable as one relation.

    Text files keep their own spelling in the columns `texts`. Those of `numbers` are needed as such: where a file has
    labels, the numbers behind them are taken. The column `time` has to hold dates. Every row is read as it is written,
    or the error says which cannot be.
    """
    parts = [_load(engine, part, f"loaded_{i}", texts, numbers) for i, part in enumerate(survey.parts)]
    joined = parts[0] if len(parts) == 1 else _joined(engine, parts, texts, numbers)
    if time and log_columns(engine, joined).get(time) == "text":
        _check_times(engine, joined, time)
    return replace(joined, guesses=(*survey.guesses, *joined.guesses))


def load_frame(engine: DuckDBEngine, frame: object) -> Loaded:
    """Make a data frame or Arrow table readable as a relation in the order of its rows."""
    engine.register("frame", frame)
    engine.execute("CREATE TEMP TABLE frame_rows AS SELECT * FROM frame")
    return Loaded(relation="frame_rows", order="rowid")


def rows_per_file(engine: DuckDBEngine, loaded: Loaded) -> dict[str, int]:
    """The number of rows that each file gave."""
    return dict(engine.rows(f"SELECT {FILE}, count(*) FROM {loaded.relation} GROUP BY ALL"))


def log_columns(engine: DuckDBEngine, loaded: Loaded) -> dict[str, str]:
    """Names and type families of the log's own columns."""
    return {name: family for name, family in engine.describe(loaded.relation).items() if name not in (FILE, ROW)}


def _check_times(engine: DuckDBEngine, loaded: Loaded, name: str) -> None:
    """Say where the first text stands that is no date."""
    misfit = f"{quote(name)} IS NOT NULL AND TRY_CAST({quote(name)} AS DATE) IS NULL"
    n = engine.rows(f"SELECT count_if({misfit}) FROM {loaded.relation}")[0][0]
    if n:
        at, example = first(engine, loaded, name, misfit)
        raise DataError(
            f"{at}column {name!r} has text where dates belong: {n:,} values, for example {example!r}.",
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


def _joined(engine: DuckDBEngine, parts: Sequence[Loaded], texts: Sequence[str], numbers: Sequence[str]) -> Loaded:
    """Several parts as one relation, in which a column has one type."""
    families = [log_columns(engine, part) for part in parts]
    replaced: list[dict[str, str]] = [{} for _ in parts]
    guesses: list[str] = []
    for name in dict.fromkeys(name for found in families for name in found):
        found = {i: families[i][name] for i in range(len(parts)) if name in families[i]}
        if len(set(map(_kind, found.values()))) > 1:
            # A column without values agrees with any other.
            for i in [i for i in found if not _has_values(engine, parts[i], name)]:
                replaced[i][name], families[i][name] = "NULL", "empty"
                del found[i]
        columns, said = _aligned(engine, parts, name, found, is_text=name in texts, is_number=name in numbers)
        guesses += said
        for i, sql in columns.items():
            replaced[i][name] = sql
    selects = [_select(part.relation, columns) for part, columns in zip(parts, replaced, strict=True)]
    engine.execute(f"CREATE OR REPLACE TEMP VIEW all_rows AS {' UNION ALL BY NAME '.join(selects)}")
    files = [
        replace(file, columns={name: found[name] for name in file.columns})
        for part, found in zip(parts, families, strict=True)
        for file in part.files
    ]
    return Loaded(
        relation="all_rows",
        order=BY_FILE,
        is_parsed=any(part.is_parsed for part in parts),
        has_decimal_commas=any(part.has_decimal_commas for part in parts),
        guesses=(*dict.fromkeys(guess for part in parts for guess in part.guesses), *guesses),
        files=tuple(sorted(files, key=lambda file: file.path)),
    )


def _select(relation: str, columns: Mapping[str, str]) -> str:
    replaced = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    return f"SELECT *{f' REPLACE ({replaced})' if replaced else ''} FROM {relation}"


def _has_values(engine: DuckDBEngine, part: Loaded, name: str) -> bool:
    return bool(engine.rows(f"SELECT count({quote(name)}) FROM {part.relation}")[0][0])


def _kind(family: str) -> str:
    return "number" if family in NUMBERS else "date" if family in DATES else family


def _aligned(
    engine: DuckDBEngine,
    parts: Sequence[Loaded],
    name: str,
    families: Mapping[int, str],
    *,
    is_text: bool,
    is_number: bool,
) -> tuple[dict[int, str], list[str]]:
    """SQL that gives a column one type where its parts have several `families`, and what was assumed."""
    kinds = set(map(_kind, families.values()))
    if is_text:
        return ({i: _text(name, f) for i, f in families.items()} if len(set(families.values())) > 1 else {}), []
    if "text" in kinds and kinds <= {"number", "text"} and (len(kinds) > 1 or is_number):
        columns, said = _as_numbers(engine, parts, name, families, is_needed=is_number)
    elif kinds == {"date", "text"}:
        columns, said = _as_times(engine, parts, name, families), []
    elif len(kinds) == 1:
        return {}, []
    else:
        columns, said = {}, []
    return columns or {i: _text(name, f) for i, f in families.items()}, said


def _as_numbers(
    engine: DuckDBEngine, parts: Sequence[Loaded], name: str, families: Mapping[int, str], *, is_needed: bool
) -> tuple[dict[int, str], list[str]]:
    """The parts' columns as numbers; none if one has text that is no number, an error if they are needed as such."""
    columns, said = {}, []
    for i, family in families.items():
        if family != "text":
            columns[i] = f"CAST({quote(name)} AS DOUBLE)"
            continue
        try:
            columns[i], guess = number_sql(engine, parts[i], name, is_part=True)
        except DataError:
            if is_needed:
                raise
            return {}, []
        said.append(guess)
    return columns, said


def _as_times(engine: DuckDBEngine, parts: Sequence[Loaded], name: str, families: Mapping[int, str]) -> dict[int, str]:
    """The parts' columns as times; none if one has text that is no time."""
    misfit = f"{quote(name)} IS NOT NULL AND TRY_CAST({quote(name)} AS TIMESTAMP) IS NULL"
    texts = [parts[i].relation for i, family in families.items() if family == "text"]
    if any(engine.rows(f"SELECT count_if({misfit}) FROM {relation}")[0][0] for relation in texts):
        return {}
    return {i: f"CAST({quote(name)} AS TIMESTAMP)" for i in families}


def _text(name: str, family: str) -> str:
    """A column as text, in which a whole number has no decimals."""
    column = quote(name)
    text = f"CAST({column} AS VARCHAR)"
    if family != "float":
        return text
    is_whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
    return f"CASE WHEN {is_whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE {text} END"
