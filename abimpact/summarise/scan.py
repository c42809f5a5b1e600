"""The moments scan: joint first, second and third moments of every metric's columns in one pass."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.summarise.exact import exact_sum
from abimpact.summarise.summary import Floats, Moments, symmetric

# Aggregates per query: wide selects cost more to plan than a second scan.
TERMS_PER_QUERY = 600


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One column of a metric's moments: its SQL name, the shift that centres it, and the reach around it.

    `is_binary` columns are not shifted: they equal their own powers, which saves the sums of these. `is_wide` ones need
    more digits than their reach alone would tell.
    """

    name: str
    centre: float
    reach: float
    is_binary: bool
    is_wide: bool = False

    @property
    def sql(self) -> str:
        """The shifted column."""
        return f"({self.name} - {self.centre!r})" if self.centre else self.name


def coordinates(columns: Sequence[Column]) -> tuple[Coordinate, ...]:
    """The columns of a metric's `Moments`, missing indicators behind their covariates."""
    found = []
    for column in columns:
        if column.is_binary:
            found.append(Coordinate(column.name, 0.0, 1.0, is_binary=True))
        else:
            found.append(
                Coordinate(column.name, column.centre, column.reach, is_binary=False, is_wide=column.is_uneven)
            )
        if column.indicator:
            found.append(Coordinate(column.indicator, 0.0, 1.0, is_binary=True))
    return tuple(found)


def nullable(columns: Sequence[Column]) -> tuple[str, ...]:
    """Names of the columns that may be null: a unit counts for a metric only where none of them is."""
    return tuple(c.name for c in columns if c.indicator is None and (c.is_maturing or any((*c.missing, *c.nonfinite))))


def scan_moments(
    engine: Engine, relation: str, metrics: Sequence[Sequence[Column]], n_variants: int
) -> list[tuple[Moments, ...]]:
    """For each metric, the moments of its columns for every variant (incumbent first)."""
    aggregates: dict[str, float] = {}
    plans = [plan_of(columns, aggregates) for columns in metrics]
    values = _run(engine, relation, list(aggregates.items()))
    return [tuple(moments_of(plan, values.get((arm, None), {})) for arm in range(n_variants)) for plan in plans]


def scan_moments_by(
    engine: Engine, relation: str, metrics: Sequence[Sequence[Column]], n_variants: int, key: str, keys: Sequence[int]
) -> list[list[tuple[Moments, ...]]]:
    """For each of `keys`, values of the SQL number `key`, what `scan_moments` gives for the units that have it."""
    aggregates: dict[str, float] = {}
    plans = [plan_of(columns, aggregates) for columns in metrics]
    values = _run(engine, relation, list(aggregates.items()), key)
    return [
        [tuple(moments_of(plan, values.get((arm, k), {})) for arm in range(n_variants)) for plan in plans] for k in keys
    ]


def scan_moments_with_parts(
    engine: Engine, relation: str, metrics: Sequence[Sequence[Column]], n_variants: int, key: str, keys: Sequence[int]
) -> tuple[list[tuple[Moments, ...]], list[list[tuple[Moments, ...]]]]:
    """What `scan_moments` and `scan_moments_by` give, from one scan; units whose key is none of `keys` count in all."""
    aggregates: dict[str, float] = {}
    plans = [plan_of(columns, aggregates) for columns in metrics]
    values = _run(engine, relation, list(aggregates.items()), key)
    whole = [
        {sql: math.fsum(its[sql] for (a, _), its in values.items() if a == arm) for sql in aggregates}
        for arm in range(n_variants)
    ]
    parts = [
        [tuple(moments_of(plan, values.get((arm, k), {})) for arm in range(n_variants)) for plan in plans] for k in keys
    ]
    return [tuple(moments_of(plan, its) for its in whole) for plan in plans], parts


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a metric's sums are found: `sums` maps sorted column indices to an aggregate's SQL."""

    coordinates: tuple[Coordinate, ...]
    count: str
    sums: dict[tuple[int, ...], str]


def plan_of(columns: Sequence[Column], aggregates: dict[str, float]) -> Plan:
    """The sums that a metric's moments need; their SQL is added to `aggregates`, with the factor of its integer."""
    points = coordinates(columns)
    mask = " AND ".join(f"{name} IS NOT NULL" for name in nullable(columns))
    where = f" FILTER ({mask})" if mask else ""
    sums = {}
    for indices in _index_tuples(len(points)):
        factors = [points[i] for k, i in enumerate(indices) if not (points[i].is_binary and i in indices[:k])]
        sql, factor = exact_sum(
            "*".join(p.sql for p in factors),
            math.prod(p.reach for p in factors),
            is_wide=any(p.is_wide for p in factors),
        )
        sums[indices] = f"{sql}{where}"
        aggregates[sums[indices]] = factor
    count = f"count(*){where}"
    aggregates[count] = 1.0
    return Plan(points, count, sums)


def _index_tuples(d: int) -> Iterator[tuple[int, ...]]:
    for order in (1, 2, 3):
        yield from combinations_with_replacement(range(d), order)


def _run(
    engine: Engine, relation: str, aggregates: Sequence[tuple[str, float]], key: str = "NULL"
) -> dict[tuple[int, int | None], dict[str, float]]:
    """The value of every aggregate by variant and `key`, for those that have units."""
    found: dict[tuple[int, int | None], dict[str, float]] = {}
    for start in range(0, len(aggregates), TERMS_PER_QUERY):
        chunk = aggregates[start : start + TERMS_PER_QUERY]
        selected = ", ".join(sql for sql, _ in chunk)
        grouped = "arm" if key == "NULL" else f"arm, {key}"
        for arm, k, *row in engine.rows(f"SELECT arm, {key}, {selected} FROM {relation} GROUP BY {grouped}"):
            values = found.setdefault((arm, k), {})
            for (sql, factor), value in zip(chunk, row, strict=True):
                values[sql] = float(value or 0) * factor
    return found


def moments_of(plan: Plan, values: Mapping[str, float]) -> Moments:
    """Central moments from sums of products about the centres, found by the SQL that sums them."""
    n = int(values.get(plan.count, 0))
    d = len(plan.coordinates)
    centre = np.array([p.centre for p in plan.coordinates])
    if not n:
        return Moments(0, np.zeros(d), np.zeros((d, d)), np.zeros((d, d, d)))
    raw = {order: np.zeros((d,) * order) for order in (1, 2, 3)}
    for indices, sql in plan.sums.items():
        for place in set(permutations(indices)):
            raw[len(indices)][place] = values[sql]
    return central(n, centre, raw[1], raw[2], raw[3])


def central(n: int, centre: Floats, first: Floats, second: Floats, third: Floats) -> Moments:
    """Moments from sums of products about `centre` (d,): `first` (d,), `second` (d, d), `third` (d, d, d)."""
    shift = first / n
    centred = third - symmetric(shift, second) + 2 * n * np.einsum("i,j,k->ijk", shift, shift, shift)
    return Moments(n, centre + shift, second - n * np.multiply.outer(shift, shift), centred)
