"""A mean again with its largest values capped: how much of a skewed result hangs on them."""

import math
from collections.abc import Sequence
from dataclasses import replace

from abimpact.read.log import Log
from abimpact.spec.metric import MetricKind
from abimpact.summarise.quantiles import ranks
from abimpact.summarise.scan import nullable, scan_moments
from abimpact.summarise.summary import Capped, MetricSummary

CAP_QUANTILE = 0.999


def capped(log: Log, metrics: Sequence[MetricSummary]) -> dict[str, Capped]:
    """The means of single units among `metrics`, by name, capped at their pooled 99.9 % quantile."""
    return {
        m.metric.name: _capped(log, m)
        for m in metrics
        if m.metric.kind is MetricKind.MEAN and m.metric.cap_quantile is None and not (m.strata or m.clusters)
    }


def _capped(log: Log, metric: MetricSummary) -> Capped:
    columns = log.columns[metric.metric.name]
    value, total = columns[0], sum(m.n for m in metric.moments)
    rank = max(math.ceil(CAP_QUANTILE * total), 1)
    mask = " AND ".join(f"{name} IS NOT NULL" for name in nullable(columns)) or "TRUE"
    together = f"(SELECT 0 AS arm, {value.name} AS x FROM {log.relation} WHERE {mask}) AS pooled"
    cap = ranks(log.engine, together, replace(value, name="x"), [[rank]])[0].values[rank]
    limited = replace(value, name=f"least({value.name}, {cap!r})", high=cap)
    moments = scan_moments(log.engine, log.relation, [(limited, *columns[1:])], len(log.variants))[0]
    beyond = log.engine.rows(
        f"SELECT arm, count(*) FROM {log.relation} WHERE {mask} AND {value.name} > {cap!r} GROUP BY arm"
    )
    counts = dict(beyond)
    units = tuple(int(counts.get(arm, 0)) for arm in range(len(log.variants)))
    return Capped(cap=cap, units=units, summary=replace(metric, moments=moments, bins=None))
