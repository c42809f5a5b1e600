"""Outcomes that lie in files of their own: joined to the log of assignments by the unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from abimpact.errors import ConfigError, DataError
from abimpact.read.distinct import are_distinct
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import first_line
from abimpact.read.joining import joined, log_columns, text_of
from abimpact.read.loaded import ROW, Loaded
from abimpact.read.loading import load
from abimpact.read.log import OutcomeCounts
from abimpact.read.sources import InputFile
from abimpact.read.survey import Survey, survey
from abimpact.spec.experiment import Experiment, SeveralRows
from abimpact.spec.expression import find_column, quote
from abimpact.spec.request import OutcomeFile, Pick

# The helper column that gives a unit's outcomes the order of their file.
PLACE = "abimpact_outcome"
WHAT = "[data.outcomes]"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The declared file of outcomes, and what is in it."""

    declared: OutcomeFile
    files: tuple[InputFile, ...]
    survey: Survey

    def key(self, unit: str) -> str:
        """The column of the unit in these files."""
        return find_column(self.declared.by or unit, self.survey.families, f"{WHAT} {self.declared.file}")

    def columns(self, known: Mapping[str, str], unit: str | None) -> dict[str, str]:
        """The columns that only these files have, with their type families."""
        names = {name.casefold() for name in known}
        key = {(self.declared.by or unit or "").casefold()}
        return {n: family for n, family in self.survey.families.items() if n.casefold() not in names | key}


def survey_outcomes(
    engine: DuckDBEngine, declared: OutcomeFile | None, files: tuple[InputFile, ...], pick: Pick
) -> Outcomes | None:
    """What is in the files of outcomes; None where none are declared."""
    if declared is None:
        return None
    return Outcomes(declared, files, survey(engine, files, Pick(columns=pick.columns), prefix="outcome_rows"))


def with_outcome_columns(families: Mapping[str, str], outcomes: Outcomes | None) -> dict[str, str]:
    """The log's columns with those that only the outcomes have."""
    return dict(families) if outcomes is None else {**families, **outcomes.columns(families, None)}


def with_outcomes(
    engine: DuckDBEngine,
    loaded: Loaded,
    outcomes: Outcomes,
    experiment: Experiment,
    texts: Sequence[str],
    numbers: Sequence[str],
) -> tuple[Loaded, OutcomeCounts | None]:
    """The assignments with their outcomes: each assignment with each of its unit's rows, or as events below them."""
    if experiment.unit is None:
        raise ConfigError(f"{WHAT} needs the unit that both files have.", "Name it: unit = … in [data], or --unit.")
    key = outcomes.key(experiment.unit)
    try:
        named = [key, *texts]
        table = load(engine, outcomes.survey, texts=named, numbers=numbers, identifiers=[key], table="outcomes_loaded")
        if experiment.events:
            return _as_events(engine, loaded, table, key, experiment, texts, numbers), None
        return _joined(engine, loaded, table, key, outcomes, experiment)
    except duckdb.Error as error:
        raise DataError(
            f"{WHAT} cannot be joined: {first_line(error)}", "Check the types of the unit in both files."
        ) from error


def _as_events(
    engine: DuckDBEngine,
    loaded: Loaded,
    table: Loaded,
    key: str,
    experiment: Experiment,
    texts: Sequence[str],
    numbers: Sequence[str],
) -> Loaded:
    """Assignments, which are the exposures, and outcomes as rows of one event log."""
    if not loaded.files:
        raise ConfigError(f"{WHAT}: events are joined to files only.", "Give the assignments as a file.")
    assert experiment.unit is not None
    find_column(experiment.time or "", log_columns(engine, table), f"{WHAT} time")
    names = {key: experiment.unit} if key != experiment.unit else {}
    families = {**engine.describe(table.relation), **log_columns(engine, table)}
    selected = ", ".join(
        f"{_plain(quote(c), families[c]) if c == key else quote(c)} AS {quote(names.get(c, c))}" for c in families
    )
    files = tuple(replace(f, columns={names.get(c, c): own for c, own in f.columns.items()}) for f in table.files)
    renamed = replace(table, relation=f"(SELECT {selected} FROM {table.relation})", files=files)
    whole = joined(engine, [loaded, renamed], "with_outcomes", [*texts, experiment.unit], numbers)
    return replace(whole, assignments=tuple(file.path for file in loaded.files), fills=loaded.fills)


def _joined(
    engine: DuckDBEngine, loaded: Loaded, table: Loaded, key: str, outcomes: Outcomes, experiment: Experiment
) -> tuple[Loaded, OutcomeCounts]:
    own, theirs = log_columns(engine, loaded), log_columns(engine, table)
    unit = experiment.unit or ""
    _check_sums(experiment, outcomes.columns(own, unit))
    mine, said = _assignments(engine, loaded, experiment, own)
    on, their = quote(unit), quote(key)
    if "text" in (own[unit], theirs[key]) or own[unit] != theirs[key]:
        on, their = _plain(on, own[unit]), _plain(their, theirs[key])
    added = [c for c in theirs if c in outcomes.columns(own, unit) and c != key]
    columns = "".join(f", {quote(c)}" for c in added)
    order = ROW if table.files else "0"
    engine.execute(
        f"CREATE TEMP VIEW outcome_keyed AS SELECT {their} AS outcome_key, {order} AS {PLACE}{columns} "
        f"FROM {table.relation} WHERE {quote(key)} IS NOT NULL"
    )
    engine.execute(f"CREATE TEMP VIEW assigned AS SELECT *, {on} AS assigned_key FROM {mine}")
    engine.execute(
        f"CREATE TEMP VIEW with_outcomes AS SELECT assigned.* EXCLUDE (assigned_key), {PLACE}{columns} FROM assigned "
        "LEFT JOIN outcome_keyed ON assigned_key = outcome_key"
    )
    missing = [c for c in theirs if c not in added and c != key]
    if missing:
        listed = ", ".join(map(repr, missing))
        said = (*said, f"{outcomes.declared.file} also has {listed}; the assignments' were taken.")
    guesses = (*loaded.guesses, *table.guesses, *said)
    whole = replace(loaded, relation="with_outcomes", order=PLACE, guesses=guesses)
    return whole, _counts(engine, outcomes, added, table)


def _plain(column: str, family: str) -> str:
    """A key as text; whole numbers that a file writes with decimals, as 7.0, are whole."""
    text = text_of(column, family)
    return rf"regexp_replace({text}, '^(-?\d+)\.0+$', '\1')" if family == "text" else text


def _check_sums(experiment: Experiment, added: Mapping[str, str]) -> None:
    """A number of the assignment stands beside each of the unit's outcomes, and is not to be added up over these."""
    if experiment.several_rows is not SeveralRows.SUM:
        return
    for metric in experiment.metrics:
        for expression in (metric.value, metric.denominator):
            if expression and expression.columns and not any(c in added for c in expression.columns):
                raise ConfigError(
                    f"metric {metric.name!r} reads {expression.text!r} of the assignments, and several_rows = "
                    '"sum" would add it up once for each of a unit\'s outcomes.',
                    "Write outcomes as events: [data.events], or use mean, max, min, first or last.",
                )


def _assignments(
    engine: DuckDBEngine, loaded: Loaded, experiment: Experiment, own: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """The assignments with one row for each unit and variant, since each row would take all outcomes of its unit."""
    unit = quote(experiment.unit or "")
    rows = engine.rows(f"SELECT count(*) FROM {loaded.relation}")[0][0]
    is_integer = own[experiment.unit or ""] == "integer"
    if are_distinct(engine, loaded.relation, unit, rows, is_integer=is_integer):
        return loaded.relation, ()
    derived = experiment.derive.get(experiment.variant)
    variant = derived.columns if derived else (experiment.variant,)
    parts = ", ".join([unit, *map(quote, variant)])
    order = loaded.order or "0"
    engine.execute(
        f"CREATE TEMP TABLE assigned_once AS SELECT * FROM {loaded.relation} WHERE {unit} IS NULL UNION ALL "
        f"SELECT * FROM (SELECT * FROM {loaded.relation} WHERE {unit} IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY {parts} ORDER BY {order}) = 1)"
    )
    left = engine.rows("SELECT count(*) FROM assigned_once")[0][0]
    if left == rows:
        return "assigned_once", ()
    return "assigned_once", (f"{rows - left:,} further assignments of a unit to the same variant were left out.",)


def _counts(engine: DuckDBEngine, outcomes: Outcomes, added: Sequence[str], table: Loaded) -> OutcomeCounts:
    rows = engine.rows(f"SELECT count(*) FROM {table.relation}")[0][0]
    keyed = engine.rows("SELECT count(*) FROM outcome_keyed")[0][0]
    stray, strangers = engine.rows(
        "SELECT count(*), count(DISTINCT outcome_key) FROM outcome_keyed "
        "ANTI JOIN assigned ON assigned_key = outcome_key"
    )[0]
    without = engine.rows(
        "SELECT count(DISTINCT assigned_key) FROM assigned ANTI JOIN outcome_keyed ON assigned_key = outcome_key"
    )[0][0]
    return OutcomeCounts(
        path=outcomes.declared.file,
        columns=tuple(added),
        rows=int(rows),
        without_unit=int(rows - keyed),
        unassigned_rows=int(stray),
        unassigned_units=int(strangers),
        units_without=int(without),
    )
