"""Moments by day: how the effect developed while the test ran."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce
from operator import add

from abimpact.read.log import Log
from abimpact.spec.expression import literal
from abimpact.spec.metric import MetricKind
from abimpact.summarise.scan import scan_moments_by
from abimpact.summarise.strata import pooled, scan_strata_by
from abimpact.summarise.summary import MetricSummary, Moments, Strata, Summary

# A longer test is told in whole weeks, so that a report stays small whatever its length.
MOST_DAYS = 120
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One metric among the units of one day (or of the `length` days from `start` on), and of all until its end."""

    start: date
    length: int
    alone: MetricSummary
    so_far: MetricSummary


def summarise_days(log: Log, summary: Summary) -> dict[str, tuple[Day, ...]]:
    """The days of every metric but quantiles, by the metric's name; none for a log of one day or without dates."""
    first, last = log.days.start, log.days.end
    told = [m for m in summary.metrics if m.metric.kind is not MetricKind.QUANTILE]
    if first is None or last is None or first == last or log.experiment.aggregates or not told:
        return {}
    span = (last - first).days + 1
    length = 1 if span <= MOST_DAYS else WEEK * -(-span // (WEEK * MOST_DAYS))
    places = sorted({(day - first).days // length for day in log.days.days})
    key = f"CAST(date_diff('day', {literal(first.isoformat())}::DATE, day) // {length} AS INTEGER)"
    columns = [log.columns[m.metric.name] for m in told]
    strata = scan_strata_by(log, columns, key, places[-1] + 1) if log.strata else []
    moments = (
        [[pooled(of_metric[place]) for of_metric in strata] for place in places]
        if strata
        else scan_moments_by(log.engine, log.relation, columns, len(log.variants), key, places)
    )
    nonzero = _nonzero(log, key, told) if log.experiment.sequential == "always-valid" else {}
    found: dict[str, tuple[Day, ...]] = {}
    for i, metric in enumerate(told):
        days: list[Day] = []
        for k, place in enumerate(places):
            counts = nonzero.get((metric.metric.name, place))
            alone = _of_part(metric, moments[k][i], counts, strata[i][place] if strata else None)
            so_far = _merged(days[-1].so_far, alone) if days else alone
            days.append(Day(start=first + timedelta(days=place * length), length=length, alone=alone, so_far=so_far))
        found[metric.metric.name] = tuple(days)
    return found


def merged(parts: Sequence[MetricSummary]) -> MetricSummary:
    """One metric over the units of several parts together."""
    return reduce(_merged, parts)


def _of_part(
    metric: MetricSummary, moments: tuple[Moments, ...], nonzero: tuple[int, ...] | None, strata: Strata | None
) -> MetricSummary:
    nothing = tuple(m.mean[:0] for m in moments)
    return replace(metric, moments=moments, bins=None, extremes=nothing, nonzero=nonzero, strata=strata)


def _merged(one: MetricSummary, other: MetricSummary) -> MetricSummary:
    nonzero = None
    if one.nonzero is not None and other.nonzero is not None:
        nonzero = tuple(map(add, one.nonzero, other.nonzero))
    strata = one.strata + other.strata if one.strata and other.strata else None
    return replace(one, moments=tuple(map(add, one.moments, other.moments)), nonzero=nonzero, strata=strata)


def _nonzero(log: Log, key: str, metrics: list[MetricSummary]) -> dict[tuple[str, int], tuple[int, ...]]:
    """Units of each variant whose value is not 0, by metric and place of the day."""
    parts = ", ".join(f"count_if({log.columns[m.metric.name][0].name} <> 0)" for m in metrics)
    found: dict[tuple[str, int], list[int]] = {}
    for arm, place, *counts in log.engine.rows(f"SELECT arm, {key}, {parts} FROM {log.relation} GROUP BY ALL"):
        for metric, n in zip(metrics, counts, strict=True):
            found.setdefault((metric.metric.name, place), [0] * len(log.variants))[arm] = int(n or 0)
    return {name: tuple(counts) for name, counts in found.items()}
