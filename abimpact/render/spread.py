"""Pictures of how values and resampled effects are spread."""

from abimpact.decide.report import MetricResult
from abimpact.render import numbers, phrases
from abimpact.render.charts import EDGE, WIDTH, Chart
from abimpact.render.picture import Box, Label, Line, Path, Picture, Shape
from abimpact.render.scale import Scale, tick_labels

_TOP, _HEIGHT, _FOOT = 22.0, 130.0, 24.0


def distribution(result: MetricResult) -> Chart | None:
    """The values of a primary KPI by variant; None where they were not counted."""
    found = result.distribution
    if found is None:
        return None
    n = [max(sum(c) + z, 1) for c, z in zip(found.counts, found.zeros, strict=True)]
    shares = [[x / total for x in counts] for counts, total in zip(found.counts, n, strict=True)]
    most = max(max(row) for row in shares) or 1.0
    across = Scale(0.0, float(len(found.edges) - 1), EDGE, WIDTH - EDGE)
    up = Scale(0.0, most, _TOP + _HEIGHT, _TOP)
    names = (phrases.name(result.incumbent.variant), phrases.name(result.proposed.variant))
    shapes: list[Shape] = [
        Path("rules-area", ((across(0), up(0)), *_steps(shares[0], across, up), (across.end, up(0)))),
        Path("rules-line", _steps(shares[0], across, up)),
        Path("ml-line", _steps(shares[1], across, up)),
        Line("axis", EDGE, up(0), WIDTH - EDGE, up(0)),
        Label("rules", EDGE, 12, names[0]),
        Label("ml", WIDTH - EDGE, 12, names[1], "end"),
    ]
    bins = len(found.edges) - 1
    for i in (0, bins // 2, bins):
        anchor = {0: "start", bins: "end"}.get(i, "middle")
        text = numbers.value(found.edges[i], None)
        shapes.append(Label("soft", across(i), up(0) + 16, text, anchor))
    metric = phrases.name(result.metric.name)
    zero = [numbers.signed(z / total, numbers.PERCENT).lstrip("+") for z, total in zip(found.zeros, n, strict=True)]
    if found.is_log:
        told = f" Not drawn: units with 0 ({names[0]} {zero[0]}, {names[1]} {zero[1]}). The scale is logarithmic."
    else:
        told = " The outermost bins hold all beyond them."
    return Chart(
        name="distribution",
        title=f"How {metric} is spread",
        caption=f"The share of units by their value of {metric}, {names[0]} as an area and {names[1]} as a line.{told}",
        picture=Picture(
            width=WIDTH,
            height=_TOP + _HEIGHT + _FOOT,
            alt=f"{metric} from {numbers.value(found.edges[0], None)} to {numbers.value(found.edges[-1], None)}{told}",
            shapes=shapes,
        ),
    )


def _steps(shares: list[float], across: Scale, up: Scale) -> tuple[tuple[float, float], ...]:
    return tuple(point for i, x in enumerate(shares) for point in ((across(i), up(x)), (across(i + 1), up(x))))


def resampled(result: MetricResult, level: str) -> Chart | None:
    """The effects of all resamples with their interval; None without a bootstrap."""
    found = next((e for e in result.estimates if e.method == "bootstrap"), None)
    if found is None or found.histogram is None:
        return None
    edges, counts = found.histogram.edges, found.histogram.counts
    if not edges[-1] > edges[0]:
        return None
    low, high = min(edges[0], 0.0), max(edges[-1], 0.0)
    across, up = Scale(low, high, EDGE + 14, WIDTH - EDGE - 14), Scale(0.0, max(counts), _TOP + _HEIGHT, _TOP)
    inside = (found.absolute.low or low, found.absolute.high or high)
    unit = numbers.difference_unit(result.metric.kind)
    shapes: list[Shape] = [
        Box(
            "ml-area" if inside[0] <= (edges[i] + edges[i + 1]) / 2 <= inside[1] else "rules-area",
            across(edges[i]) + 0.5,
            up(count),
            max(across(edges[i + 1]) - across(edges[i]) - 1, 0.5),
            up(0) - up(count),
        )
        for i, count in enumerate(counts)
    ]
    shapes += [
        Line("axis", EDGE, up(0), WIDTH - EDGE, up(0)),
        Line("zero", across(0), _TOP - 6, across(0), up(0) + 4),
        *(Label("soft", across(v), up(0) + 18, text, "middle") for v, text in tick_labels(across, unit, 5)),
    ]
    told = numbers.change(found.absolute, unit).sentence
    return Chart(
        name="resampled",
        title="The effect, resampled",
        caption=f"The difference in {phrases.name(result.metric.name)} in {numbers.count(sum(counts))} resamples of "
        f"the units; the middle {level} of them (blue) are the bootstrap's interval.",
        picture=Picture(width=WIDTH, height=_TOP + _HEIGHT + _FOOT, alt=f"Resampled: {told}", shapes=shapes),
    )
