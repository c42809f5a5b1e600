"""Several parts of a log as one relation, in which every column has one type."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loaded import FILE, ROW, Loaded
from abimpact.read.numbers_in_text import number_sql
from abimpact.spec.expression import quote

NUMBERS, DATES = ("integer", "float", "boolean"), ("date", "timestamp")
# The order of rows that come from several tables.
BY_FILE = f"struct_pack(f := {FILE}, r := {ROW})"


def log_columns(engine: DuckDBEngine, loaded: Loaded) -> dict[str, str]:
    """Names and type families of the log's own columns."""
    return {name: family for name, family in engine.describe(loaded.relation).items() if name not in (FILE, ROW)}


def joined(
    engine: DuckDBEngine, parts: Sequence[Loaded], view: str, texts: Sequence[str], numbers: Sequence[str]
) -> Loaded:
    """The `parts` as one relation, the engine's `view`; `texts` and `numbers` are as `load` has them."""
    families = [log_columns(engine, part) for part in parts]
    replaced: list[dict[str, str]] = [{} for _ in parts]
    guesses: list[str] = []
    for name in dict.fromkeys(name for found in families for name in found):
        found = {i: families[i][name] for i in range(len(parts)) if name in families[i]}
        if len(set(map(kind_of, found.values()))) > 1:
            # A column without values agrees with any other.
            for i in [i for i in found if not _has_values(engine, parts[i], name)]:
                replaced[i][name], families[i][name] = "NULL", "empty"
                del found[i]
        columns, said = _aligned(engine, parts, name, found, is_text=name in texts, is_number=name in numbers)
        guesses += said
        for i, sql in columns.items():
            replaced[i][name] = sql
    selects = [_select(part.relation, columns) for part, columns in zip(parts, replaced, strict=True)]
    engine.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {' UNION ALL BY NAME '.join(selects)}")
    files = [
        # A column that keeps its spelling is of the type that it would have without.
        replace(file, columns={name: f if name in texts else found[name] for name, f in file.columns.items()})
        for part, found in zip(parts, families, strict=True)
        for file in part.files
    ]
    return Loaded(
        relation=view,
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


def kind_of(family: str) -> str:
    """Whether a type family holds numbers, dates, or something else."""
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
    kinds = set(map(kind_of, families.values()))
    if is_text:
        return (
            {i: text_of(quote(name), f) for i, f in families.items()} if len(set(families.values())) > 1 else {}
        ), []
    if "text" in kinds and kinds <= {"number", "text"} and (len(kinds) > 1 or is_number):
        columns, said = _as_numbers(engine, parts, name, families, is_needed=is_number)
    elif kinds == {"date", "text"}:
        columns, said = _as_times(engine, parts, name, families), []
    elif len(kinds) == 1:
        return {}, []
    else:
        columns, said = {}, []
    return columns or {i: text_of(quote(name), f) for i, f in families.items()}, said


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


def text_of(column: str, family: str) -> str:
    """The SQL `column` as text, in which a whole number has no decimals."""
    text = f"CAST({column} AS VARCHAR)"
    if family != "float":
        return text
    is_whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
    return f"CASE WHEN {is_whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE {text} END"
