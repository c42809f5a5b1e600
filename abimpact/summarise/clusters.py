"""Moments over clusters: one more GROUP BY sums units to what was randomised, the rest is as for units."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from abimpact.read.log import Column, Log
from abimpact.read.profile import Term, canonical_sql, profile
from abimpact.spec.metric import Metric, MetricKind
from abimpact.summarise.bins import bins_by
from abimpact.summarise.exact import exact_sum
from abimpact.summarise.scan import Coordinate, coordinates, nullable, scan_moments_by
from abimpact.summarise.summary import Bins, ClusterSums, Floats, Moments

SUMS, CLUSTERS = "cluster_sums", "clusters"


def scan_clusters(
    log: Log, metrics: Sequence[Metric], *, key: str = "0", n_keys: int = 1, binned: Sequence[Metric] = ()
) -> list[list[ClusterSums]]:
    """For each value 0…n_keys - 1 of the SQL number `key`, the metrics' moments over the clusters of its units.

    Those of `binned` have bins, unless clusters hold several variants.
    """
    sums: dict[str, int] = {}
    places = [[sums.setdefault(sql, len(sums)) for sql in _sums(log.columns[m.name], m)] for m in metrics]
    selected = ", ".join(f"{sql} AS r{i}" for sql, i in sums.items())
    log.engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {SUMS} AS SELECT arm, cluster, CAST({key} AS INTEGER) AS k, {selected} "
        f"FROM {log.relation} GROUP BY arm, cluster, CAST({key} AS INTEGER)"
    )
    terms = [Term(sql=sql, text=sql, is_covariate=False, missing_is_zero=False, is_integer=False) for sql in sums]
    _, profiled, _ = profile(log.engine, SUMS, terms, len(log.variants), has_days=False)
    canonical = ", ".join(["arm", "cluster", "k", *canonical_sql(profiled, terms)])
    log.engine.execute(f"CREATE OR REPLACE TEMP VIEW {CLUSTERS} AS SELECT {canonical} FROM {SUMS}")
    columns = [[profiled[i] for i in its] for its in places]
    moments = scan_moments_by(log.engine, CLUSTERS, columns, len(log.variants), "k", range(n_keys))
    cross = [_cross(log, its, [by_key[i] for by_key in moments]) for i, its in enumerate(columns)]
    can_be_binned = log.clusters is not None and not log.clusters.in_several
    bins = [
        bins_by(log.engine, CLUSTERS, MetricKind.RATIO, columns[i], [by_key[i] for by_key in moments], "k")
        if can_be_binned and metric in binned
        else [None] * n_keys
        for i, metric in enumerate(metrics)
    ]
    return [
        [_linearised(metric, moments[k][i], bins[i][k], *cross[i][k]) for i, metric in enumerate(metrics)]
        for k in range(n_keys)
    ]


def scan_below(log: Log, metric: Metric, values: Sequence[float]) -> ClusterSums:
    """The moments over clusters of (units whose value is at most their variant's of `values`, units)."""
    column = log.columns[metric.name][0]
    cases = " ".join(f"WHEN {arm} THEN {column.name} <= {value!r}" for arm, value in enumerate(values))
    log.engine.execute(
        f"CREATE OR REPLACE TEMP VIEW below AS SELECT arm, cluster, CAST(CASE arm {cases} END AS DOUBLE) AS below "
        f"FROM {log.relation}"
    )
    share = replace(column, name="below", low=0.0, high=1.0, centre=0.0, is_binary=True, is_uneven=False)
    as_share = replace(metric, kind=MetricKind.PROPORTION)
    ((found,),) = scan_clusters(replace(log, relation="below", columns={metric.name: (share,)}), [as_share])
    return found


def _sums(columns: Sequence[Column], metric: Metric) -> list[str]:
    """SQL of the sums of a metric in one cluster: value, denominator, covariates, units; null without any value.

    The units are the denominator of anything but a ratio, and stand last where a ratio has covariates.
    """
    mask = " AND ".join(f"{name} IS NOT NULL" for name in nullable(columns))
    where = f" FILTER ({mask})" if mask else ""
    units = f"CAST(count(*){where} AS DOUBLE)"
    found = [_sum(point, where, units) for point in coordinates(columns)]
    if metric.kind is not MetricKind.RATIO:
        found.insert(1, units)
    elif len(found) > 2:
        found.append(units)
    return [f"CASE WHEN {units} > 0 THEN {sql} END" for sql in found] if mask else found


def _sum(point: Coordinate, where: str, units: str) -> str:
    sql, factor = exact_sum(point.sql, point.reach, is_wide=point.is_wide)
    shifted = f"CAST({sql}{where} AS DOUBLE) * {factor!r}"
    return f"({shifted} + {point.centre!r} * {units})" if point.centre else f"({shifted})"


def _cross(
    log: Log, columns: Sequence[Column], moments: Sequence[Sequence[Moments]]
) -> list[tuple[dict[tuple[int, int], Floats], dict[tuple[int, int], int]]]:
    """For each key, the cross-products of every two variants over the clusters that hold both, and their number."""
    found: list[tuple[dict[tuple[int, int], Floats], dict[tuple[int, int], int]]] = [({}, {}) for _ in moments]
    if log.clusters is None or not log.clusters.in_several:
        return found
    points = coordinates(columns)
    d = len(points)
    here, there = ([f"({side}.{p.name} - {p.centre!r})" for p in points] for side in "pq")
    parts = [f"fsum({x})" for x in (*here, *there)] + [f"fsum({x} * {y})" for x in here for y in there]
    mask = "".join(f" AND p.{name} IS NOT NULL AND q.{name} IS NOT NULL" for name in nullable(columns))
    centre = np.array([p.centre for p in points])
    for a, b in combinations(range(len(log.variants)), 2):
        rows = log.engine.rows(
            f"SELECT p.k, count(*), {', '.join(parts)} FROM {CLUSTERS} p JOIN {CLUSTERS} q "
            f"ON p.cluster = q.cluster AND p.k = q.k AND p.arm = {a} AND q.arm = {b}{mask} GROUP BY p.k"
        )
        for k, n, *values in rows:
            first, second = np.array(values[:d]), np.array(values[d : 2 * d])
            products = np.reshape(np.array(values[2 * d :], dtype=float), (d, d))
            m_a, m_b = (moments[k][arm].mean - centre for arm in (a, b))
            cross = products - np.outer(m_a, second) - np.outer(first, m_b) + n * np.outer(m_a, m_b)
            found[k][0][a, b], found[k][1][a, b] = cross, int(n)
    return found


def _linearised(
    metric: Metric,
    moments: Sequence[Moments],
    binned: Sequence[Bins] | None,
    cross: dict[tuple[int, int], Floats],
    both: dict[tuple[int, int], int],
) -> ClusterSums:
    """The covariates' sums as deviations of their means per unit, for which large and small clusters count alike."""
    turn = _turn(metric, moments)

    def turned(m: Moments) -> Moments:
        third = np.einsum("ijk,ai,bj,ck->abc", m.third, turn, turn, turn)
        return Moments(m.n, turn @ m.mean, turn @ m.second @ turn.T, third)

    def turned_bins(b: Bins) -> Bins:
        return Bins(b.count, b.mean @ turn.T, np.einsum("kij,ai,bj->kab", b.second, turn, turn), b.spread)

    return ClusterSums(
        moments=tuple(map(turned, moments)),
        bins=tuple(map(turned_bins, binned)) if binned else None,
        cross={pair: turn @ c @ turn.T for pair, c in cross.items()},
        both=both,
    )


def _turn(metric: Metric, moments: Sequence[Moments]) -> Floats:
    """The linear map from sums to (value, denominator, covariates per unit about their common mean)."""
    d = len(moments[0].mean)
    n = sum(m.n for m in moments)
    if d == 2 or not n:
        return np.eye(d)
    units = d - 1 if metric.kind is MetricKind.RATIO else 1
    turn = np.eye(d)
    total = np.sum([m.n * m.mean for m in moments], axis=0)
    for j in range(2, d):
        if j != units and total[units]:
            turn[j, j] = n / total[units]
            turn[j, units] = -n * total[j] / total[units] ** 2
    return turn if units == 1 else turn[:-1]
