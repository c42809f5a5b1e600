"""The pictures of a report: what to draw where. Zero is always drawn, and names stand beside what they name."""

from collections.abc import Sequence
from dataclasses import dataclass

from abimpact.decide.report import MetricResult, Report
from abimpact.decide.value import Value
from abimpact.render import bars, numbers, phrases
from abimpact.render.money import breaks_even, steps_of
from abimpact.render.numbers import PERCENT
from abimpact.render.picture import Box, Dot, Label, Line, Path, Picture, Shape
from abimpact.render.rows import GuardrailRow, KpiRow
from abimpact.render.scale import Scale, around, tick_labels

WIDTH = 380.0
EDGE = 10.0  # between a picture's side and what it draws
CELL = 190.0  # width of a picture in a table
_NAME = 46  # characters of a name for which a row has room


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture with the name of its file, a title, and one sentence that says what to see in it."""

    name: str
    title: str
    caption: str
    picture: Picture


def interval(scale: Scale, y: float, span: bars.Span, *, is_hollow: bool) -> list[Shape]:
    """An interval with its estimate; arrows where it goes on beyond the axis."""
    low, middle, high = span
    shapes: list[Shape] = [Box("interval", scale(low), y - 2.5, scale(high) - scale(low), 5)]
    if low < scale.low:
        shapes.append(_arrow(scale.start, y, -1))
    if high > scale.high:
        shapes.append(_arrow(scale.end, y, 1))
    return [*shapes, Dot("hollow" if is_hollow else "ml", scale(middle), y)]


def _arrow(x: float, y: float, side: int) -> Path:
    return Path("ml", ((x - side * 2, y - 6), (x + side * 7, y), (x - side * 2, y + 6)))


def lift_scale(rows: Sequence[KpiRow], width: float = CELL) -> Scale | None:
    """The common scale of all KPIs' lifts; None where no lift has an interval."""
    spans = [row.bar for row in rows if row.bar]
    if not spans:
        return None
    return around(bars.reach(spans), EDGE, width - EDGE)


def lift_axis(scale: Scale, width: float = CELL) -> Picture:
    """The head of the column of lifts: round ticks."""
    return Picture(width=width, height=16, alt="", shapes=_tick_names(scale, 12, 4))


def lift_cell(row: KpiRow, scale: Scale) -> Picture:
    """One KPI's lift on the common scale."""
    shapes: list[Shape] = [Line("zero", scale(0), 0, scale(0), 30)]
    if row.bar:
        shapes += interval(scale, 15, row.bar, is_hollow=row.tone == "open")
    return Picture(width=CELL, height=30, alt="", shapes=shapes)


def _tick_names(scale: Scale, y: float, most: int, unit: numbers.Unit = PERCENT) -> list[Shape]:
    return [Label("soft", scale(v), y, text, "middle") for v, text in tick_labels(scale, unit, most)]


def forest(rows: Sequence[KpiRow], level: str) -> Chart | None:
    """All KPIs' lifts on one scale, each below its name."""
    scale = lift_scale(rows, WIDTH)
    if scale is None:
        return None
    seen = [row for row in rows if row.bar]
    step, top = 44.0, 8.0
    foot = top + step * len(seen)
    shapes: list[Shape] = [Line("zero", scale(0), top, scale(0), foot)]
    for i, row in enumerate(seen):
        y = top + step * i
        shapes += [
            Label("ink", EDGE, y + 12, _short(row.name)),
            Label("soft", WIDTH - EDGE, y + 12, row.lift, "end"),
        ]
        shapes += interval(scale, y + 27, row.bar or (0, 0, 0), is_hollow=row.tone == "open")
    shapes += [Line("axis", EDGE, foot, WIDTH - EDGE, foot), *_tick_names(scale, foot + 16, 5)]
    told = ", ".join(f"{row.name} {row.lift} ({row.interval})" for row in seen)
    return Chart(
        name="kpis",
        title="Lift of every KPI",
        caption=f"Lifts with {level} intervals on one scale: an interval that crosses the zero line leaves the "
        "direction open (ring instead of dot).",
        picture=Picture(width=WIDTH, height=foot + 24, alt=f"Lifts: {told}", shapes=shapes),
    )


def guardrail_scale(rows: Sequence[GuardrailRow], width: float = CELL) -> Scale | None:
    """The common scale of guardrails: 0 is no change, 1 the limit, worse to the right."""
    ends = [x for row in rows if row.bar for x in row.bar]
    return around([max(min(x, 2.5), -1.5) for x in (*ends, 1.0)], EDGE, width - EDGE) if ends else None


def guardrail_axis(scale: Scale, width: float = CELL) -> Picture:
    """The head of the column: where no change and the limit are."""
    shapes = (
        Label("soft", scale(0), 12, "no change", "middle" if scale(0) > 35 else "start"),
        Label("limit-name", scale(1), 12, "limit", "middle"),
    )
    return Picture(width=width, height=16, alt="", shapes=shapes)


def guardrail_cell(row: GuardrailRow, scale: Scale) -> Picture:
    """The change and its worst case, as shares of the limit."""
    shapes: list[Shape] = [Line("zero", scale(0), 0, scale(0), 30), Line("limit", scale(1), 0, scale(1), 30)]
    return Picture(width=CELL, height=30, alt="", shapes=[*shapes, *_worst(row, scale, 15)])


def _worst(row: GuardrailRow, scale: Scale, y: float) -> list[Shape]:
    if row.bar is None:
        return []
    change, worst = row.bar
    low, high = sorted((scale(change), scale(worst)))
    beyond: list[Shape] = [_arrow(scale.end, y, 1)] if worst > scale.high else []
    return [
        Box("interval", low, y - 2.5, high - low, 5),
        *beyond,
        Dot("hollow" if row.tone == "open" else "ml", scale(change), y),
    ]


def guardrails(rows: Sequence[GuardrailRow]) -> Chart | None:
    """All guardrails against their limits."""
    scale = guardrail_scale(rows, WIDTH)
    if scale is None:
        return None
    seen = [row for row in rows if row.bar]
    step, top = 44.0, 24.0
    foot = top + step * len(seen)
    shapes: list[Shape] = [
        *guardrail_axis(scale, WIDTH).shapes,
        Line("zero", scale(0), top - 6, scale(0), foot),
        Line("limit", scale(1), top - 6, scale(1), foot),
    ]
    for i, row in enumerate(seen):
        y = top + step * i
        shapes += [
            Label("ink", EDGE, y + 12, _short(row.name)),
            Label("soft", WIDTH - EDGE, y + 12, f"{row.worst} of {row.limit}", "end"),
            *_worst(row, scale, y + 27),
        ]
    told = ", ".join(
        f"{row.name} {row.change}, worst case {row.worst}, limit {row.limit}: {row.status}" for row in seen
    )
    return Chart(
        name="guardrails",
        title="Guardrails against their limits",
        caption="From the change (dot) to its worst case (end of the bar): a guardrail holds if the bar ends before "
        "the limit; worse is to the right.",
        picture=Picture(width=WIDTH, height=foot + 8, alt=f"Guardrails: {told}", shapes=shapes),
    )


def primary(report: Report, result: MetricResult) -> Chart | None:
    """The primary KPI's interval with zero, break-even and the zone declared too small to matter."""
    chosen, printed = result.chosen, phrases.change(result)
    if chosen is None or printed is None:
        return None
    shown, _ = numbers.shown(chosen, result.metric.kind)
    if shown.estimate is None:
        return None
    is_lift = shown is chosen.relative
    worth = report.value_of(result.proposed.variant)
    even = None
    if worth and worth.metric == result.metric.name:
        even = worth.break_even_relative if is_lift else worth.break_even_absolute
    margin = result.equivalence.margin if result.equivalence and result.equivalence.is_relative == is_lift else None
    ends = [x for x in (shown.low, shown.high) if x is not None]
    near = [x for x in (even, margin, margin and -margin) if x is not None]
    scale = around([shown.estimate, *ends, *near], EDGE + 22, WIDTH - EDGE - 22, margin=0.02)
    span = (
        scale.low - 1 if shown.low is None else shown.low,
        shown.estimate,
        scale.high + 1 if shown.high is None else shown.high,
    )
    y, foot = 44.0, 78.0
    is_open = span[0] <= 0 <= span[2]
    shapes: list[Shape] = []
    if margin is not None:
        shapes.append(Box("zone", scale(-margin), 8, scale(margin) - scale(-margin), foot - 8))
    shapes += [Line("axis", EDGE, foot, WIDTH - EDGE, foot), Line("zero", scale(0), 8, scale(0), foot + 4)]
    if even is not None:
        shapes.append(Line("mark", scale(even), 8, scale(even), foot + 4))
    shapes += interval(scale, y, span, is_hollow=is_open)
    if shown.low is not None and shown.high is not None and scale(shown.high) - scale(shown.low) > 110:
        shapes += [
            Label("soft", scale(shown.low), y + 21, printed.low, "middle"),
            Label("soft", scale(shown.high), y + 21, printed.high, "middle"),
        ]
    shapes.append(Label("ml", scale(shown.estimate), y - 12, printed.lift, "middle"))
    shapes.append(Label("soft", scale(0), foot + 18, "0", "middle"))
    told = [f"{phrases.name(result.metric.name)} {printed.sentence}"]
    if even is not None and worth is not None:
        text = breaks_even(report, worth)
        told.append(text)
        is_right = scale(even) > WIDTH / 2
        is_near = abs(scale(even) - scale(0)) < 14
        shapes.append(Label("soft", scale(even), foot + (34 if is_near else 18), text, "end" if is_right else "start"))
    if margin is not None:
        text = f"within ±{phrases.equivalence_limit(result)}: too small to matter"
        told.append(text)
        shapes.append(Label("soft", WIDTH - EDGE, foot + 34, text, "end"))
    return Chart(
        name="primary",
        title=phrases.name(result.metric.name),
        caption=_primary_caption(printed, is_open=is_open, has_even=even is not None),
        picture=Picture(width=WIDTH, height=foot + 42, alt="; ".join(told), shapes=shapes),
    )


def _primary_caption(printed: numbers.Change, *, is_open: bool, has_even: bool) -> str:
    if is_open:
        return f"Between {printed.limits.replace(' to ', ' and ')}: an effect either way is possible."
    beyond = " Where it lies to the right of the dashed line, the variant pays its costs." if has_even else ""
    return f"The whole interval lies on one side of zero.{beyond}"


def waterfall(report: Report, worth: Value) -> Chart | None:
    """From the gross value over the horizon, cost by cost, to the net value."""
    terms = report.terms
    if terms is None or worth.npv.estimate is None:
        return None
    currency, years = terms.currency, numbers.plain(terms.horizon_years)
    steps = steps_of(worth)
    levels, total = [0.0], 0.0
    for _, amount in steps:
        total += amount
        levels.append(total)
    low, high = worth.npv.low, worth.npv.high
    scale = around([*levels, *(x for x in (low, high) if x is not None)], 116.0, WIDTH - 84.0, margin=0.02)
    row, top = 26.0, 6.0
    foot = top + row * (len(steps) + 1)
    shapes: list[Shape] = [Line("zero", scale(0), top, scale(0), foot)]
    for i, (name, amount) in enumerate(steps):
        y = top + row * i
        left, right = sorted((scale(levels[i]), scale(levels[i + 1])))
        shapes += [
            Label("ink", EDGE, y + 17, _short(name, 16)),
            Box("ml" if i == 0 else "rules", left, y + 5, max(right - left, 1.0), row - 10),
            Label("soft", WIDTH - EDGE, y + 17, numbers.money(amount, currency), "end"),
        ]
    y = top + row * len(steps)
    span = (total if low is None else low, total, total if high is None else high)
    shapes += [
        Label("ink", EDGE, y + 17, "net"),
        *interval(scale, y + row / 2, span, is_hollow=span[0] <= 0 <= span[2]),
        Label("ink", WIDTH - EDGE, y + 17, numbers.money(total, currency), "end"),
    ]
    told = ", ".join(f"{name} {numbers.money(amount, currency)}" for name, amount in steps)
    return Chart(
        name="money",
        title=f"From what it earns to what remains, {years} years",
        caption=f"What {years} years bring, less every cost, is what remains; the bar at the bottom is its interval.",
        picture=Picture(
            width=WIDTH,
            height=foot + 8,
            alt=f"{told}, net {numbers.money(total, currency)}",
            shapes=shapes,
        ),
    )


def _short(text: str, most: int = _NAME) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
