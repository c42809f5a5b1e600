"""The picture of a score: what it earns more than the rules, by the share of rows that it acts on."""

from abimpact.backtest import words
from abimpact.backtest.curve import Curve, Point
from abimpact.backtest.result import BacktestReport
from abimpact.render import numbers, phrases
from abimpact.render.charts import EDGE, WIDTH, Chart
from abimpact.render.numbers import PERCENT, PLAIN
from abimpact.render.picture import Dot, Label, Line, Path, Picture, Shape
from abimpact.render.scale import around, tick_labels

HEIGHT, FOOT, LEFT = 190.0, 150.0, 58.0
# The largest share of rows drawn, as a multiple of the best one's: beyond it lies what nobody would do.
BEYOND = 5.0


def threshold_chart(report: BacktestReport, curve: Curve) -> Chart | None:
    """The difference a row by share of rows acted on, with its pointwise interval; None where there is no curve."""
    points = _drawn_points(curve)
    if len(points) < 3:
        return None
    ends = [x for p in points for x in (p.per_unit.low, p.per_unit.estimate, p.per_unit.high) if x is not None]
    across = around([p.share for p in points], LEFT, WIDTH - EDGE, margin=0.03)
    rising = around([0.0, *ends], FOOT, 14.0, margin=0.04)
    shapes: list[Shape] = []
    for y, _ in tick_labels(rising, PLAIN, 4):
        shapes.append(Line("axis", LEFT, rising(y), WIDTH - EDGE, rising(y)))
        shapes.append(Label("soft", LEFT - 6, rising(y) + 4, words.amount(report, y), "end"))
    shapes.append(Line("zero", LEFT, rising(0.0), WIDTH - EDGE, rising(0.0)))
    low = [(across(p.share), rising(p.per_unit.low)) for p in points if p.per_unit.low is not None]
    high = [(across(p.share), rising(p.per_unit.high)) for p in points if p.per_unit.high is not None]
    shapes.append(Path("ml-area", (*low, *reversed(high))))
    shapes.append(Path("ml-line", tuple((across(p.share), rising(p.per_unit.estimate or 0.0)) for p in points)))
    best = curve.points[curve.best]
    if best in points:
        x, y = across(best.share), rising(best.per_unit.estimate or 0.0)
        shapes += [
            Dot("ml", x, y),
            Label("ml", x, y - 9, words.amount(report, best.per_unit.estimate or 0.0), "middle"),
        ]
    shapes += [
        Label("soft", across(v), FOOT + 20, text, "middle")
        for v, text in tick_labels(across, PERCENT, 4, is_signed=False)
    ]
    named, rules = phrases.name(curve.score), phrases.name(report.asked.name)
    told = ", ".join(
        f"{numbers.fixed(p.share * 100, 1).lstrip('+')} %: {words.amount(report, p.per_unit.estimate or 0.0)}"
        for p in points[:: max(len(points) // 8, 1)]
    )
    return Chart(
        name=f"threshold-{curve.score}",
        title=f"{named} by the share of rows that it acts on",
        caption=f"What {named} earns a row more than {rules}, by the share of rows that it acts on; the dot is the "
        "threshold found, the band the interval at each single one.",
        picture=Picture(width=WIDTH, height=HEIGHT, alt=told, shapes=shapes),
    )


def _drawn_points(curve: Curve) -> list[Point]:
    """The points up to some multiple of the best one's share, from few to many acts."""
    share = curve.points[curve.best].share
    most = BEYOND * share if share else 1.0
    return [p for p in reversed(curve.points) if p.share <= max(most, 0.02)]
