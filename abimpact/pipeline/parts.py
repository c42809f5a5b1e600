"""Hands over parts of the units: those on which decisions differ, and how values are spread."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from abimpact.decide.report import MetricResult
from abimpact.read.log import Log
from abimpact.spec.metric import MetricKind, Role
from abimpact.summarise.parts import summarise_by
from abimpact.summarise.summary import Summary

if TYPE_CHECKING:
    from abimpact.decide.triggered import Parted
    from abimpact.summarise.distribution import Distribution


def parted(log: Log, summary: Summary) -> "Parted | None":
    """The metrics where decisions agree and where they differ; None where they were not logged, and for clusters."""
    from abimpact.decide.triggered import Parted

    if not log.has_differing or log.clusters:
        return None
    told = [m for m in summary.metrics if m.metric.kind is not MetricKind.QUANTILE]
    agreeing, different = summarise_by(log, told, "CASE WHEN differs THEN 1 ELSE 0 END", 2)
    counts = dict(log.engine.rows(f"SELECT arm, count_if(differs) FROM {log.relation} GROUP BY arm"))
    incumbent, proposed = log.experiment.split or log.units
    return Parted(
        agreeing=agreeing,
        different=different,
        units=(log.units[0], log.units[1]),
        differing=(int(counts.get(0) or 0), int(counts.get(1) or 0)),
        split=(float(incumbent), float(proposed)),
    )


def with_distributions(log: Log, results: Sequence[MetricResult]) -> tuple[MetricResult, ...]:
    """`results` with how the values of primary metrics are spread."""
    from abimpact.summarise.distribution import scan_distribution
    from abimpact.summarise.scan import scan_moments

    found = {}
    for metric in log.metrics:
        value = log.columns[metric.name][0]
        if metric.role is Role.PRIMARY and metric.kind in (MetricKind.MEAN, MetricKind.QUANTILE):
            (moments,) = scan_moments(log.engine, log.relation, [(value,)], len(log.variants))
            found[metric.name] = scan_distribution(log.engine, log.relation, value, moments)

    def of_pair(result: MetricResult) -> "Distribution | None":
        its = found.get(result.metric.name)
        pair = [0, log.variants.index(result.proposed.variant)]
        return its and replace(its, counts=tuple(its.counts[i] for i in pair), zeros=tuple(its.zeros[i] for i in pair))

    return tuple(replace(r, distribution=of_pair(r)) for r in results)
