"""Bins: units grouped by the value that is resampled, so that a bootstrap needs no rows (methods.md e2).

Bin edges grow with the distance from zero (or from the mean, where that is far from zero): fine where most units are,
a fifth of the value wide in the tails, one unit a bin where tails are sparse. Zero has its own bin, whole numbers of a
small range one each, so that metrics with few values are exact throughout.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from operator import itemgetter

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.spec.metric import MetricKind
from abimpact.summarise.exact import exact_sum
from abimpact.summarise.matched import EDGEWORTH, matched, matched_error
from abimpact.summarise.scan import coordinates, nullable
from abimpact.summarise.summary import SMALLEST_VARIANCE, Bins, Floats, Moments

# Bins per doubling of the distance, and the distance (in standard deviations) below which they are even.
PER_DOUBLING, EVEN_WITHIN = 4, 0.5
# Odd on purpose: no round amount lies on an edge, where two engines' logarithms might differ.
EDGE_SHIFT = 0.37
FAR_FROM_ZERO = 4.0
LARGEST_ERROR, MOST_DOUBLINGS = 0.001, 2


@dataclass(frozen=True, slots=True)
class Key:
    """How units are binned: by the number `sql`, of standard deviation `sd`, around `origin`; `is_whole` by value."""

    sql: str
    weights: Floats
    origin: float
    sd: float
    is_whole: bool


def bins(
    engine: Engine, relation: str, kind: MetricKind, columns: Sequence[Column], moments: Sequence[Moments]
) -> tuple[Bins, ...]:
    """The bins of every variant. They are halved while the distribution of a resampled mean could be off by 0.001.

    Where so much is known without them, there is no scan.
    """
    return bins_by(engine, relation, kind, columns, [moments], "0")[0]


def bins_by(
    engine: Engine,
    relation: str,
    kind: MetricKind,
    columns: Sequence[Column],
    parts: Sequence[Sequence[Moments]],
    part: str,
) -> list[tuple[Bins, ...]]:
    """For all parts of the units, numbered by the SQL `part`, what `bins` gives, from the same scans."""
    if kind is MetricKind.PROPORTION:
        return [tuple(map(_binary, moments)) for moments in parts]
    keys = [_key(kind, columns, moments) for moments in parts]
    told = [[(m, key.weights) for m in moments] for key, moments in zip(keys, parts, strict=True)]
    if all(matched_error(columns, m, weights) <= LARGEST_ERROR for its in told for m, weights in its):
        return [tuple(matched(m, weights) for m, weights in its) for its in told]
    per_doubling = PER_DOUBLING
    for _ in range(MOST_DOUBLINGS + 1):
        found = _scan(engine, relation, columns, keys, part, per_doubling, len(parts[0]))
        worst = max(cdf_error_bound(b, key.weights) for key, its in zip(keys, found, strict=True) for b in its)
        if worst <= LARGEST_ERROR:
            break
        per_doubling *= 2
    return found


def _binary(moments: Moments) -> Bins:
    """The two bins of a proportion, which its moments tell without a scan."""
    successes = round(moments.n * float(moments.mean[0]))
    count = np.array([moments.n - successes, successes])
    kept = count > 0
    value = np.array([[0.0], [1.0]])
    return Bins(count[kept], value[kept], np.zeros((kept.sum(), 1, 1)), np.zeros(kept.sum()))


def cdf_error_bound(bins: Bins, weights: Floats) -> float:
    """By how much at most the resampled mean's distribution function is off (first order; methods.md e2).

    The skewness misses sum_k (n_k / n) s2_k R_k / (sigma^3 sqrt(n)), s2_k and R_k variance and range within a bin.
    """
    n = int(bins.count.sum())
    if n == 0:
        return 0.0
    within = np.einsum("kij,i,j->k", bins.second, weights, weights)
    centre = bins.mean @ weights
    mean = float(bins.count @ centre) / n
    variance = float(bins.count @ (centre - mean) ** 2 + within.sum()) / n
    if variance <= SMALLEST_VARIANCE:
        return 0.0
    deficit = float(within @ bins.spread) / n / (variance**1.5 * math.sqrt(n))
    return float(EDGEWORTH * deficit)


def _key(kind: MetricKind, columns: Sequence[Column], moments: Sequence[Moments]) -> Key:
    """The units' influence on the metric, from all variants pooled: only the order matters, so one key serves all.

    Place and scale are those of the variant that spreads least: its bins are fine for every other one too.
    """
    points = coordinates(columns)
    pooled = sum(moments[1:], start=moments[0])
    weights = np.zeros(len(points))
    weights[0] = 1.0
    outcomes = 2 if kind is MetricKind.RATIO else 1
    if kind is MetricKind.RATIO and pooled.mean[1]:
        weights[1] = -pooled.mean[0] / pooled.mean[1]
    if len(points) > outcomes:
        s_xx = pooled.second[outcomes:, outcomes:]
        weights[outcomes:] = -np.linalg.pinv(s_xx) @ pooled.second[outcomes:] @ weights
    spreads = [(max(float(weights @ m.second @ weights), 0.0) / max(m.n, 1), m) for m in moments]
    variance, narrowest = min(
        (s for s in spreads if s[0] > SMALLEST_VARIANCE), key=itemgetter(0), default=(0.0, pooled)
    )
    sd, mean = math.sqrt(variance), float(weights @ narrowest.mean)
    terms = [f"{float(w)!r} * {p.name}" for w, p in zip(weights, points, strict=True) if w]
    value = columns[0]
    is_whole = len(points) == 1 and value.is_whole
    return Key(
        sql=points[0].name if len(terms) == 1 else "(" + " + ".join(terms) + ")",
        weights=weights,
        origin=mean if abs(mean) > FAR_FROM_ZERO * sd else 0.0,
        sd=sd,
        is_whole=is_whole,
    )


def _key_sql(key: Key, per_doubling: int) -> str:
    if key.is_whole or key.sd == 0:
        return f"CAST({key.sql} AS BIGINT)" if key.is_whole else "0"
    u = f"({key.sql} - {key.origin!r})" if key.origin else key.sql
    steps = f"floor(log2(1.0 + abs({u}) * {1 / (EVEN_WITHIN * key.sd)!r}) * {per_doubling} + {EDGE_SHIFT})"
    return f"CAST(CASE WHEN {u} = 0 THEN 0 ELSE sign({u}) * (1 + {steps}) END AS INTEGER)"


def _widths(key: Key, keys: Floats, per_doubling: int) -> Floats:
    """An upper bound of each bin's range."""
    if key.is_whole:
        return np.zeros(len(keys))
    step = np.abs(keys) - 1
    low, high = (np.exp2(np.maximum(step + i - EDGE_SHIFT, 0.0) / per_doubling) for i in (0, 1))
    return np.where(keys == 0, 0.0, EVEN_WITHIN * key.sd * (high - low))


def _grouping(keys: Sequence[Key], part: str, per_doubling: int, n_variants: int) -> tuple[str, str]:
    """SQL that numbers the variants of all parts in turn, and the bins of each."""
    bins_of = [_key_sql(key, per_doubling) for key in keys]
    if len(keys) == 1:
        return "arm", bins_of[0]
    cases = "".join(f" WHEN {k} THEN {sql}" for k, sql in enumerate(bins_of))
    return f"arm + {n_variants} * ({part})", f"CASE {part}{cases} END"


def _scan(
    engine: Engine,
    relation: str,
    columns: Sequence[Column],
    keys: Sequence[Key],
    part: str,
    per_doubling: int,
    n_variants: int,
) -> list[tuple[Bins, ...]]:
    points = coordinates(columns)
    d = len(points)
    pairs = list(combinations_with_replacement(range(d), 2))
    products = [(i,) for i in range(d)] + pairs
    aggregates, factors = [], []
    for indices in products:
        product = "*".join(points[i].sql for i in indices)
        sql, factor = exact_sum(
            product, math.prod(points[i].reach for i in indices), is_wide=any(points[i].is_wide for i in indices)
        )
        aggregates.append(f"CAST({sql} AS DOUBLE)")
        factors.append(factor)
    mask = " AND ".join(f"{name} IS NOT NULL" for name in nullable(columns))
    where = f" WHERE {mask}" if mask else ""
    group, key = _grouping(keys, part, per_doubling, n_variants)
    table = engine.query(
        f"SELECT {group} AS part, {key} AS bin, count(*) AS n, "
        + ", ".join(f"{a} AS s{i}" for i, a in enumerate(aggregates))
        + f" FROM {relation}{where} GROUP BY ALL ORDER BY ALL"
    )
    sums = np.array([table[f"s{i}"] for i in range(len(products))], dtype=float) * np.array(factors)[:, None]
    binned, counts = np.asarray(table["bin"], dtype=float), np.asarray(table["n"], dtype=np.int64)
    means = sums[:d].T / counts[:, None] if len(counts) else np.zeros((0, d))
    second = np.zeros((len(counts), d, d))
    for (i, j), raw in zip(pairs, sums[d:], strict=True):
        second[:, i, j] = second[:, j, i] = raw - counts * means[:, i] * means[:, j]
    second[counts == 1] = 0.0
    means += np.array([p.centre for p in points])
    ends = np.searchsorted(np.asarray(table["part"]), np.arange(len(keys) * n_variants + 1))

    def bins_of(k: int, arm: int) -> Bins:
        place = k * n_variants + arm
        mine = slice(ends[place], ends[place + 1])
        widths = _widths(keys[k], binned[mine], per_doubling)
        return Bins(counts[mine], means[mine], second[mine], np.where(counts[mine] == 1, 0.0, widths))

    return [tuple(bins_of(k, arm) for arm in range(n_variants)) for k in range(len(keys))]
