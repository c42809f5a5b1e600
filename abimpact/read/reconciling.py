"""The log's totals by period and variant, under other rules of what counts: what could someone else have counted?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from abimpact.read.calendar import has_times, period_sql
from abimpact.read.engine import Engine
from abimpact.read.loaded import FILE, ROW
from abimpact.read.log import Log
from abimpact.read.reading import ARM, DAY, EVERY, PLACE
from abimpact.read.totals import sums_of, total_sql
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.expression import literal, quote

# Values of at most this many distinct ones are tried as something that was left out.
FEW_VALUES, MOST_COLUMNS = 20, 20
HOURS = tuple(h for h in range(-12, 15) if h)
# Zones whose days are tried where no whole number of hours fits, because clocks change within the log.
ZONES = (
    "UTC Europe/London Europe/Berlin Europe/Helsinki America/New_York America/Chicago America/Denver "
    "America/Los_Angeles America/Sao_Paulo Asia/Kolkata Australia/Sydney Pacific/Auckland"
).split()
TABLE = "reconcile_rows"
Cell = tuple[date | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A way to count: SQL conditions by what they are about, how times are read, and the rule in words."""

    conditions: Mapping[str, str]
    hours: int = 0
    zone: str = ""
    changes: tuple[str, ...] = ()
    text: str = ""

    def less(self, key: str, text: str) -> "Rule":
        """This rule without a condition."""
        rest = {k: c for k, c in self.conditions.items() if k != key}
        return replace(self, conditions=rest, changes=(*self.changes, key), text=_joined(self.text, text))

    def and_(self, key: str, condition: str, text: str) -> "Rule":
        """This rule with one condition more."""
        more = {**self.conditions, key: condition}
        return replace(self, conditions=more, changes=(*self.changes, key), text=_joined(self.text, text))

    def shifted(self, hours: int) -> "Rule":
        """This rule with days that begin at another hour."""
        text = _joined(self.text, f"times are {abs(hours)} hours {'later' if hours > 0 else 'earlier'} (time zone)")
        return replace(self, hours=hours, changes=(*self.changes, "time_zone"), text=text)

    def in_zone(self, zone: str) -> "Rule":
        """This rule with the days of a time zone."""
        return replace(self, zone=zone, changes=(*self.changes, "time_zone"), text=f"days are those of {zone}")


def _joined(*parts: str) -> str:
    return " and ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows of a log with what is known of each, on its engine; `measures` are SQL names of what is added up."""

    engine: Engine
    length: str | None
    measures: Mapping[str, str]
    base: Rule
    has_times: bool
    columns: Mapping[str, str]

    def totals(self, rule: Rule) -> dict[Cell, dict[str, float]]:
        """The measures by period and variant, and over all periods, all variants, and both (None)."""
        parts = [f"{sql} AS {name}" for name, sql in self.measures.items()]
        conditions = " AND ".join(f"({c})" for c in rule.conditions.values()) or "TRUE"
        time = f"t + INTERVAL ({rule.hours}) HOUR" if rule.hours else "t"
        time = f"utc AT TIME ZONE {literal(rule.zone)}" if rule.zone else time
        period = f"CAST(date_trunc('{self.length}', {time}) AS DATE)" if self.length else "NULL"
        found: dict[Cell, dict[str, float]] = {}
        for of_period, of_variant, p, v, *values in self.engine.rows(
            f"SELECT GROUPING(p), GROUPING(v), p, v, {', '.join(parts)} FROM "
            f"(SELECT *, {period} AS p FROM {TABLE} WHERE {conditions}) GROUP BY GROUPING SETS ((p, v), (p), (v), ())"
        ):
            if (p is None and not of_period) or (v is None and not of_variant):
                continue
            numbers = {n: float(x) for n, x in zip(self.measures, values, strict=True) if x is not None}
            found[p, v] = numbers
        return found

    @property
    def has_days(self) -> bool:
        """Whether rows have a day."""
        return bool(self.engine.rows(f"SELECT count(t) FROM {TABLE}")[0][0])

    def by_day(self, measure: str) -> dict[date | None, tuple[list[date], NDArray[np.float64]]]:
        """The days of each period with the measure on them, as the report counts."""
        conditions = " AND ".join(f"({c})" for c in self.base.conditions.values()) or "TRUE"
        period = f"CAST(date_trunc('{self.length}', t) AS DATE)" if self.length else "NULL"
        rows = self.engine.rows(
            f"SELECT {period} AS p, CAST(t AS DATE) AS d, {self.measures[measure]} AS x FROM {TABLE} "
            f"WHERE t IS NOT NULL AND {conditions} GROUP BY 1, 2 ORDER BY 1, 2"
        )
        found: dict[date | None, tuple[list[date], list[float]]] = {}
        for p, d, x in rows:
            days, sums = found.setdefault(p, ([], []))
            days.append(d)
            sums.append(float(x or 0.0))
        return {p: (days, np.array(sums)) for p, (days, sums) in found.items()}

    def rules(self) -> Iterator[Rule]:
        """Other ways to count, the simple ones first."""
        singles = list(self._singles())
        yield from singles
        yield from self._without_values()
        if self.has_times:
            yield from (self.base.shifted(h) for h in HOURS)
            yield from (self.base.in_zone(zone) for zone in ZONES)
        for one, other in combinations(singles, 2):
            if set(one.changes).isdisjoint(other.changes) and (both := self._both(one, other)):
                yield both
        if self.has_times:
            yield from (rule.shifted(h) for rule in singles for h in HOURS)

    def _singles(self) -> Iterator[Rule]:
        base = self.base
        texts = {
            "window": "days outside of from and to are counted",
            "filter": "rows that the filter leaves out are counted",
            "variants": "rows of other variants, or of none, are counted",
            "units": "rows without a unit are counted",
            "both_arms": "units in several variants are counted",
            "duplicates": "every row of a unit is counted",
        }
        for key, text in texts.items():
            if key in base.conditions:
                yield base.less(key, text)
        if "duplicates" not in base.conditions and "u" in self.columns:
            yield base.and_("duplicates", "is_first", "only the first row of each unit is counted")
        yield base.and_("equal_rows", "NOT is_again", "equal rows are counted once")

    def _both(self, one: Rule, other: Rule) -> Rule | None:
        """Two changes at once."""
        kept = {k: c for k, c in one.conditions.items() if k in other.conditions or k not in self.base.conditions}
        added = {k: c for k, c in other.conditions.items() if k not in self.base.conditions}
        return Rule(
            conditions={**kept, **added},
            changes=(*one.changes, *other.changes),
            text=_joined(one.text, other.text),
        )

    def _without_values(self) -> Iterator[Rule]:
        """Rows of one value of a column left out: test users, a country, a channel."""
        for name, column in self.columns.items():
            if name == "u":
                continue
            for (value,) in self.engine.rows(
                f"SELECT DISTINCT {name} FROM {TABLE} WHERE {name} IS NOT NULL ORDER BY 1 LIMIT {FEW_VALUES}"
            ):
                text = f"rows with {column} = {value} are left out"
                yield self.base.and_(column, f"{name} IS DISTINCT FROM {literal(value)}", text)


def open_ledger(log: Log, length: str | None, sums: Mapping[str, str]) -> Ledger:
    """Stage all rows of a log, those that its filter leaves out too; `sums` are SQL expressions by measure."""
    experiment, engine = log.experiment, log.engine
    unit = quote(experiment.unit) if experiment.unit else "NULL"
    name = f"CAST({quote(experiment.variant)} AS VARCHAR)"
    shown = {f"m{i}": sql for i, sql in enumerate(sums.values())}
    candidates = _candidates(log)
    time = quote(experiment.time or "")
    has_times_of_day = log.families.get(experiment.time or "") == "timestamp"
    every = ", ".join(map(quote, _own(log)))
    parts = [
        f"{_time(log)} AS t",
        f"{f'CAST({time} AS TIMESTAMPTZ)' if has_times_of_day else 'NULL'} AS utc",
        f"{name} AS v",
        f"{unit} AS u",
        f"{PLACE} AS place",
        f"({experiment.where.sql}) AS kept" if experiment.where else "TRUE AS kept",
        f"row_number() OVER (PARTITION BY {every} ORDER BY {PLACE}) > 1 AS is_again",
        *(f"CAST({sql} AS DOUBLE) AS {m}" for m, sql in shown.items()),
        *(f"CAST({quote(c)} AS VARCHAR) AS {n}" for n, c in candidates.items()),
    ]
    direction = "DESC" if experiment.several_rows is SeveralRows.LAST else "ASC"
    order = ", ".join(f"{name} {direction}" for name in (["t", "place"] if experiment.time else ["place"]))
    compared = ", ".join(map(literal, log.variants))
    mine = " AND ".join(["kept", f"v IN ({compared})", "u IS NOT NULL"])
    if inside := period_sql(experiment.calendar, "CAST(t AS DATE)"):
        mine += f" AND {inside}"
    engine.execute(
        f"CREATE TEMP TABLE {TABLE} AS SELECT *, "
        f"row_number() OVER (PARTITION BY {mine}, u, v ORDER BY {order}) = 1 AS is_first, "
        f"u IS NOT NULL AND min(CASE WHEN {mine} THEN v END) OVER (PARTITION BY u) IS DISTINCT FROM "
        f"max(CASE WHEN {mine} THEN v END) OVER (PARTITION BY u) AS in_both "
        f"FROM (SELECT {', '.join(parts)} FROM {EVERY})"
    )
    measures = {"rows": "count(*)", "units": "count(DISTINCT u)" if experiment.unit else "count(*)"}
    measures |= {m: total_sql(m) for m in shown}
    return Ledger(
        engine=engine,
        length=length,
        measures=measures,
        base=_base(log, compared),
        has_times=has_times_of_day,
        columns={**({"u": "unit"} if experiment.unit else {}), **candidates},
    )


def _time(log: Log) -> str:
    """A row's time, in the zone that was declared."""
    name, zone = log.experiment.time, log.experiment.calendar.timezone
    if name is None:
        return "NULL"
    column = quote(name)
    if zone is None or log.families.get(name) != "timestamp" or not has_times(log.engine, EVERY, column):
        return column if log.families.get(name) in ("date", "timestamp") else f"CAST({column} AS TIMESTAMP)"
    return f"CAST({column} AS TIMESTAMPTZ) AT TIME ZONE {literal(zone)}"


def _base(log: Log, compared: str) -> Rule:
    """What the report counts."""
    conditions = {"variants": f"v IN ({compared})"}
    if log.experiment.where:
        conditions["filter"] = "kept"
    if inside := period_sql(log.experiment.calendar, "CAST(t AS DATE)"):
        conditions["window"] = inside
    counts = log.unit_counts
    if counts is not None:
        conditions["units"] = "u IS NOT NULL"
        if counts.in_both:
            conditions["both_arms"] = "NOT in_both"
        if counts.rule in (SeveralRows.FIRST, SeveralRows.LAST):
            conditions["duplicates"] = "is_first"
    return Rule(conditions=conditions)


def _candidates(log: Log) -> dict[str, str]:
    """Columns of few values that are no KPI: what someone may have filtered by."""
    used = {c for m in log.metrics for e in (m.value, m.denominator) if e for c in e.columns}
    used |= {c for c in (log.experiment.variant, log.experiment.unit, log.experiment.time) if c}
    names = [c for c, family in _own(log).items() if family in ("text", "boolean") and c not in used]
    found = []
    for name in names:
        (n,) = log.engine.rows(f"SELECT approx_count_distinct({quote(name)}) FROM {EVERY}")[0]
        found += [name] if 2 <= n <= FEW_VALUES else []
    return {f"c{i}": name for i, name in enumerate(found[:MOST_COLUMNS])}


def summable(log: Log) -> dict[str, str]:
    """SQL over the rows of everything that can be added up: metrics by name, and number columns of the log."""
    found = sums_of(log)
    for metric in log.metrics:
        if metric.name in found and metric.denominator is None:
            found.setdefault(metric.value.text, found[metric.name])
    for name, family in _own(log).items():
        if family in ("integer", "float", "boolean"):
            found.setdefault(name, quote(name))
    return found


def _own(log: Log) -> dict[str, str]:
    """The columns of all rows with their type families; of an event log, those of its units."""
    helpers = (ARM, DAY, PLACE, FILE, ROW)
    return {name: family for name, family in log.engine.describe(EVERY).items() if name not in helpers}
