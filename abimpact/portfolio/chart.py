"""The picture of a portfolio: what was measured, and what is left once luck is allowed for."""

from abimpact.portfolio.portfolio import Entry, Portfolio
from abimpact.render import bars, numbers, phrases
from abimpact.render.charts import EDGE, WIDTH, Chart, interval
from abimpact.render.picture import Dot, Label, Line, Picture, Shape
from abimpact.render.scale import around, tick_labels

MOST = 15  # tests in the picture
_NAME = 40  # characters of a name for which a row has room


def before_and_after(found: Portfolio) -> Chart | None:
    """The shipped tests (else the largest): a grey dot as measured, an interval with luck allowed for."""
    rows = [e for e in found.shipped or found.entries if e.primary and e.primary.shrunken]
    rows = sorted(rows, key=_size, reverse=True)[:MOST]
    spans = [s for e in rows if (s := _span(e))]
    if not spans:
        return None
    scale = around(bars.reach([*spans, *((m, m, m) for m in map(_measured, rows))]), EDGE, WIDTH - EDGE)
    step, top = 34.0, 6.0
    foot = top + step * len(rows)
    shapes: list[Shape] = [Line("zero", scale(0), top, scale(0), foot)]
    for i, (entry, span) in enumerate(zip(rows, spans, strict=True)):
        y = top + step * i
        name = phrases.name(entry.test.name)
        shapes.append(Label("ink", EDGE, y + 12, name if len(name) <= _NAME else name[: _NAME - 1] + "…"))
        shapes.append(Label("soft", WIDTH - EDGE, y + 12, numbers.signed(span[1], numbers.PERCENT), "end"))
        shapes += interval(scale, y + 23, span, is_hollow=span[0] <= 0 <= span[2])
        shapes.append(Dot("rules", scale(_measured(entry)), y + 23))
    shapes.append(Line("axis", EDGE, foot, WIDTH - EDGE, foot))
    shapes += [Label("soft", scale(v), foot + 16, text, "middle") for v, text in tick_labels(scale, numbers.PERCENT, 5)]
    told = "; ".join(
        f"{e.test.name}: {numbers.signed(_measured(e), numbers.PERCENT)} measured, "
        f"{numbers.signed(s[1], numbers.PERCENT)} left"
        for e, s in zip(rows, spans, strict=True)
    )
    which = "shipped tests" if found.shipped else "tests"
    return Chart(
        name="portfolio",
        title="Lifts as measured and with luck allowed for",
        caption=f"The {which} with the largest lifts on their primary KPIs: grey is what was measured, blue (with its "
        "interval) what is left once luck is allowed for.",
        picture=Picture(width=WIDTH, height=foot + 24, alt=told, shapes=shapes),
    )


def _span(entry: Entry) -> bars.Span | None:
    row = entry.primary
    left = row and row.shrunken
    if not left or left.low is None or left.estimate is None or left.high is None:
        return None
    return (left.low, left.estimate, left.high)


def _measured(entry: Entry) -> float:
    row = entry.primary
    return (row.effect.lift.estimate or 0.0) if row and row.effect.lift else 0.0


def _size(entry: Entry) -> float:
    row = entry.primary
    return row.effect.sign * ((row.shrunken.estimate if row.shrunken else None) or 0.0) if row else 0.0
