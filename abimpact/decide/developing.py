"""Finds how an effect developed from its days."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby

from abimpact.decide.course import Course, DayResult, Development, WeekdayResult
from abimpact.estimate.estimate import Estimate
from abimpact.estimate.segments import can_be_pooled, pool
from abimpact.estimate.trend import Trend, implied_se, trend
from abimpact.summarise.days import Day, merged
from abimpact.summarise.summary import MetricSummary

# The chosen estimate of one metric and proposed variant (its number); None where there is none.
Compare = Callable[[MetricSummary, int], Estimate | None]
# A day with fewer units in a variant says too little of its own spread to weigh in a trend.
FEWEST_UNITS = 30
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FEWEST_WEEKS = 2


def course(days: Sequence[Day], proposed: str, alone: Compare, so_far: Compare, level: float) -> Course:
    """The course of one metric's effect for one proposed variant."""
    arm = days[0].alone.variants.index(proposed)
    found = tuple(
        DayResult(
            start=day.start,
            length=day.length,
            units=_units(day.alone, arm),
            alone=alone(day.alone, arm),
            units_so_far=_units(day.so_far, arm),
            so_far=so_far(day.so_far, arm),
        )
        for day in days
    )
    weekdays = _weekdays(days, arm, alone)
    known = [w.estimate for w in weekdays if w.estimate]
    is_told = len(known) == len(WEEKDAYS) and can_be_pooled([e.se for e in known])
    pooled = pool([e.absolute.estimate or 0.0 for e in known], [e.se or 0.0 for e in known]) if is_told else None
    return Course(
        days=found,
        development=_development(found, level),
        weekdays=weekdays,
        weekday_pvalue=pooled.pvalue if pooled else None,
    )


def _units(summary: MetricSummary, arm: int) -> tuple[int, int]:
    return summary.moments[0].n, summary.moments[arm].n


def _weekdays(days: Sequence[Day], arm: int, compare: Compare) -> tuple[WeekdayResult, ...]:
    """The days of the week, for a test of `FEWEST_WEEKS` at least."""
    first, last = days[0], days[-1]
    if first.length > 1 or (last.start - first.start).days + 1 < FEWEST_WEEKS * len(WEEKDAYS):
        return ()
    ordered = sorted(days, key=lambda day: day.start.weekday())
    parts = {
        weekday: merged([day.alone for day in mine])
        for weekday, mine in groupby(ordered, key=lambda day: day.start.weekday())
    }
    return tuple(
        WeekdayResult(weekday=WEEKDAYS[weekday], units=_units(part, arm), estimate=compare(part, arm))
        for weekday, part in parts.items()
    )


def _development(days: Sequence[DayResult], level: float) -> Development | None:
    known = [d for d in days if d.alone and d.alone.se and min(d.units) >= FEWEST_UNITS]
    at = [float((d.start - days[0].start).days) for d in known]
    estimates = [d.alone for d in known if d.alone]
    line = trend(at, [e.absolute.estimate or 0.0 for e in estimates], [e.se or 0.0 for e in estimates])
    if line is None:
        return None
    lifts = _lift_trend(at, estimates)
    first, last = days[0].start, days[-1].start
    span = (last - first).days
    ahead = span + span + days[-1].length
    zero = line.reaches_zero_at()
    return Development(
        days=line.days,
        slope=line.slope,
        se=line.se,
        df=line.df,
        pvalue=_both(line, lifts),
        first=line.at(0.0, level),
        last=line.at(float(span), level),
        until=first + timedelta(days=ahead),
        if_it_went_on=line.at(float(ahead), level),
        zero_on=first + timedelta(days=round(zero)) if zero is not None and span < zero <= ahead else None,
    )


def _lift_trend(at: Sequence[float], estimates: Sequence[Estimate]) -> Trend | None:
    """The trend of the lifts, if every day has one with an interval."""
    errors = [se for e in estimates if (se := implied_se(e.relative, e.df)) is not None]
    if len(errors) < len(estimates):
        return None
    return trend(at, [e.relative.estimate or 0.0 for e in estimates], errors)


def _both(line: Trend, lifts: Trend | None) -> float:
    """The p that effect and lift both change, the same way: a base that moves cannot fake it."""
    if lifts is None:
        return line.pvalue
    return max(line.pvalue, lifts.pvalue) if line.slope * lifts.slope > 0 else 1.0
