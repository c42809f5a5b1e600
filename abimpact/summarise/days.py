"""Moments by day: how the effect developed while the test ran."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce
from operator import add

from abimpact.read.log import Log
from abimpact.spec.expression import literal
from abimpact.spec.metric import MetricKind
from abimpact.summarise.parts import summarise_by
from abimpact.summarise.summary import Floats, MetricSummary, Moments, Summary

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


@dataclass(frozen=True, slots=True)
class DaySpans:
    """The `n` spans of `length` days from `first` on; `key` is SQL for the number of a unit's."""

    first: date
    length: int
    n: int
    key: str

    def start(self, place: int) -> date:
        """The first day of a span."""
        return self.first + timedelta(days=place * self.length)


def day_spans(log: Log) -> DaySpans | None:
    """The spans of days by which a log is told; None for one of a single day, without dates, or of clusters."""
    first, last = log.days.start, log.days.end
    if first is None or last is None or first == last or log.experiment.aggregates or log.clusters:
        return None
    span = (last - first).days + 1
    length = 1 if span <= MOST_DAYS else WEEK * -(-span // (WEEK * MOST_DAYS))
    key = f"CAST(date_diff('day', {literal(first.isoformat())}::DATE, day) // {length} AS INTEGER)"
    return DaySpans(first, length, (span - 1) // length + 1, key)


def summarise_days(log: Log, summary: Summary) -> dict[str, tuple[Day, ...]]:
    """The days of every metric but quantiles, by the metric's name; none for a log of one day or without dates.

    Clusters live through many days: what one of them did on one day says nothing of the others, so there are none.
    """
    spans = day_spans(log)
    told = [(i, m) for i, m in enumerate(summary.metrics) if m.metric.kind is not MetricKind.QUANTILE]
    if spans is None or not told:
        return {}
    metrics = [m for _, m in told]
    if summary.by_day:
        parts = [
            tuple(replace(m, moments=part[i], bins=None, extremes=_none(part[i]), nonzero=None) for i, m in told)
            for part in summary.by_day
        ]
    else:
        parts = summarise_by(log, metrics, spans.key, spans.n)
    nonzero = _nonzero(log, spans.key, metrics) if log.experiment.sequential == "always-valid" else {}
    found: dict[str, tuple[Day, ...]] = {}
    for i, metric in enumerate(metrics):
        days: list[Day] = []
        for place, part in enumerate(parts):
            alone = replace(part[i], nonzero=nonzero.get((metric.metric.name, place)))
            if not sum(m.n for m in alone.moments):
                continue
            so_far = _merged(days[-1].so_far, alone) if days else alone
            days.append(Day(start=spans.start(place), length=spans.length, alone=alone, so_far=so_far))
        if days:
            found[metric.metric.name] = tuple(days)
    return found


def _none(moments: Sequence[Moments]) -> tuple[Floats, ...]:
    return tuple(m.mean[:0] for m in moments)


def merged(parts: Sequence[MetricSummary]) -> MetricSummary:
    """One metric over the units of several parts together."""
    return reduce(_merged, parts)


def _merged(one: MetricSummary, other: MetricSummary) -> MetricSummary:
    nonzero, strata = None, None
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
