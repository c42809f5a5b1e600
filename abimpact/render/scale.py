"""From values to pixels: honest axes with round ticks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from abimpact.render import numbers
from abimpact.render.numbers import Unit


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear axis from `low` to `high` between two pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, x: float) -> float:
        """The pixel of a value; what lies beyond is at the edge."""
        inside = min(max(x, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def has(self, x: float) -> bool:
        """Whether a value lies on the axis."""
        return self.low <= x <= self.high


def around(values: Sequence[float], start: float, end: float, margin: float = 0.06) -> Scale:
    """A scale that holds all values and zero, with a margin on either side."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = ((high - low) or 1.0) * margin
    return Scale(low - room, high + room, start, end)


def ticks(scale: Scale, most: int = 5) -> tuple[list[float], int]:
    """At most `most` round values on the axis, and the decimals they need; steps of 1, 2 or 5 times a power of ten."""
    raw = (scale.high - scale.low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    return [i * step for i in range(first, last + 1)], max(0, -math.floor(math.log10(step) + 1e-9))


def tick_labels(scale: Scale, unit: Unit, most: int = 5, *, is_signed: bool = True) -> list[tuple[float, str]]:
    """Ticks with their labels, in `unit`; the last one names it."""
    scaled = Scale(scale.low * unit.factor, scale.high * unit.factor, scale.start, scale.end)
    values, decimals = ticks(scaled, most)
    written = [numbers.fixed(v, decimals) if v else "0" for v in values]
    if not is_signed:
        written = [text.removeprefix("+") for text in written]
    written[-1:] = [text + unit.suffix for text in written[-1:]]
    return [(v / unit.factor, text) for v, text in zip(values, written, strict=True)]
