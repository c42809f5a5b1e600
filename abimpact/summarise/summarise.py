"""From a log to its summary: moments in one scan, then bins, ranks and extremes where a metric needs them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from abimpact.read.log import Column, Log
from abimpact.spec.metric import Metric, MetricKind
from abimpact.summarise.bins import bins
from abimpact.summarise.extremes import extremes
from abimpact.summarise.quantiles import ranks
from abimpact.summarise.scan import coordinates, scan_moments
from abimpact.summarise.strata import pooled, scan_strata
from abimpact.summarise.summary import Floats, MetricSummary, Moments, Summary

# Given n units and a metric's quantile, the 1-based ranks whose values its method needs.
RanksWanted = Callable[[int, float], list[int]]


def summarise(log: Log, *, with_bins: bool, ranks_wanted: RanksWanted, progress: Callable[[float], None]) -> Summary:
    """The summary of `log`; `progress` is told the share of scans done."""
    columns = [log.columns[m.name] for m in log.metrics]
    strata = scan_strata(log, columns)
    moments = (
        [pooled(s) for s in strata] if strata else scan_moments(log.engine, log.relation, columns, len(log.variants))
    )
    heaviest: dict[str, tuple[Floats, ...]] = {}
    metrics = []
    for done, (metric, its_moments) in enumerate(zip(log.metrics, moments, strict=True), start=1):
        value = log.columns[metric.name][0]
        if metric.kind is MetricKind.MEAN and value.name not in heaviest:
            heaviest[value.name] = extremes(log.engine, log.relation, value, its_moments)
        found = _metric(log, metric, its_moments, with_bins=with_bins, ranks_wanted=ranks_wanted)
        found = replace(found, strata=strata[done - 1]) if strata else found
        metrics.append(replace(found, extremes=heaviest[value.name]) if metric.kind is MetricKind.MEAN else found)
        progress(done / len(log.metrics))
    return Summary(variants=log.variants, units=log.units, metrics=tuple(metrics))


def _metric(
    log: Log, metric: Metric, moments: tuple[Moments, ...], *, with_bins: bool, ranks_wanted: RanksWanted
) -> MetricSummary:
    columns = log.columns[metric.name]
    kind = metric.kind or MetricKind.MEAN
    is_quantile = kind is MetricKind.QUANTILE
    wanted = [ranks_wanted(m.n, metric.quantile) for m in moments] if metric.quantile is not None else []
    return MetricSummary(
        metric=metric,
        variants=log.variants,
        covariates=covariate_names(columns, metric),
        moments=moments,
        bins=bins(log.engine, log.relation, kind, columns, moments) if with_bins and not is_quantile else None,
        nonzero=_nonzero(log, columns[0]) if log.experiment.sequential == "always-valid" else None,
        ranks=ranks(log.engine, log.relation, columns[0], wanted) if is_quantile else None,
        extremes=tuple(m.mean[:0] for m in moments),
    )


def covariate_names(columns: Sequence[Column], metric: Metric) -> tuple[str, ...]:
    """The names of a metric's covariates among the columns of its moments."""
    names = tuple(c.name for c in coordinates(columns))
    return names[len(columns) - len(metric.covariates) :]


def _nonzero(log: Log, column: Column) -> tuple[int, ...]:
    """Units of each variant whose value is not 0."""
    counts = dict(log.engine.rows(f"SELECT arm, count_if({column.name} <> 0) FROM {log.relation} GROUP BY arm"))
    return tuple(int(counts.get(arm) or 0) for arm in range(len(log.variants)))
