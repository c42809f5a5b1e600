"""The difference by segment and month, and by the rules and reasons on the rows where variants disagree."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from scipy.special import stdtr, stdtrit

from abimpact.backtest.result import Culprit, Part
from abimpact.estimate.estimate import Interval
from abimpact.estimate.multiplicity import benjamini_hochberg
from abimpact.estimate.paired import scaled
from abimpact.read.engine import Engine
from abimpact.summarise.exact import exact_sum
from abimpact.summarise.segments import MOST_VALUES, OTHER

MONTH = "month"
# The rules' decision and the outcome, where variants disagree.
_KINDS = ((1, 1), (1, 0), (0, 1), (0, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What parts are parts of: `units` in all, whether they have several rows, and the level of intervals."""

    units: int
    is_clustered: bool
    level: float


@dataclass(frozen=True, slots=True)
class _Sum:
    """Rows, rows decided alike, units, and the sum and sum of squares of the units' differences."""

    rows: int
    agreeing: int
    units: int
    first: float
    second: float

    def __add__(self, other: "_Sum") -> "_Sum":
        return _Sum(
            self.rows + other.rows,
            self.agreeing + other.agreeing,
            self.units + other.units,
            self.first + other.first,
            self.second + other.second,
        )


def parts_of(engine: Engine, place: int, keys: Sequence[tuple[str, str]], least: int, whole: Whole) -> tuple[Part, ...]:
    """The differences of variant `place` by every key: pairs of what it is called and its column in `acted`."""
    return tuple(chain.from_iterable(_by(engine, place, by, key, least, whole) for by, key in keys))


def _by(engine: Engine, place: int, by: str, key: str, least: int, whole: Whole) -> Iterable[Part]:
    found = _sums(engine, place, key, whole)
    if by != MONTH:
        named = sorted((k for k in found if k is not None), key=lambda k: (-found[k].rows, k))[:MOST_VALUES]
        kept = {k for k in named if found[k].rows >= least} | {None}
        rest = [s for k, s in found.items() if k not in kept]
        found = {k: s for k, s in found.items() if k in kept}
        if rest:
            found[OTHER] = sum(rest[1:], start=rest[0])
    for value, s in sorted(found.items(), key=lambda item: (item[0] is None, item[0] == OTHER, item[0] or "")):
        # The months are those of the calendar; a small group of units has no number of its own.
        is_shown = by == MONTH or s.rows >= least
        per_unit = (
            _mean(s, whole.level) if is_shown else Interval(estimate=None, low=None, high=None, level=whole.level)
        )
        yield Part(
            by=by, value=value, rows=s.rows, agreeing=s.agreeing, per_unit=per_unit, total=scaled(per_unit, s.units)
        )


def _sums(engine: Engine, place: int, key: str, whole: Whole) -> dict[str | None, _Sum]:
    """Sums of the differences by the values of a column of `acted`."""
    d, alike = f"r{place}", f"(a{place} = inc)::INT"
    if whole.is_clustered:
        inner = (
            f"SELECT {key} AS k, count(*) AS n, sum({alike}) AS alike, fsum({d}) AS d FROM acted GROUP BY {key}, unit"
        )
    else:
        inner = f"SELECT {key} AS k, 1 AS n, {alike} AS alike, {d} AS d FROM acted"
    return {row[0]: _Sum(int(row[1]), int(row[2] or 0), *row[3:]) for row in _grouped(engine, inner)}


def _grouped(engine: Engine, inner: str, *extra: str) -> list[tuple[Any, ...]]:
    """The sums of a query with k, n, alike and d by k.

    Key, rows, rows decided alike, units, sum and sum of squares of d, then the `extra` aggregates.
    """
    reach = float(engine.rows(f"SELECT max(abs(d)) FROM ({inner})")[0][0] or 0.0)
    (first, one), (second, two) = exact_sum("d", reach), exact_sum("d * d", reach * reach)
    more = "".join(f", {sql}" for sql in extra)
    rows = engine.rows(
        f"SELECT k, sum(n), sum(alike), count(*), CAST({first} AS DOUBLE), CAST({second} AS DOUBLE){more} "
        f"FROM ({inner}) GROUP BY k ORDER BY k"
    )
    return [(*row[:4], float(row[4] or 0) * one, float(row[5] or 0) * two, *row[6:]) for row in rows]


def culprits(engine: Engine, place: int, column: str, whole: Whole) -> tuple[Culprit, ...]:
    """Every rule (`rules`, a list) or reason (`reason`) with what following variant `place` earns where it disagrees.

    The total's interval is for as many units from the same source, so it takes in that another time more or fewer of
    them disagree. p-values are adjusted for their number (Benjamini & Hochberg 1995). A row on which several rules
    fired counts for each of them.
    """
    d, differs = f"r{place}", f"a{place} <> inc"
    name = "unnest(rules)" if column == "rules" else column
    alone = "len(rules) = 1" if column == "rules" else "true"
    rows = (
        f"SELECT {name} AS k, unit, ({differs})::INT AS other, ({differs} AND {alone})::INT AS alone, inc, y, "
        f"CASE WHEN {differs} THEN {d} ELSE 0 END AS d FROM acted WHERE {column} IS NOT NULL"
    )
    counts = "sum(other) AS other, sum(alone) AS alone, " + ", ".join(
        f"sum(other * (inc = {inc} AND y = {y})::INT) AS c{inc}{y}" for inc, y in _KINDS
    )
    by_unit = ", unit" if whole.is_clustered else ""
    if whole.is_clustered:
        inner = f"SELECT k, count(*) AS n, 0 AS alike, fsum(d) AS d, {counts} FROM ({rows}) GROUP BY k{by_unit}"
    else:
        cells = ", ".join(f"other * (inc = {inc} AND y = {y})::INT AS c{inc}{y}" for inc, y in _KINDS)
        inner = f"SELECT k, 1 AS n, 0 AS alike, d, other, alone, {cells} FROM ({rows})"
    sums = [f"coalesce(sum({c}), 0)" for c in ("other", "alone", *(f"c{inc}{y}" for inc, y in _KINDS))]
    found = [_culprit(row, whole) for row in _grouped(engine, inner, *sums) if row[0] is not None]
    found = [c for c in found if c.disagreeing]
    adjusted = benjamini_hochberg([c.pvalue for c in found])
    found = [replace(c, pvalue_adjusted=p) for c, p in zip(found, adjusted, strict=True)]
    return tuple(sorted(found, key=lambda c: (-abs(c.total.estimate or 0.0), c.name))[:MOST_VALUES])


def _culprit(row: tuple[Any, ...], whole: Whole) -> Culprit:
    name, rows, _, _, first, second, disagreeing, alone, *kinds = row
    total, pvalue = _total(first, second, whole)
    right, wrong, missed, alarmed = map(int, kinds)
    return Culprit(
        name=name,
        rows=int(rows),
        disagreeing=int(disagreeing),
        alone=int(alone),
        stopped_right=right,
        stopped_wrong=wrong,
        missed=missed,
        alarmed=alarmed,
        total=total,
        pvalue=pvalue,
        pvalue_adjusted=None,
    )


def _mean(s: _Sum, level: float) -> Interval:
    mean = s.first / s.units if s.units else 0.0
    if s.units < 2:
        return Interval(estimate=mean, low=None, high=None, level=level)
    se = math.sqrt(max(s.second - s.units * mean**2, 0.0) / (s.units - 1) / s.units)
    half = float(stdtrit(s.units - 1, 0.5 + level / 2)) * se
    return Interval(estimate=mean, low=mean - half, high=mean + half, level=level)


def _total(first: float, second: float, whole: Whole) -> tuple[Interval, float | None]:
    """The sum over all units of what is 0 outside a part: its interval, and its p against 0."""
    n = whole.units
    if n < 2:
        return Interval(estimate=first, low=None, high=None, level=whole.level), None
    se = math.sqrt(max(second - first**2 / n, 0.0) * n / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + whole.level / 2)) * se
    pvalue = float(2 * stdtr(n - 1, -abs(first) / se)) if se else None
    return Interval(estimate=first, low=first - half, high=first + half, level=whole.level), pvalue
