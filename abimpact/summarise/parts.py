"""Metrics among parts of the units: by segment, by day."""

from collections.abc import Sequence
from dataclasses import replace

from abimpact.read.log import Log
from abimpact.summarise.clusters import scan_clusters
from abimpact.summarise.scan import scan_moments_by
from abimpact.summarise.strata import pooled, scan_strata_by
from abimpact.summarise.summary import MetricSummary


def summarise_by(log: Log, metrics: Sequence[MetricSummary], key: str, n_keys: int) -> list[tuple[MetricSummary, ...]]:
    """For each value 0…n_keys - 1 of the SQL number `key`, the metrics of the units that have it."""
    columns = [log.columns[m.metric.name] for m in metrics]
    strata = scan_strata_by(log, columns, key, n_keys) if log.strata else None
    if strata:
        moments = [[pooled(its[k]) for its in strata] for k in range(n_keys)]
    else:
        moments = scan_moments_by(log.engine, log.relation, columns, len(log.variants), key, range(n_keys))
    asked = [m.metric for m in metrics]
    sums = scan_clusters(log, asked, key=key, n_keys=n_keys) if log.clusters else None
    return [
        tuple(
            replace(
                m,
                moments=moments[k][i],
                bins=None,
                extremes=tuple(x.mean[:0] for x in moments[k][i]),
                nonzero=None,
                strata=strata[i][k] if strata else None,
                clusters=sums[k][i] if sums else None,
            )
            for i, m in enumerate(metrics)
        )
        for k in range(n_keys)
    ]
