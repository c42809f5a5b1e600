"""Intervals drawn as text on one scale with a common zero line, so that KPIs can be compared by eye."""

from collections.abc import Sequence
from dataclasses import dataclass

Span = tuple[float, float, float]

_WIDEST = 4  # a KPI so many times wider than the middle one runs off the edge and does not flatten the rest


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a bar: zero line, both ends, body, estimate, arrows for what runs off the scale."""

    zero: str
    low: str
    high: str
    body: str
    estimate: str
    less: str
    more: str


UNICODE = Glyphs("┊", "├", "┤", "─", "●", "◂", "▸")
ASCII = Glyphs(":", "|", "|", "-", "o", "<", ">")


def reach(spans: Sequence[Span]) -> tuple[float, float]:
    """The ends of a common scale, which holds zero and does not flatten all for the sake of the widest."""
    reaches = sorted(max(abs(s[0]), abs(s[2])) for s in spans)
    if not reaches or not reaches[-1]:
        return 0.0, 0.0
    cap = min(reaches[-1], _WIDEST * (reaches[(len(reaches) - 1) // 2] or reaches[-1]))
    return max(-cap, min(0.0, *(s[0] for s in spans))), min(cap, max(0.0, *(s[2] for s in spans)))


def draw(spans: Sequence[Span | None], width: int, glyphs: Glyphs) -> list[str]:
    """One bar of `width` cells for each (low, estimate, high); blank where there is none."""
    low, high = reach([s for s in spans if s])
    if low == high:
        return [" " * width] * len(spans)
    step = (high - low) / (width - 1)

    def cell(x: float) -> int:
        return round((min(max(x, low), high) - low) / step)

    def bar(span: Span) -> str:
        cells = [" "] * width
        first, middle, last = (cell(x) for x in span)
        cells[first : last + 1] = glyphs.body * (last - first + 1)
        cells[first] = glyphs.less if span[0] < low else glyphs.low
        cells[last] = glyphs.more if span[2] > high else glyphs.high
        cells[cell(0)] = glyphs.zero
        cells[middle] = glyphs.estimate
        return "".join(cells)

    return [bar(s) if s else " " * width for s in spans]
