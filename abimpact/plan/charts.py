"""The pictures of a plan: power by effect, smallest effect by length, expected net value by length."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from abimpact.plan.values import Plan
from abimpact.render import numbers, phrases
from abimpact.render.charts import EDGE, WIDTH, Chart
from abimpact.render.numbers import PERCENT, PLAIN
from abimpact.render.picture import Dot, Label, Line, Path, Picture, Shape
from abimpact.render.scale import Scale, around, tick_labels

HEIGHT, FOOT, LEFT = 190.0, 150.0, 52.0


def charts_of(plan: Plan) -> tuple[Chart, ...]:
    """Those for which there are numbers."""
    return tuple(chart for chart in (power_chart(plan), size_chart(plan), money_chart(plan)) if chart)


def power_chart(plan: Plan) -> Chart | None:
    """The power of the planned test by the true effect."""
    kpi = plan.primary
    if not kpi.curve:
        return None
    is_lift = kpi.curve[-1].change.relative is not None
    points = [
        ((p.change.relative if is_lift else p.change.absolute) or 0.0, p.power)
        for p in kpi.curve
    ]  # fmt: skip
    name = phrases.name(kpi.seen.metric.name)
    aimed = kpi.change or kpi.detectable
    mark = None if aimed is None else ((aimed.relative if is_lift else aimed.absolute) or 0.0)
    return _drawn(
        "power",
        f"Power by the true effect on {name}",
        f"The chance that {numbers.count(plan.total)} units show the effect, by its size; the dot is the plan.",
        points,
        unit=PERCENT if is_lift else PLAIN,
        up=lambda y: f"{y * 100:.0f} %",
        top=1.0,
        mark=mark,
    )


def size_chart(plan: Plan) -> Chart | None:
    """The smallest effect that a test shows, by its length or units."""
    found = [(o.days or o.units, o.detectable) for o in plan.options if o.detectable]
    points = [(float(x), abs(d.relative)) for x, d in found if d.relative is not None]
    if len(points) < 2:
        return None
    what = "days" if plan.daily_units else "units"
    planned = next((float(o.days or o.units) for o in plan.options if o.is_planned), None)
    return _drawn(
        "detectable",
        f"Smallest lift of {phrases.name(plan.primary.seen.metric.name)} that a test shows",
        f"With {numbers.plain(plan.power * 100)} % power, by {what}; the dot is the plan.",
        points,
        unit=replace(PLAIN, suffix=f" {what}"),
        up=lambda y: numbers.signed(y, PERCENT).lstrip("+"),
        mark=planned,
    )


def money_chart(plan: Plan) -> Chart | None:
    """The expected net value by the length of the test."""
    money, terms = plan.prospect, plan.known.terms
    if money is None or terms is None:
        return None
    points = [(0.0, money.now), *((float(x.days), x.net) for x in money.lengths)]
    return _drawn(
        "net-value",
        "Expected net value by the length of the test",
        "What one may expect to earn over the horizon, all costs and waiting counted; at 0 days one decides now.",
        points,
        unit=replace(PLAIN, suffix=" days"),
        up=lambda y: numbers.money(y, terms.currency),
        mark=float(money.best.days) if money.best else 0.0,
    )


def _drawn(
    name: str,
    title: str,
    caption: str,
    points: Sequence[tuple[float, float]],
    *,
    unit: numbers.Unit,
    up: Callable[[float], str],
    top: float | None = None,
    mark: float | None = None,
) -> Chart:
    """A line through `points` (rising in x), with the one nearest to `mark` as a dot."""
    across = around([x for x, _ in points], LEFT, WIDTH - EDGE, margin=0.03)
    values = [y for _, y in points] + ([top] if top is not None else [])
    rising = around(values, FOOT, 14.0, margin=0.04)
    shapes: list[Shape] = [Line("zero", LEFT, rising(0.0), WIDTH - EDGE, rising(0.0))]
    for y in _levels(rising):
        shapes += [Line("axis", LEFT, rising(y), WIDTH - EDGE, rising(y)), _left(rising(y), up(y))]
    shapes.append(Path("ml-line", tuple((across(x), rising(y)) for x, y in points)))
    shapes += [
        Label("soft", across(v), FOOT + 20, text, "middle")
        for v, text in tick_labels(across, unit, 4, is_signed=unit is PERCENT)
    ]
    told = ", ".join(
        f"{numbers.plain(round(x * unit.factor, 4))}{unit.suffix}: {up(y)}"
        for x, y in points[:: max(len(points) // 8, 1)]
    )
    if mark is not None:
        x, y = min(points, key=lambda p: abs(p[0] - mark))
        shapes += [Dot("ml", across(x), rising(y)), Label("ml", across(x), rising(y) - 9, up(y), "middle")]
    return Chart(
        name=name, title=title, caption=caption, picture=Picture(width=WIDTH, height=HEIGHT, alt=told, shapes=shapes)
    )


def _levels(scale: Scale) -> list[float]:
    return [v for v, _ in tick_labels(scale, PLAIN, 6)]


def _left(y: float, text: str) -> Label:
    return Label("soft", LEFT - 6, y + 4, text, "end")
