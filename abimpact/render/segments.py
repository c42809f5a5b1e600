"""For whom: effects by segment in words and rows."""

from dataclasses import dataclass

from abimpact.decide.report import Heterogeneity, MetricResult, SegmentResult
from abimpact.findings import by_chance
from abimpact.render import numbers, phrases

# An exploratory question, asked of many columns at once.
DIFFERS_BELOW = 0.05
MISSING = "(none)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One segment: the effect as seen, and as it is once luck is allowed for."""

    key: str | None
    segment: str
    units: str
    effect: str
    interval: str
    shrunken: str
    shrunken_interval: str
    pvalue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForWhom:
    """One metric by the segments of one column: a sentence, and its rows."""

    by: str
    title: str
    sentence: str
    rows: tuple[SegmentRow, ...]

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The rows as cells of a table."""
        return tuple(
            (r.segment, r.units, r.effect, r.interval, r.shrunken, r.shrunken_interval, r.pvalue) for r in self.rows
        )


def for_whom(result: MetricResult) -> tuple[ForWhom, ...]:
    """A metric by each of its columns of segments."""
    differs = {h.by: h for h in result.heterogeneity}
    found = []
    for by in dict.fromkeys(s.by for s in result.segments):
        mine = [s for s in result.segments if s.by == by]
        found.append(
            ForWhom(
                by=by,
                title=f"{phrases.name(result.metric.name)} by {phrases.name(by)}",
                sentence=_sentence(result, by, differs.get(by)),
                rows=tuple(_row(result, s) for s in mine),
            )
        )
    return tuple(found)


def _sentence(result: MetricResult, by: str, found: Heterogeneity | None) -> str:
    metric, column = phrases.name(result.metric.name), phrases.name(by)
    if found is None:
        return f"Whether the effect on {metric} differs by {column} cannot be told from these units."
    p = by_chance(found.pvalue)
    if found.pvalue >= DIFFERS_BELOW:
        return f"No evidence that the effect on {metric} differs by {column}: it varies {p}."
    shrunken = [(s.shrunken.estimate or 0.0, s) for s in result.segments if s.by == by and s.shrunken]
    least, most = (pick(shrunken, key=lambda pair: pair[0])[1] for pick in (min, max))
    return (
        f"The effect on {metric} differs by {column} ({p}): from {_shrunken(result, least)} for {_name(least)} to "
        f"{_shrunken(result, most)} for {_name(most)}, luck allowed for."
    )


def _row(result: MetricResult, segment: SegmentResult) -> SegmentRow:
    unit = numbers.difference_unit(result.metric.kind)
    last = segment.estimates[-1] if segment.estimates else None
    seen = numbers.change(last.absolute, unit) if last else None
    drawn = numbers.change(segment.shrunken, unit) if segment.shrunken else None
    return SegmentRow(
        key=segment.value,
        segment=_name(segment),
        units=numbers.count(sum(segment.units)),
        effect=seen.lift if seen else numbers.NONE,
        interval=seen.interval if seen else numbers.NONE,
        shrunken=drawn.lift if drawn else numbers.NONE,
        shrunken_interval=drawn.interval if drawn else numbers.NONE,
        pvalue=numbers.pvalue(last.pvalue_adjusted) if last else numbers.NONE,
    )


def _name(segment: SegmentResult) -> str:
    return MISSING if segment.value is None else phrases.name(segment.value)


def _shrunken(result: MetricResult, segment: SegmentResult) -> str:
    assert segment.shrunken
    return numbers.change(segment.shrunken, numbers.difference_unit(result.metric.kind)).lift
