"""One scan that finds out about each number column what the later scans need to know."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column, Days
from abimpact.spec.expression import literal

# Bits to which a centre is rounded: few, so that whole numbers stay exact when it is subtracted from them.
CENTRE_BITS = 10
# A column of whole numbers is binned by value while it spans at most this much.
MOST_WHOLE_VALUES = 512
# From here on, sums that suit the variant with the farthest values would lose digits of the others.
UNEVEN = 4096
# The widest sums have 96 bits: beyond this the squares of the smaller variant would keep fewer than 30, some 9 digits.
MOST_REACH = 2.0**33
# Below this a range cannot be divided by.
SMALLEST_RANGE = 1e-300


@dataclass(frozen=True, slots=True)
class Term:
    """A number that some metric needs: SQL over the log's columns, what the user wrote, its part in the metric.

    `is_integer` says that the column's type holds whole numbers only. Outcomes of units after the day `until` are not
    known yet; values beyond the pooled `cap_quantile` count as that.
    """

    sql: str
    text: str
    is_covariate: bool
    missing_is_zero: bool
    is_integer: bool
    until: date | None = None
    cap_quantile: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """One term in one variant: units with a value, finite values, and the extremes and mean of these."""

    values: int
    finite: int
    low: float
    high: float
    mean: float


def profile(
    engine: Engine, relation: str, terms: Sequence[Term], n_variants: int, *, has_days: bool
) -> tuple[tuple[int, ...], tuple[Column, ...], Days]:
    """Units per variant, one `Column` a term and the units by day, from columns `r0…` and, if it `has_days`, `day`.

    `relation` has one row per unit.
    """
    places = range(len(terms))
    parts = [f"count(r{i}), min(r{i}), max(r{i}), avg(r{i})" for i in places]
    day, groups = ("day", "day, arm") if has_days else ("NULL", "arm")
    rows = engine.rows(
        f"SELECT arm, {day}, {', '.join(['count(*)', *parts])} FROM {relation} GROUP BY {groups} ORDER BY {groups}"
    )
    by_arm = [[row[2:] for row in rows if row[0] == arm] for arm in range(n_variants)]
    units = tuple(sum(row[0] for row in of_arm) for of_arm in by_arm)
    seen = [[_pooled([row[1 + 4 * i : 5 + 4 * i] for row in of_arm]) for of_arm in by_arm] for i in places]
    # A NaN is the largest number to the engine, so the extremes tell which columns hold values that are not finite.
    wild = [i for i in places if any(s.values and not (isfinite(s.low) and isfinite(s.high)) for s in seen[i])]
    for i, refined in zip(wild, _finite(engine, relation, wild, n_variants), strict=True):
        seen[i] = [_Seen(s.values, *row) for s, row in zip(seen[i], refined, strict=True)]
    bounds = [_bounds(of_term) for of_term in seen]
    small = [i for i in places if not terms[i].is_covariate and bounds[i][1] - bounds[i][0] <= MOST_WHOLE_VALUES]
    fractions = _fractions(engine, relation, [i for i in small if not terms[i].is_integer])
    whole = {i for i in small if not fractions.get(i)}
    columns = tuple(_column(i, terms[i], units, seen[i], is_whole=i in whole) for i in places)
    return units, columns, _days(rows, n_variants)


def _pooled(days: Sequence[tuple[Any, ...]]) -> _Seen:
    """A term in one variant, from its values, least, largest and mean of each day."""
    filled = [day for day in days if day[0]]
    if not filled:
        return _Seen(0, 0, 0.0, 0.0, 0.0)
    counts, lows, highs, means = (np.array(x, dtype=float) for x in zip(*filled, strict=True))
    n = int(counts.sum())
    with np.errstate(invalid="ignore"):  # infinities of both signs, whose mean is asked for again without them
        mean = float(counts @ means) / n
    # A NaN among the largest stays one; among the least it is there only if a day has nothing else.
    return _Seen(n, n, float(np.fmin.reduce(lows)), float(highs.max()), mean)


def _days(rows: Sequence[tuple[Any, ...]], n_variants: int) -> Days:
    """Units of every variant by day; those without a day are left out."""
    found: dict[date, list[int]] = {}
    for arm, day, n, *_ in rows:
        if day is not None:
            found.setdefault(day, [0] * n_variants)[arm] = n
    return Days(days=tuple(found), counts=tuple(map(tuple, found.values())))


def _by_arm(engine: Engine, relation: str, parts: Sequence[str], n_variants: int) -> list[tuple[Any, ...]]:
    """Units and aggregates of every variant; zeros where a variant has no unit."""
    rows = engine.rows(f"SELECT arm, {', '.join(['count(*)', *parts])} FROM {relation} GROUP BY arm")
    found = {row[0]: tuple(0 if x is None else x for x in row[1:]) for row in rows}
    width = len(rows[0]) - 1 if rows else 1
    return [found.get(arm, (0,) * width) for arm in range(n_variants)]


def _finite(engine: Engine, relation: str, wild: Sequence[int], n_variants: int) -> list[list[tuple[Any, ...]]]:
    """For each term of `wild` and each variant: finite values, their least, largest and mean."""
    if not wild:
        return []
    parts = [
        ", ".join(f"{f} FILTER (isfinite(r{i}))" for f in ("count(*)", f"min(r{i})", f"max(r{i})", f"avg(r{i})"))
        for i in wild
    ]
    found = _by_arm(engine, relation, parts, n_variants)
    return [[row[1 + 4 * k : 5 + 4 * k] for row in found] for k in range(len(wild))]


def _fractions(engine: Engine, relation: str, places: Sequence[int]) -> dict[int, int]:
    """How many finite values of each term are no whole numbers."""
    if not places:
        return {}
    parts = ", ".join(f"count_if(isfinite(r{i}) AND r{i} <> floor(r{i}))" for i in places)
    return dict(zip(places, engine.rows(f"SELECT {parts} FROM {relation}")[0], strict=True))


def _bounds(seen: Sequence[_Seen]) -> tuple[float, float]:
    filled = [s for s in seen if s.finite]
    return min((s.low for s in filled), default=0.0), max((s.high for s in filled), default=0.0)


def _column(index: int, term: Term, units: Sequence[int], seen: Sequence[_Seen], *, is_whole: bool) -> Column:
    low, high = _bounds(seen)
    missing = tuple(n - s.values for n, s in zip(units, seen, strict=True))
    nonfinite = tuple(s.values - s.finite for s in seen)
    centre = _centre(seen)
    if term.missing_is_zero and any(missing):
        low, high = min(low, 0.0), max(high, 0.0)
    return Column(
        name=f"v{index}",
        text=term.text,
        missing=missing,
        nonfinite=nonfinite,
        low=low,
        high=high,
        centre=centre,
        is_binary=is_whole and low >= 0 and high <= 1,
        is_whole=is_whole,
        is_uneven=_is_uneven(seen, centre),
        is_lost=_is_lost(seen, centre),
        is_maturing=term.until is not None,
        indicator=f"v{index}_missing" if term.is_covariate and any((*missing, *nonfinite)) else None,
    )


def _is_uneven(seen: Sequence[_Seen], centre: float) -> bool:
    reaches = [max(s.high - centre, centre - s.low) for s in seen if s.finite]
    return max(reaches, default=0.0) > UNEVEN * min(reaches, default=0.0)


def _is_lost(seen: Sequence[_Seen], centre: float) -> bool:
    """Whether one variant's values are so large that another's are lost beside them, even in the widest sums."""
    filled = [s for s in seen if s.finite]
    reach = max((max(abs(s.low - centre), abs(s.high - centre)) for s in filled), default=0.0)
    # What varies needs digits of its range, what does not of its size.
    sizes = [s.high - s.low if s.high - s.low >= SMALLEST_RANGE else max(abs(s.low), abs(s.high)) for s in filled]
    return reach > MOST_REACH * min((size for size in sizes if size), default=math.inf)


def _centre(seen: Sequence[_Seen]) -> float:
    """A mean on a grid of powers of two, about a thousandth of the values' range apart.

    It is that of the variant with the smallest range: the one that loses digits when a far number is subtracted.
    """
    filled = [s for s in seen if s.finite]
    varied = [s for s in filled if s.high - s.low >= SMALLEST_RANGE]
    if not varied:
        return filled[0].low if filled else 0.0
    narrowest = min(varied, key=lambda s: s.high - s.low)
    if not math.isfinite(narrowest.mean):  # values so large are refused later
        return narrowest.low
    grid = 2.0 ** (math.frexp(narrowest.high - narrowest.low)[1] - CENTRE_BITS)
    return round(narrowest.mean / grid) * grid


def canonical_sql(columns: Sequence[Column], terms: Sequence[Term]) -> list[str]:
    """Select expressions that make the canonical columns `v0…` of finite numbers or nulls from `r0…`.

    A missing covariate is 0 with an indicator beside it, so that its unit is never dropped (methods.md d).
    """
    selected = []
    for i, (column, term) in enumerate(zip(columns, terms, strict=True)):
        finite = f"CASE WHEN isfinite(r{i}) THEN r{i} END" if any(column.nonfinite) else f"r{i}"
        if column.indicator:
            selected.append(f"CASE WHEN {finite} IS NULL THEN 1.0 ELSE 0.0 END::DOUBLE AS {column.indicator}")
        fill = column.indicator or term.missing_is_zero
        if fill and term.missing_is_zero:
            # A null means zero by declaration; a value that is not finite stays missing.
            finite = f"CASE WHEN r{i} IS NULL THEN 0.0 ELSE {finite} END"
        elif fill:
            finite = f"coalesce({finite}, 0.0)"
        if term.until:
            finite = f"CASE WHEN day <= {literal(term.until.isoformat())}::DATE THEN {finite} END"
        selected.append(f"{finite} AS {column.name}")
    return selected
