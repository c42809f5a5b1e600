"""From a log to its summary: moments in one scan, then bins, ranks and extremes where a metric needs them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from abimpact.read.log import Column, Log
from abimpact.spec.metric import Metric, MetricKind
from abimpact.summarise.bins import bins
from abimpact.summarise.clusters import scan_below, scan_clusters
from abimpact.summarise.days import day_spans
from abimpact.summarise.extremes import extremes
from abimpact.summarise.quantiles import ranks
from abimpact.summarise.scan import coordinates, scan_moments, scan_moments_with_parts
from abimpact.summarise.strata import pooled, scan_strata
from abimpact.summarise.summary import ClusterSums, Floats, MetricSummary, Moments, Summary

ByDay = tuple[tuple[tuple[Moments, ...], ...], ...]
# Where at least so many units of every variant are not 0, nobody asks how many they are.
COUNTED_BELOW = 50
# Given n units and a metric's quantile, the 1-based ranks whose values its method needs.
RanksWanted = Callable[[int, float], list[int]]
# The same where clusters were randomised, given the moments over them of (units at or below the quantile, units); the
# quantile's own rank without these.
RanksByCluster = Callable[[int, float, Moments | None], list[int]]


def summarise(
    log: Log,
    *,
    with_bins: bool,
    ranks_wanted: RanksWanted,
    progress: Callable[[float], None],
    ranks_by_cluster: RanksByCluster | None = None,
) -> Summary:
    """The summary of `log`; `progress` is told the share of scans done."""
    columns = [log.columns[m.name] for m in log.metrics]
    strata = scan_strata(log, columns)
    moments, by_day = _moments(log, columns) if not strata else ([pooled(s) for s in strata], None)
    sums = _cluster_sums(log, with_bins=with_bins)
    heaviest: dict[str, tuple[Floats, ...]] = {}
    metrics = []
    for done, (metric, its_moments) in enumerate(zip(log.metrics, moments, strict=True), start=1):
        value = log.columns[metric.name][0]
        if metric.kind is MetricKind.MEAN and value.name not in heaviest:
            heaviest[value.name] = extremes(log.engine, log.relation, value, its_moments)
        found = _metric(log, metric, its_moments, with_bins=with_bins and not log.clusters)
        found = replace(found, strata=strata[done - 1] if strata else None, clusters=sums.get(metric.name))
        if metric.kind is MetricKind.QUANTILE:
            found = _quantile(log, found, ranks_wanted, ranks_by_cluster)
        metrics.append(replace(found, extremes=heaviest[value.name]) if metric.kind is MetricKind.MEAN else found)
        progress(done / len(log.metrics))
    return Summary(variants=log.variants, units=log.units, metrics=tuple(metrics), by_day=by_day)


def _moments(log: Log, columns: Sequence[Sequence[Column]]) -> tuple[list[tuple[Moments, ...]], ByDay | None]:
    """The moments of all metrics, and from the same scan those by day, where the log has days."""
    spans, n = day_spans(log), len(log.variants)
    if spans is None:
        return scan_moments(log.engine, log.relation, columns, n), None
    whole, parts = scan_moments_with_parts(log.engine, log.relation, columns, n, spans.key, range(spans.n))
    return whole, tuple(map(tuple, parts))


def _cluster_sums(log: Log, *, with_bins: bool) -> dict[str, ClusterSums]:
    """By metric; nothing where units were randomised, and for quantiles, which need to know theirs first."""
    told = [m for m in log.metrics if m.kind is not MetricKind.QUANTILE]
    if log.clusters is None or not told:
        return {}
    (found,) = scan_clusters(log, told, binned=told if with_bins else ())
    return {metric.name: sums for metric, sums in zip(told, found, strict=True)}


def _metric(log: Log, metric: Metric, moments: tuple[Moments, ...], *, with_bins: bool) -> MetricSummary:
    columns = log.columns[metric.name]
    kind = metric.kind or MetricKind.MEAN
    is_binned = with_bins and kind is not MetricKind.QUANTILE
    return MetricSummary(
        metric=metric,
        variants=log.variants,
        covariates=covariate_names(columns, metric),
        moments=moments,
        bins=bins(log.engine, log.relation, kind, columns, moments) if is_binned else None,
        nonzero=_nonzero(log, columns[0]) if _must_count(log, kind, moments) else None,
        ranks=None,
        extremes=tuple(m.mean[:0] for m in moments),
    )


def covariate_names(columns: Sequence[Column], metric: Metric) -> tuple[str, ...]:
    """The names of a metric's covariates among the columns of its moments."""
    names = tuple(c.name for c in coordinates(columns))
    return names[len(columns) - len(metric.covariates) :]


def _quantile(
    log: Log, summary: MetricSummary, ranks_wanted: RanksWanted, ranks_by_cluster: RanksByCluster | None
) -> MetricSummary:
    """A quantile's order statistics; where clusters were randomised, after their sums of what lies below it."""
    column, quantile = log.columns[summary.metric.name][0], summary.metric.quantile
    assert quantile is not None
    sizes = [m.n for m in summary.moments]
    if not (log.clusters and ranks_by_cluster and all(sizes)):
        wanted = [ranks_wanted(n, quantile) for n in sizes]
        return replace(summary, ranks=ranks(log.engine, log.relation, column, wanted))
    own = [ranks_by_cluster(n, quantile, None) for n in sizes]
    found = ranks(log.engine, log.relation, column, own)
    below = scan_below(log, summary.metric, [r.values[rank] for r, (rank,) in zip(found, own, strict=True)])
    wanted = [ranks_by_cluster(n, quantile, m) for n, m in zip(sizes, below.moments, strict=True)]
    return replace(summary, ranks=ranks(log.engine, log.relation, column, wanted), clusters=below)


def _must_count(log: Log, kind: MetricKind, moments: tuple[Moments, ...]) -> bool:
    """Whether it matters how many units are not 0: a variant may hold few of them, or looks ask for it.

    At least (sum x)^2 / sum x^2 units are not 0, by the inequality of Cauchy and Schwarz.
    """
    if log.experiment.sequential == "always-valid":
        return True
    if kind is not MetricKind.MEAN:
        return False
    totals = [(m.n * float(m.mean[0]), float(m.second[0, 0]) + m.n * float(m.mean[0]) ** 2) for m in moments]
    return any(squares and total**2 < COUNTED_BELOW * squares for total, squares in totals)


def _nonzero(log: Log, column: Column) -> tuple[int, ...]:
    """Units of each variant whose value is not 0."""
    counts = dict(log.engine.rows(f"SELECT arm, count_if({column.name} <> 0) FROM {log.relation} GROUP BY arm"))
    return tuple(int(counts.get(arm) or 0) for arm in range(len(log.variants)))
