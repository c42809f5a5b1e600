"""Columns that are filled in from another file by key, where the log has no value of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import first_line
from abimpact.read.joining import kind_of, log_columns, text_of
from abimpact.read.loaded import ROW, Filled, Loaded, first
from abimpact.read.loading import load
from abimpact.read.sources import InputFile, expand_within
from abimpact.read.survey import Survey, survey
from abimpact.spec.expression import find_column, quote
from abimpact.spec.request import Fill, Pick


@dataclass(frozen=True, slots=True)
class Filling:
    """A declared fill, its files, and their columns; `column` and `by` are called there as `file_column`, `file_by`."""

    fill: Fill
    files: tuple[InputFile, ...]
    survey: Survey
    file_column: str
    file_by: str


def files_of(fills: Sequence[Fill]) -> tuple[tuple[InputFile, ...], ...]:
    """The files that each fill reads."""
    return tuple(expand_within(fill.file, fill.within, "[[data.fill]]") for fill in fills)


def survey_fills(
    engine: DuckDBEngine, fills: Sequence[Fill], files: Sequence[tuple[InputFile, ...]]
) -> tuple[Filling, ...]:
    """The fills with what is in their files; a DataError names a column that is not."""
    found = []
    for place, (fill, of_fill) in enumerate(zip(fills, files, strict=True)):
        seen = survey(engine, of_fill, Pick(), prefix=f"fill_{place}_rows")
        what = f"[[data.fill]] {fill.file}"
        found.append(
            Filling(
                fill,
                of_fill,
                seen,
                find_column(fill.column, seen.families, what),
                find_column(fill.by, seen.families, what),
            )
        )
    return tuple(found)


def with_fills(families: Mapping[str, str], fillings: Sequence[Filling]) -> dict[str, str]:
    """The log's columns with those that only the fills have."""
    known = dict(families)
    for f in fillings:
        find_column(f.fill.by, known, f"[[data.fill]] {f.fill.column}, by")
        names = {name.casefold() for name in known}
        if f.fill.column.casefold() not in names:
            known[f.fill.column] = f.survey.families[f.file_column]
    return known


def filled(engine: DuckDBEngine, loaded: Loaded, fillings: Sequence[Filling], texts: Sequence[str]) -> Loaded:
    """The log with its columns filled in; how many rows had no value and how many found one is counted."""
    for place, filling in enumerate(fillings):
        try:
            loaded = _filled(engine, loaded, filling, f"fill_{place}", texts)
        except duckdb.Error as error:
            raise DataError(
                f"[[data.fill]] {filling.fill.column!r} cannot be filled in: {first_line(error)}",
                "Check the types of the column and its key in both files.",
            ) from error
    return loaded


def _filled(engine: DuckDBEngine, loaded: Loaded, filling: Filling, name: str, texts: Sequence[str]) -> Loaded:
    fill, own = filling.fill, log_columns(engine, loaded)
    by = find_column(fill.by, own, f"[[data.fill]] {fill.column}, by")
    column = next((c for c in own if c.casefold() == fill.column.casefold()), fill.column)
    spelled = [filling.file_by, *([filling.file_column] if column in texts else [])]
    table = load(engine, filling.survey, texts=spelled, table=f"{name}_loaded")
    found = log_columns(engine, table)
    mine, value = _alike(f"l.{quote(column)}", own.get(column), quote(filling.file_column), found[filling.file_column])
    key = text_of(quote(filling.file_by), found[filling.file_by])
    engine.execute(
        f"CREATE TEMP TABLE {name} AS SELECT {key} AS fill_key, min({value}) AS fill_value, "
        f"count(DISTINCT {value}) AS fill_values FROM {table.relation} "
        f"WHERE {quote(filling.file_by)} IS NOT NULL GROUP BY {key}"
    )
    _check_unique(engine, filling, name, table, key)
    is_frame = loaded.order == "rowid"  # which does not survive a join
    rows = f"(SELECT *, rowid AS {ROW} FROM {loaded.relation})" if is_frame else loaded.relation
    source = f"{rows} AS l LEFT JOIN {name} ON {text_of(f'l.{quote(by)}', own[by])} = fill_key"
    missing, got = engine.rows(f"SELECT count(*), count(fill_value) FROM {source} WHERE {mine} IS NULL")[0]
    rest = ", ".join(f"l.{quote(c)}" for c in engine.describe(rows) if c != column)
    engine.execute(
        f"CREATE TEMP VIEW {name}_filled AS SELECT {rest}, coalesce({mine}, fill_value) AS {quote(column)} "
        f"FROM {source}"
    )
    counted = Filled(column=column, path=fill.file, by=by, missing=int(missing), found=int(got))
    return replace(
        loaded,
        relation=f"{name}_filled",
        order=ROW if is_frame else loaded.order,
        fills=(*loaded.fills, counted),
    )


def _alike(mine: str, family: str | None, theirs: str, other: str) -> tuple[str, str]:
    """SQL of the log's column and the file's, of one type; a column that the log lacks is null."""
    if family is None:
        return "NULL", theirs
    if family == other:
        return mine, theirs
    if kind_of(family) == kind_of(other) == "number":
        return f"CAST({mine} AS DOUBLE)", f"CAST({theirs} AS DOUBLE)"
    return text_of(mine, family), text_of(theirs, other)


def _check_unique(engine: DuckDBEngine, filling: Filling, name: str, table: Loaded, key: str) -> None:
    """A key with several values would make the choice between them the program's. Keys are units: none is shown."""
    (n,) = engine.rows(f"SELECT count(*) FROM {name} WHERE fill_values > 1")[0]
    if n:
        several = f"{key} IN (SELECT fill_key FROM {name} WHERE fill_values > 1)"
        at, _ = first(engine, table, filling.file_by, several)
        raise DataError(
            f"{at or f'{filling.fill.file}: '}{n:,} value{'s' if n > 1 else ''} of {filling.file_by!r} "
            f"{'have' if n > 1 else 'has'} several of {filling.file_column!r}.",
            "A key needs one value: correct the file, or fill in from one that has it.",
        )
