"""How it developed: the effect day by day in words and rows."""

from dataclasses import dataclass

from abimpact.decide.course import Course, Development
from abimpact.decide.novelty import TREND_BELOW
from abimpact.decide.report import MetricResult
from abimpact.estimate.estimate import Estimate
from abimpact.findings import by_chance
from abimpact.render import numbers, phrases

WEEKDAY_BELOW = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One day: units, the effect among them, and the effect among all units until then."""

    day: str
    units: str
    effect: str
    interval: str
    so_far: str
    so_far_interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Developed:
    """One metric over time: what there is to say of it, and its days."""

    title: str
    sentences: tuple[str, ...]
    rows: tuple[DayRow, ...]

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The rows as cells of a table."""
        return tuple((r.day, r.units, r.effect, r.interval, r.so_far, r.so_far_interval) for r in self.rows)


def developed(result: MetricResult) -> tuple[Developed, ...]:
    """A metric over its days; nothing where the log has none."""
    course = result.course
    if course is None:
        return ()
    rows = []
    for day in course.days:
        alone, so_far = _change(result, day.alone), _change(result, day.so_far)
        rows.append(
            DayRow(
                day=numbers.day(day.start),
                units=numbers.count(sum(day.units)),
                effect=alone[0],
                interval=alone[1],
                so_far=so_far[0],
                so_far_interval=so_far[1],
            )
        )
    return (Developed(title=phrases.name(result.metric.name), sentences=_sentences(result, course), rows=tuple(rows)),)


def _change(result: MetricResult, estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return numbers.NONE, numbers.NONE
    change = numbers.change(estimate.absolute, numbers.difference_unit(result.metric.kind))
    return change.lift, change.interval


def _sentences(result: MetricResult, course: Course) -> tuple[str, ...]:
    said = [_trend(result, course.development)] if course.development else []
    if course.weekday_pvalue is not None:
        known = "The effect differs" if course.weekday_pvalue < WEEKDAY_BELOW else "No evidence that the effect differs"
        said.append(f"{known} by the day of the week: it varies {by_chance(course.weekday_pvalue)}.")
    return tuple(said)


def _trend(result: MetricResult, found: Development) -> str:
    unit = numbers.difference_unit(result.metric.kind)
    first, last, later = (numbers.change(x, unit) for x in (found.first, found.last, found.if_it_went_on))
    if found.pvalue >= TREND_BELOW:
        return (
            f"No evidence that the effect grows or wears off from day to day: its trend is one that chance explains "
            f"({by_chance(found.pvalue)})."
        )
    way = "wears off" if found.is_fading else "grows"
    if found.is_used_up:
        ahead = "By that trend nothing is left of it."
    elif found.zero_on:
        ahead = f"Extrapolated, not estimated: nothing would be left of it by {numbers.day(found.zero_on)}."
    else:
        ahead = f"Extrapolated, not estimated: {later.lift} ({later.interval}) by {numbers.day(found.until)}."
    return (
        f"The effect {way}: by its trend {first.lift} on the first day and {last.lift} on the last "
        f"({by_chance(found.pvalue)}). {ahead}"
    )
