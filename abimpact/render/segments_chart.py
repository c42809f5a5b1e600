"""The effect by segment as a picture: as seen, and with luck allowed for."""

from abimpact.decide.report import MetricResult, SegmentResult
from abimpact.render import numbers
from abimpact.render.charts import EDGE, WIDTH, Chart, interval
from abimpact.render.picture import Label, Line, Picture, Shape
from abimpact.render.scale import around, tick_labels
from abimpact.render.segments import ForWhom

# More rows than this make no picture but a list, which the table is.
MOST = 24


def segments_chart(result: MetricResult, told: ForWhom) -> Chart | None:
    """One column's segments on one scale; the bar is drawn towards that of all segments, the line is as seen."""
    mine = [s for s in result.segments if s.by == told.by and s.shrunken and s.estimates][:MOST]
    spans = [(s, span) for s in mine if (span := _span(s))]
    if len(spans) < 2:
        return None
    ends = [x for _, span in spans for x in (span[0], span[2])]
    scale, step, top = around(ends, EDGE, WIDTH - EDGE), 38.0, 6.0
    foot = top + step * len(spans)
    unit = numbers.difference_unit(result.metric.kind)
    shapes: list[Shape] = [Line("zero", scale(0), top, scale(0), foot)]
    names = {row.key: row.segment for row in told.rows}
    for i, (segment, span) in enumerate(spans):
        y = top + step * i
        seen = segment.estimates[-1].absolute
        shapes += [Label("ink", EDGE, y + 12, names[segment.value])]
        if seen.low is not None and seen.high is not None:
            shapes.append(Line("soft-line", scale(seen.low), y + 30, scale(seen.high), y + 30))
        shapes += interval(scale, y + 23, span, is_hollow=span[0] <= 0 <= span[2])
    shapes += [
        Line("axis", EDGE, foot, WIDTH - EDGE, foot),
        *(Label("soft", scale(v), foot + 16, text, "middle") for v, text in tick_labels(scale, unit, 5)),
    ]
    return Chart(
        name=f"segments-{told.by}",
        title=told.title,
        caption="Blue: the effect with luck allowed for, which draws extremes towards the rest. Grey: as seen. Rings "
        "leave the direction open.",
        picture=Picture(width=WIDTH, height=foot + 24, alt=told.sentence, shapes=shapes),
    )


def _span(segment: SegmentResult) -> tuple[float, float, float] | None:
    found = segment.shrunken
    if found is None or found.low is None or found.high is None or found.estimate is None:
        return None
    return found.low, found.estimate, found.high
