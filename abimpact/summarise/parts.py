"""Metrics among parts of the units: by segment, by day."""

from collections.abc import Sequence
from dataclasses import replace

from abimpact.read.log import Log
from abimpact.spec.metric import Metric, MetricKind
from abimpact.summarise.bins import bins_by
from abimpact.summarise.clusters import scan_clusters
from abimpact.summarise.scan import scan_moments_by
from abimpact.summarise.strata import pooled, scan_strata_by
from abimpact.summarise.summary import Bins, MetricSummary, Moments


def summarise_by(
    log: Log, metrics: Sequence[MetricSummary], key: str, n_keys: int, *, binned: Sequence[Metric] = ()
) -> list[tuple[MetricSummary, ...]]:
    """For each value 0…n_keys - 1 of the SQL number `key`, the metrics of the units that have it.

    Those of `binned` have bins, unless effects are stratified, or clusters hold several variants.
    """
    columns = [log.columns[m.metric.name] for m in metrics]
    strata = scan_strata_by(log, columns, key, n_keys) if log.strata else None
    if strata:
        moments = [[pooled(its[k]) for its in strata] for k in range(n_keys)]
    else:
        moments = scan_moments_by(log.engine, log.relation, columns, len(log.variants), key, range(n_keys))
    asked = [m.metric for m in metrics]
    sums = scan_clusters(log, asked, key=key, n_keys=n_keys, binned=binned) if log.clusters else None
    bins = [
        _bins(log, m, [by_key[i] for by_key in moments], key)
        if m.metric in binned and not (strata or sums)
        else [None] * n_keys
        for i, m in enumerate(metrics)
    ]
    return [
        tuple(
            replace(
                m,
                moments=moments[k][i],
                bins=bins[i][k],
                extremes=tuple(x.mean[:0] for x in moments[k][i]),
                nonzero=None,
                strata=strata[i][k] if strata else None,
                clusters=sums[k][i] if sums else None,
            )
            for i, m in enumerate(metrics)
        )
        for k in range(n_keys)
    ]


def _bins(
    log: Log, summary: MetricSummary, moments: Sequence[tuple[Moments, ...]], key: str
) -> Sequence[tuple[Bins, ...]]:
    kind = summary.metric.kind or MetricKind.MEAN
    return bins_by(log.engine, log.relation, kind, log.columns[summary.metric.name], moments, key)
