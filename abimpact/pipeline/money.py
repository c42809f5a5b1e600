"""Hands the summary's numbers to the money and the limits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from abimpact.decide.report import MetricResult
from abimpact.read.log import Days, Log
from abimpact.summarise.summary import Summary

if TYPE_CHECKING:
    from abimpact.decide.limits import Capacity
    from abimpact.decide.value import Contrast, Value


def values_of(
    log: Log, summary: Summary, results: Sequence[MetricResult]
) -> "tuple[tuple[Value, ...], tuple[Contrast, ...]]":
    """What each proposed variant is worth, and how they compare; nothing where no money is asked for."""
    from abimpact.decide.worth import appraise, compare_values
    from abimpact.estimate.table import standard_error

    terms, level = log.experiment.value, log.experiment.level
    if terms is None:
        return (), ()
    units = dict(zip(log.variants, log.units, strict=True))
    values = appraise(results, terms, units, _others(log), _span(log.days), level)
    by_name = {m.metric.name: m for m in summary.metrics}

    def apart(one: str, other: str) -> float | None:
        metric = by_name[terms.costs_of(one).metric]
        return standard_error(metric, log.variants.index(one), log.variants.index(other), level)

    return compare_values(values, apart, level)


def capacities_of(log: Log, summary: Summary) -> "tuple[Capacity, ...]":
    """The limits on totals, for the units of all traffic."""
    from abimpact.decide.limits import capacities
    from abimpact.decide.money import DAYS_PER_YEAR
    from abimpact.decide.worth import units_per_year
    from abimpact.estimate.arm import arm_interval

    experiment, days = log.experiment, log.days
    if not experiment.limits:
        return ()
    span = _span(days)
    per_day = units_per_year(experiment.value, sum(log.units) + sum(_others(log).values()), span) / DAYS_PER_YEAR
    totals = [sum(counts) for counts in days.counts]
    most = max(range(len(totals)), key=totals.__getitem__) if totals else None
    busiest = None if most is None or span is None else (days.days[most], totals[most] * per_day / sum(totals) * span)
    by_name = {m.metric.name: m for m in summary.metrics}
    arms = range(len(log.variants))
    means = {x.name: [arm_interval(by_name[x.name], a, experiment.level) for a in arms] for x in experiment.limits}
    return capacities(experiment.limits, means, log.variants, per_day, busiest)


def _others(log: Log) -> dict[str, int]:
    """Units of variants that are not compared, if they have as many rows each as the others: traffic all the same."""
    rows = log.row_counts
    if not rows.compared:
        return {}
    return {name: round(n * sum(log.units) / rows.compared) for name, n in rows.unknown.items()}


def _span(days: Days) -> int | None:
    """How many days the test ran, None if that is not known."""
    return (days.end - days.start).days + 1 if days.start and days.end else None
