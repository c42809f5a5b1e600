"""Which rows are whose: derived columns, the filter, and the variants that are compared."""

from collections.abc import Sequence
from typing import Any

from abimpact.errors import DataError, UsageError
from abimpact.read.calendar import day_sql, period_sql
from abimpact.read.loaded import file_sql
from abimpact.read.log import RowCounts
from abimpact.read.reading import ARM, DAY, EVERY, Reading
from abimpact.spec.calendar import Calendar
from abimpact.spec.experiment import Experiment
from abimpact.spec.expression import literal, quote
from abimpact.spec.variants import resolve_variants

# What the units of a log without variants are called.
ALL = "all"


def assign_arms(reading: Reading) -> tuple[tuple[str, ...], RowCounts, tuple[str, ...]]:
    """Make the view `rows` (derived columns, filter, arm) and settle which variants are compared."""
    experiment, engine, loaded = reading.experiment, reading.engine, reading.loaded
    engine.execute(f"CREATE TEMP VIEW {EVERY} AS SELECT * FROM {reading.derived}")
    relation = EVERY
    if experiment.where:
        relation = f"(SELECT * FROM {relation} WHERE {experiment.where.sql})"
    relation, outside, said = _dated(reading, relation)
    # A log of what was before any test has no column of variants: all of it is one.
    name_sql = f"CAST({quote(experiment.variant)} AS VARCHAR)" if experiment.variant else literal(ALL)
    found = _rows_by_variant(reading, relation, name_sql)
    counts, with_unit = (_by_name(found, place) for place in (2, 3))
    kept = sum(counts.values())
    is_whole = experiment.where is None and kept
    read = kept + outside if is_whole else engine.rows(f"SELECT count(*) FROM {loaded.relation}")[0][0]
    if not kept:
        raise _nothing_left(experiment.calendar, read, outside)
    missing = counts.pop("", 0)
    if experiment.is_history and len(counts) == 1:
        variants: tuple[str, ...] = tuple(counts)
        guesses: tuple[str, ...] = ()
    else:
        incumbent, proposed, guesses = resolve_variants(counts, experiment.incumbent, experiment.proposed)
        variants = (incumbent, *proposed)
    _check_splits(experiment, variants)
    cases = " ".join(f"WHEN {literal(v)} THEN {i}" for i, v in enumerate(variants))
    engine.execute(
        f"CREATE TEMP VIEW rows AS SELECT *, CAST(CASE {name_sql} {cases} END AS TINYINT) AS {ARM} FROM {relation}"
    )
    unknown = {name: n for name, n in counts.items() if name not in variants}
    row_counts = RowCounts(
        read=read,
        kept=kept,
        missing_variant=missing,
        missing_unit=sum(counts[v] - with_unit[v] for v in variants),
        compared=sum(with_unit[v] for v in variants),
        unknown=unknown,
        outside=outside,
        spellings=tuple((name, file, n) for name, file, n, _ in found if name is not None),
    )
    return variants, row_counts, (*said, *guesses)


def _dated(reading: Reading, relation: str) -> tuple[str, int, tuple[str, ...]]:
    """`relation` with the day of each row, less the rows outside the period; their number; what was assumed."""
    if not reading.experiment.time:
        return relation, 0, ()
    day, said = day_sql(reading, relation)
    dated = f"(SELECT *, {day} AS {DAY} FROM {relation})"
    inside = period_sql(reading.experiment.calendar, DAY)
    if not inside:
        return dated, 0, said
    outside = reading.engine.rows(f"SELECT count(*) FROM {dated} WHERE ({inside}) IS NOT TRUE")[0][0]
    return f"(SELECT * FROM {dated} WHERE {inside})", int(outside), said


def _nothing_left(calendar: Calendar, read: int, outside: int) -> DataError:
    if outside:
        bounds = f"from = {calendar.first or 'any'} and to = {calendar.last or 'any'}"
        return DataError(f"None of {read:,} rows lies between {bounds}.", "Check the period, and the column of dates.")
    return DataError(
        f"The log has {read:,} rows" + (" and the filter --where keeps none." if read else "."),
        "Loosen the filter." if read else "Check the export that wrote it.",
    )


def _check_splits(experiment: Experiment, variants: tuple[str, ...]) -> None:
    """A planned split has one share a variant."""
    planned = [("--split", experiment.split)] if experiment.split else []
    planned += [("[[data.split_schedule]] split", phase.split) for phase in experiment.calendar.phases]
    for what, split in planned:
        if split and len(split) != len(variants):
            raise UsageError(
                f"{what} has {len(split)} parts for {len(variants)} variants ({', '.join(variants)}).",
                "Give one number a variant, the incumbent's first.",
            )


def _rows_by_variant(reading: Reading, relation: str, name_sql: str) -> list[tuple[str | None, str, int, int]]:
    """The variant's text and the file with their rows and rows with a unit, in order; rows without a variant first."""
    unit = reading.unit if reading.experiment.unit else "*"
    file = file_sql(reading.loaded.files)
    groups = [quote(reading.experiment.variant)] if reading.experiment.variant else []
    groups += [file] if len(reading.loaded.files) > 1 else []
    query = f"SELECT {name_sql}, {file}, count(*), count({unit}) FROM {relation} GROUP BY {', '.join(groups) or 'ALL'}"
    return sorted(reading.engine.rows(query), key=lambda row: (row[0] or "", row[1]))


def _by_name(rows: Sequence[tuple[Any, ...]], place: int) -> dict[str, int]:
    """The number at `place` of all rows of a text; those without one stand under the empty text."""
    found: dict[str, int] = {}
    for row in rows:
        found[row[0] or ""] = found.get(row[0] or "", 0) + row[place]
    return found
