"""What is told of a metric beyond its effect: how it developed, and all variants together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from abimpact.decide.report import MetricResult
from abimpact.spec.experiment import Experiment
from abimpact.spec.metric import Role
from abimpact.summarise.days import Day
from abimpact.summarise.summary import MetricSummary, Summary

if TYPE_CHECKING:
    from abimpact.estimate.estimate import Estimate
    from abimpact.estimate.monitor import Monitor


def with_simultaneous(
    results: Sequence[MetricResult], summary: Summary, experiment: Experiment
) -> tuple[MetricResult, ...]:
    """`results` of primary metrics with intervals for all proposed variants together, if there are several."""
    from abimpact.estimate.table import simultaneous

    if len(summary.variants) < 3:
        return tuple(results)
    found = {
        (m.metric.name, summary.variants[arm]): its
        for m in summary.metrics
        if m.metric.role is Role.PRIMARY
        for arm, its in simultaneous(m, level=experiment.level, seed=experiment.seed).items()
    }
    return tuple(replace(r, simultaneous=found.get((r.metric.name, r.proposed.variant))) for r in results)


def with_courses(
    results: Sequence[MetricResult],
    days: Mapping[str, tuple[Day, ...]],
    experiment: Experiment,
    monitor: "Monitor | None",
) -> tuple[MetricResult, ...]:
    """`results` with how the effect on each primary metric developed, where the log has days.

    On the others it would cost more than all the rest of a report with hundreds of metrics.
    """
    from abimpact.decide.developing import course

    # A look at planned shares holds at those; what a single day shows is never a look.
    of_looks = monitor if monitor and monitor.is_gated else None
    alone = partial(_chosen, experiment=experiment, monitor=None)
    so_far = partial(_chosen, experiment=experiment, monitor=of_looks)
    return tuple(
        replace(r, course=course(days[r.metric.name], r.proposed.variant, alone, so_far, experiment.level))
        if r.metric.name in days and r.metric.role is Role.PRIMARY
        else r
        for r in results
    )


def _chosen(
    summary: MetricSummary, proposed: int, *, experiment: Experiment, monitor: "Monitor | None"
) -> "Estimate | None":
    """The estimate by the chosen method, without resampling."""
    from abimpact.estimate.table import estimate

    found = estimate(summary, proposed, level=experiment.level, n_resamples=0, seed=experiment.seed, monitor=monitor)
    return next((e for e in found.estimates if e.method == found.chosen), None)
