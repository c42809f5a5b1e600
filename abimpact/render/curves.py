"""Pictures of how a primary KPI's effect developed: with the days, and who came on each of them."""

from collections.abc import Sequence

from abimpact.decide.course import DayResult
from abimpact.decide.report import MetricResult
from abimpact.render import numbers, phrases
from abimpact.render.charts import EDGE, WIDTH, Chart
from abimpact.render.picture import Box, Label, Line, Path, Picture, Shape
from abimpact.render.scale import Scale, around, tick_labels

_LEFT, _TOP, _HEIGHT, _FOOT = 52.0, 12.0, 150.0, 26.0


def developing(result: MetricResult, level: str) -> Chart | None:
    """The effect among all units until each day, with its interval; None for a single day."""
    days = [d for d in (result.course.days if result.course else ()) if d.so_far and d.so_far.absolute.low is not None]
    if len(days) < 2:
        return None
    intervals = [d.so_far.absolute for d in days if d.so_far]
    # The first days' intervals are so wide that they would flatten all others.
    usual = sorted(max(abs(i.low or 0.0), abs(i.high or 0.0)) for i in intervals)[len(intervals) // 2] * 2.5
    ends = [max(min(x, usual), -usual) for i in intervals for x in (i.low, i.high) if x is not None]
    scale = around(ends, _TOP + _HEIGHT, _TOP)
    across = _days(days)
    band = [(across(_at(days, d)), scale(d.so_far.absolute.low or 0.0)) for d in days if d.so_far]
    band += [(across(_at(days, d)), scale(d.so_far.absolute.high or 0.0)) for d in reversed(days) if d.so_far]
    line = tuple((across(_at(days, d)), scale(d.so_far.absolute.estimate or 0.0)) for d in days if d.so_far)
    unit = numbers.difference_unit(result.metric.kind)
    shapes: list[Shape] = [
        Path("ml-area", tuple(band)),
        Line("zero", _LEFT, scale(0), WIDTH - EDGE, scale(0)),
        Path("ml-line", line),
        *(Label("soft", _LEFT - 6, scale(v) + 4, text, "end") for v, text in tick_labels(scale, unit, 5)),
        *_ends(days),
    ]
    last = days[-1].so_far
    assert last is not None
    told = numbers.change(last.absolute, unit).sentence
    return Chart(
        name="developing",
        title="The effect as it developed",
        caption=f"The difference in {phrases.name(result.metric.name)} among all units until each day, with its "
        f"{level} interval, which narrows as units come in. Steady is good; drifting to zero is not.",
        picture=Picture(
            width=WIDTH,
            height=_TOP + _HEIGHT + _FOOT,
            alt=f"{phrases.name(result.metric.name)} until {numbers.day(days[-1].start)}: {told}",
            shapes=shapes,
        ),
    )


def split_by_day(result: MetricResult, planned: float | None) -> Chart | None:
    """The proposed variant's share of each day's units, against the share `planned`; None for a single day."""
    days = [d for d in (result.course.days if result.course else ()) if sum(d.units)]
    if len(days) < 2:
        return None
    due = planned if planned is not None else sum(d.units[1] for d in days) / sum(sum(d.units) for d in days)
    shares = [d.units[1] / sum(d.units) for d in days]
    reach = max(0.02, *(abs(s - due) for s in shares)) * 1.15
    scale = Scale(max(due - reach, 0.0), min(due + reach, 1.0), _TOP + _HEIGHT * 0.6, _TOP)
    across, middle = _days(days), scale(due)
    width = max((across.end - across.start) / max(len(days), 1) * 0.6, 1.5)
    shapes: list[Shape] = [
        *(
            Box("ml", across(_at(days, d)) - width / 2, min(scale(s), middle), width, abs(scale(s) - middle) + 1)
            for d, s in zip(days, shares, strict=True)
        ),
        Line("mark", _LEFT, scale(due), WIDTH - EDGE, scale(due)),
        *(
            Label("soft", _LEFT - 6, scale(v) + 4, text, "end")
            for v, text in tick_labels(scale, numbers.PERCENT, 4, is_signed=False)
        ),
        *_ends(days, scale.start - _TOP),
    ]
    of = "planned" if planned is not None else "that of all days"
    low, high = (numbers.signed(x, numbers.PERCENT).lstrip("+") for x in (min(shares), max(shares)))
    return Chart(
        name="split",
        title="The split by day",
        caption=f"The share of each day's units that were {phrases.name(result.proposed.variant)}'s; the dashed line "
        f"is the share {of}. Bars on both sides without a pattern are what chance does.",
        picture=Picture(
            width=WIDTH, height=scale.start + _FOOT, alt=f"Shares by day from {low} to {high}", shapes=shapes
        ),
    )


def _at(days: Sequence[DayResult], day: DayResult) -> float:
    return float((day.start - days[0].start).days)


def _days(days: Sequence[DayResult]) -> Scale:
    return Scale(0.0, max(_at(days, days[-1]), 1.0), _LEFT + 6, WIDTH - EDGE - 6)


def _ends(days: Sequence[DayResult], height: float = _HEIGHT) -> list[Shape]:
    """The axis of days with its first and last."""
    y = _TOP + height
    return [
        Line("axis", _LEFT, y, WIDTH - EDGE, y),
        Label("soft", _LEFT, y + 16, numbers.day(days[0].start)),
        Label("soft", WIDTH - EDGE, y + 16, numbers.day(days[-1].start), "end"),
    ]
