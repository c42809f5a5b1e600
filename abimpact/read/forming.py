"""From rows to units: the rows that count with their numbers, then one row for each unit."""

from collections.abc import Sequence

from abimpact.errors import UsageError
from abimpact.read.distinct import are_distinct
from abimpact.read.log import RowCounts, UnitCounts
from abimpact.read.profile import Term
from abimpact.read.reading import ARM, DAY, PLACE, Reading
from abimpact.read.units import collapse, collapse_elsewhere, count_units
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.expression import quote


def form_units(
    reading: Reading, terms: Sequence[Term], rows: RowCounts, differing: str | None = None
) -> tuple[str, UnitCounts | None]:
    """The relation with one row per unit, and what is known of the units' identity.

    `differing` is SQL that says of a row whether decisions differ; it becomes the column `differs`.
    """
    _stage(reading, terms, differing, every_row=rows.compared == rows.kept and not reading.experiment.cluster)
    counts = _count_units(reading, rows)
    return _units(reading, counts, terms, ["differs"] if differing else []), counts


def _stage(reading: Reading, terms: Sequence[Term], differing: str | None, *, every_row: bool) -> None:
    """Make the view `staged`: the rows of known units of the compared variants (all, if that is `every_row`)."""
    experiment = reading.experiment
    parts = [f"{ARM} AS arm", *(f"{t.sql} AS r{i}" for i, t in enumerate(terms))]
    parts += [f"CAST({quote(s)} AS VARCHAR) AS s{j}" for j, s in enumerate(experiment.segments)]
    parts += [f"CAST({quote(s)} AS VARCHAR) AS t{j}" for j, s in enumerate(experiment.strata)]
    time = f"{quote(experiment.time)}" if experiment.time else "NULL"
    parts += [f"{DAY} AS day"] if experiment.time else []
    parts += [f"{differing} AS differs"] if differing else []
    condition = f"{ARM} IS NOT NULL"
    if experiment.cluster:
        parts.append(f"{reading.cluster} AS cluster")
        condition += f" AND {reading.cluster} IS NOT NULL"
    if experiment.unit:
        parts += [f"{reading.identity} AS unit", f"{time} AS moment", f"{PLACE} AS place"]
        condition += f" AND {reading.unit} IS NOT NULL"
    elif experiment.keeps_units:
        parts.append(f"{PLACE} AS unit")
    where = "" if every_row else f" WHERE {condition}"
    reading.engine.execute(f"CREATE TEMP VIEW staged AS SELECT {', '.join(parts)} FROM rows{where}")


def _count_units(reading: Reading, rows: RowCounts) -> UnitCounts | None:
    """What is known of the units' identity; None where each row is a unit."""
    if not reading.experiment.unit:
        return None
    if reading.experiment.events:  # which were made one row each
        return UnitCounts(total=rows.compared, in_both=0, in_both_rows=0, repeated=0, extra_rows=0, rule=None)
    if reading.engine.is_remote:  # proving it would fetch every unit
        return count_units(reading.engine, "staged", reading.experiment.several_rows)
    is_integer = reading.families.get(reading.experiment.unit) == "integer" and not reading.experiment.cluster
    if are_distinct(reading.engine, "rows", reading.identity, rows.kept, is_integer=is_integer):
        return UnitCounts(total=rows.compared, in_both=0, in_both_rows=0, repeated=0, extra_rows=0, rule=None)
    return count_units(reading.engine, "staged", reading.experiment.several_rows)


def _units(reading: Reading, counts: UnitCounts | None, terms: Sequence[Term], more: Sequence[str]) -> str:
    """The relation with one row per unit: `staged` itself where every row is one."""
    if counts is None or not (counts.in_both or counts.repeated):
        return "staged"
    outcomes = [f"r{i}" for i, t in enumerate(terms) if not t.is_covariate]
    attributes = [f"r{i}" for i, t in enumerate(terms) if t.is_covariate] + reading.segments
    attributes += [*reading.strata, *reading.days, *reading.clusters, *more]
    attributes += ["unit"] if reading.experiment.keeps_units else []
    rule = counts.rule or SeveralRows.FIRST
    is_remote = reading.engine.is_remote
    asked = reading.experiment.several_rows
    if is_remote and asked in (SeveralRows.FIRST, SeveralRows.LAST) and not reading.experiment.time:
        raise UsageError(
            f"--several-rows {rule}: the rows of a table have no order.", "Name the column of their time with --time."
        )
    by_unit = (collapse_elsewhere if is_remote else collapse)("staged", rule, outcomes, attributes)
    reading.engine.execute(f"CREATE TEMP TABLE units AS {by_unit}")
    return "units"
