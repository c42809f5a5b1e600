"""Differences paired row by row: every variant's decision priced on the rows that are paid, summarised in few scans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abimpact.backtest.capacity import Capacity, Load, days_table
from abimpact.backtest.gains import Gains, Mode, needed_by_day
from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.read.profile import Term, canonical_sql, profile
from abimpact.spec.backtest import CELLS
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import bins
from abimpact.summarise.scan import scan_moments
from abimpact.summarise.summary import Bins, Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A proposed variant as it decides: `acts` is SQL over `gained` (0 or 1)."""

    name: str
    acts: str
    threshold: float | None = None
    is_searched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """All that scans of the paid rows give.

    `joint` has the moments of all variants' differences together, `beside[k]` those of variant k's difference with what
    a wrong label would change (labelled: if a 1 is a 0, if a 0 is a 1) or of its weighted value, weight and logged
    reward. `values` are the moments of a row's value under the incumbent and each variant.
    """

    rows: int
    units: int
    joint: Moments
    beside: tuple[Moments, ...]
    values: tuple[Moments, ...]
    columns: tuple[Column, ...]
    bins: tuple[Bins, ...] | None
    loads: tuple[tuple[Load, ...], ...]
    lacks_other_payoff: int


def price(
    engine: Engine,
    gains: Gains,
    variants: Sequence[Variant],
    capacity: Capacity,
    *,
    is_clustered: bool,
    with_bins: bool,
) -> Priced:
    """Make the tables `acted` (one row a decision) and `paid` (one row a unit), and scan them."""
    k = len(variants)
    acts = ", ".join(f"CAST({v.acts} AS TINYINT) AS a{i}" for i, v in enumerate(variants))
    engine.execute(f"CREATE TEMP VIEW acting AS SELECT *, {acts} FROM gained")
    needed = [needed_by_day(engine, "acting", f"a{i}", capacity) for i in range(k)]
    shares = {f"f{i + 1}": capacity.done(x) if x else np.ones(max(len(capacity.days), 1)) for i, x in enumerate(needed)}
    engine.execute(f"CREATE TEMP TABLE done AS {days_table(shares, capacity.days)}")
    join = "LEFT JOIN done USING (day)" if capacity.days else f"CROSS JOIN (SELECT {', '.join(shares)} FROM done)"
    numbers = _numbers(gains.mode, k)
    selected = ", ".join(f"{sql} AS r{i}" for i, sql in enumerate(numbers))
    engine.execute(f"CREATE TEMP TABLE acted AS SELECT *, {selected} FROM acting {join} WHERE half = 1")
    rows = engine.rows("SELECT count(*) FROM acted")[0][0]
    relation = "acted"
    if is_clustered:
        sums = ", ".join(f"fsum(r{i}) AS r{i}" for i in range(len(numbers)))
        engine.execute(f"CREATE TEMP TABLE acted_by_unit AS SELECT min(arm) AS arm, {sums} FROM acted GROUP BY unit")
        relation = "acted_by_unit"
    terms = [Term(f"r{i}", f"r{i}", False, False, False) for i in range(len(numbers))]
    (units,), columns, _ = profile(engine, relation, terms, 1, has_days=False)
    engine.execute(f"CREATE TEMP VIEW paid AS SELECT arm, {', '.join(canonical_sql(columns, terms))} FROM {relation}")
    groups = _groups(k)
    found = [m[0] for m in scan_moments(engine, "paid", [[columns[i] for i in g] for g in groups], 1)]
    binned = None
    if with_bins:
        one = [Moments(m.n, m.mean[:1], m.second[:1, :1], m.third[:1, :1, :1]) for m in found[1 : k + 1]]
        binned = tuple(bins(engine, "paid", MetricKind.MEAN, [columns[i]], [one[i]])[0] for i in range(k))
    lacks = 0
    if gains.mode is Mode.LABELLED:
        lacks = engine.rows("SELECT count(*) FILTER (g1 IS NULL OR g0 IS NULL) FROM acted")[0][0]
    return Priced(
        rows=rows,
        units=units,
        joint=found[0],
        beside=tuple(found[1 : k + 1]),
        values=tuple(found[k + 1 :]),
        columns=columns[:k],
        bins=binned,
        loads=tuple(capacity.loads(x) if x else () for x in needed),
        lacks_other_payoff=lacks,
    )


def _numbers(mode: Mode, k: int) -> list[str]:
    """SQL of all numbers: differences, then per variant two beside, then the incumbent's and every variant's value.

    Beside stand what changes if an outcome 1 was a 0 and the other way round, or the weighted value and weight; after
    them all, where rows are weighted, what was logged.
    """
    values = [f"(v0 + a{i} * f{i + 1} * g)" for i in range(k)]
    differences = [f"{value} - vi" for value in values]
    beside = []
    for i in range(k):
        gap = f"(a{i} * f{i + 1} - inc * f0)"
        if mode is Mode.LABELLED:
            beside.append(f"CASE WHEN y = 1 THEN {gap} * coalesce(g0 - g1, 0) ELSE 0 END")
            beside.append(f"CASE WHEN y = 0 THEN {gap} * coalesce(g1 - g0, 0) ELSE 0 END")
        elif mode is Mode.RELEASED:
            beside += [f"{gap} * gi", "w"]
        elif mode is Mode.RANDOMISED:
            beside += [f"v0i + a{i} * f{i + 1} * gi", f"CASE WHEN a{i} = inc THEN w ELSE 0 END"]
        else:
            beside += ["gi", "w"]
    last = "rr" if mode is not Mode.LABELLED else "0.0"
    return [*differences, *beside, "vi", *values, last]


def _groups(k: int) -> list[list[int]]:
    """The columns of each joint set of moments: all differences, each with what stands beside it, each value."""
    last = k + 2 * k + 1 + k
    joint = list(range(k))
    beside = [[i, k + 2 * i, k + 2 * i + 1, last] for i in range(k)]
    values = [[3 * k + i] for i in range(k + 1)]
    return [joint, *beside, *values]


def confusions(engine: Engine, mode: Mode, variants: int) -> list[Mapping[str, tuple[float, float]]]:
    """For the incumbent and each variant: rows of each of `CELLS` and what they earn together.

    Acts beyond a limit count as not done. Where outcomes are seen at random, rows count by their weight; where
    decisions are, there are no cells.
    """
    if mode in (Mode.CHOSEN, Mode.RANDOMISED):
        return [{} for _ in range(variants + 1)]
    weight, v0, g = ("w", "v0i", "gi") if mode is Mode.RELEASED else ("1.0", "v0", "g")
    found: list[Mapping[str, tuple[float, float]]] = []
    for acts in ("inc * f0", *(f"a{i} * f{i + 1}" for i in range(variants))):
        parts = []
        for cell in CELLS:
            label = f"y = {int(cell in ('true_positive', 'false_negative'))}"
            done, earned = (acts, f"({v0} + {g})") if cell.endswith("positive") else (f"(1 - {acts})", v0)
            parts += [f"fsum({done} * {x}) FILTER ({label})" for x in (weight, earned)]
        row = [float(x or 0.0) for x in engine.rows(f"SELECT {', '.join(parts)} FROM acted")[0]]
        found.append({cell: (row[2 * j], row[2 * j + 1]) for j, cell in enumerate(CELLS)})
    return found


def overlap_sql(mode: Mode, place: int) -> str:
    """SQL of the weights that count for a variant: of seen rows where it differs, or of rows that it would share."""
    if mode is Mode.RELEASED:
        return f"CASE WHEN a{place} <> inc THEN w ELSE 0 END"
    return f"CASE WHEN a{place} = inc THEN w ELSE 0 END" if mode is Mode.RANDOMISED else "w"


def weights_of(engine: Engine, mode: Mode, place: int) -> tuple[int, float, float, float]:
    """Rows with weight, the sum of weights, of their squares, and the largest."""
    w = overlap_sql(mode, place)
    n, first, second, largest = engine.rows(
        f"SELECT count(*) FILTER (x > 0), fsum(x), fsum(x * x), max(x) FROM (SELECT {w} AS x FROM acted)"
    )[0]
    return n, float(first or 0), float(second or 0), float(largest or 0)


def variance_of(moments: Moments) -> float | None:
    """The variance of one column a unit."""
    return float(moments.covariance[0, 0]) if moments.n > 1 else None
