"""How numbers are written: signs, digits, percentages against points, p-values.

Every format prints the strings made here, so a number is rounded in one place. Integer digits are
never zeroed: a printed number is the JSON's to the digits shown. Decimal mark, thousands separator and the
order of dates are those of the locale that `written_in` sets.
"""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

from abimpact.estimate.estimate import Estimate, Interval, Kind
from abimpact.spec.metric import MetricKind, Tolerance
from abimpact.spec.presentation import LOCALES, USUAL

NONE = "–"
_DIGITS = 3
# Below it a p-value is written as a power of ten.
SMALLEST_WORDED = 1e-6
_COINS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_PREFIXES = (("bn ", 1e9), ("M", 1e6), ("k", 1e3))
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_LOCALE = ContextVar("locale", default=LOCALES[USUAL])
# A number with a separator in a sentence; not what only looks like one, as in a version, a path or a name.
_IN_PROSE = re.compile(r"(?<![\w.,:/])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?:e[+-]\d+)?(?![\w/]|[.,]\w)")


@contextmanager
def written_in(name: str) -> Iterator[None]:
    """Within this `with`, numbers and dates are written as in the locale of that name."""
    token = _LOCALE.set(LOCALES[name])
    try:
        yield
    finally:
        _LOCALE.reset(token)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number is printed in: multiplied by `factor`, followed by `suffix`."""

    factor: float
    suffix: str


PERCENT = Unit(100, " %")
POINTS = Unit(100, " points")
PLAIN = Unit(1, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An interval in words; all three numbers share their decimals."""

    estimate: str
    low: str
    high: str
    unit: Unit

    @property
    def interval(self) -> str:
        """The limits for a table cell: `+1.8 … +6.7 %`."""
        return f"{self.low} … {self.high}{self.unit.suffix}"

    @property
    def lift(self) -> str:
        """The estimate alone: `+4.2 %`."""
        return NONE if self.estimate == NONE else self.estimate + self.unit.suffix

    @property
    def limits(self) -> str:
        """The limits for a sentence: `+1.8 % to +6.7 %`."""
        return f"{self.low}{self.unit.suffix} to {self.high}{self.unit.suffix}"

    @property
    def size(self) -> str:
        """The estimate without its sign, for "falls by 2.0 %"."""
        return self.lift.lstrip("+−")

    @property
    def sentence(self) -> str:
        """Estimate and limits: `+4.2 % (+1.8 % to +6.7 %)`."""
        return f"{self.lift} ({self.limits})"


def count(n: int) -> str:
    """A number of things, with thousands separators."""
    return _localised(f"{n:,}".replace("-", "−"))


def plain(x: float) -> str:
    """A number that was declared, with all its digits and nothing added."""
    return _localised(f"{x:,.12g}".replace("-", "−"))


def prose(sentence: str) -> str:
    """A sentence made by a check, which writes numbers in the usual way, with its numbers as in the locale."""
    return sentence if _LOCALE.get() == LOCALES[USUAL] else _IN_PROSE.sub(lambda found: _localised(found[0]), sentence)


def value(x: float | None, kind: MetricKind | None) -> str:
    """A variant's value of a metric, to three significant digits; a proportion as a percentage."""
    if x is None:
        return NONE
    unit = PERCENT if kind is MetricKind.PROPORTION else PLAIN
    scaled = x * unit.factor
    return fixed(scaled, places(abs(scaled), _DIGITS)).lstrip("+") + unit.suffix


def shown(estimate: Estimate, kind: MetricKind | None) -> tuple[Interval, Unit]:
    """The interval that is printed for an estimate: the lift, or the difference where no lift is bounded."""
    if estimate.relative.kind is Kind.BOUNDED:
        return estimate.relative, PERCENT
    return estimate.absolute, difference_unit(kind)


def difference_unit(kind: MetricKind | None) -> Unit:
    """The unit of a difference: percentage points for proportions, else the metric's own."""
    return POINTS if kind is MetricKind.PROPORTION else PLAIN


def change(interval: Interval, unit: Unit) -> Change:
    """An interval with common decimals: two significant digits of its half-width, at most three in all."""
    values = (interval.estimate, interval.low, interval.high)
    decimals = _common_decimals([x * unit.factor for x in values if x is not None])
    estimate, low, high = (None if x is None else fixed(x * unit.factor, decimals) for x in values)
    return Change(estimate=estimate or NONE, low=low or "−∞", high=high or "+∞", unit=unit)


def signed(x: float, unit: Unit) -> str:
    """A number with its sign, to two significant digits or three: `+1.3 %`."""
    scaled = x * unit.factor
    return fixed(scaled, places(abs(scaled), 2)) + unit.suffix


def money(x: float, currency: str) -> str:
    """An amount as people round it, to three significant digits: `312 k€`."""
    prefix, factor = _scale(abs(x))
    return f"{_amount(x / factor, abs(x) / factor)} {_coin(prefix, currency)}"


def marks() -> tuple[str, str]:
    """The locale's decimal mark and thousands separator."""
    return _LOCALE.get().decimal, _LOCALE.get().group


def coin_of(currency: str) -> dict[str, str | bool]:
    """A currency's sign, or its name where it has none."""
    symbol = _COINS.get(currency.upper())
    return {"text": symbol or currency, "is_sign": symbol is not None}


def money_range(low: float, high: float, currency: str) -> str:
    """Two amounts in one unit, with the decimals of the larger one: `84 to 540 k€`."""
    size = max(abs(low), abs(high))
    prefix, factor = _scale(size)
    amounts = (_amount(x / factor, size / factor) for x in (low, high))
    return f"{' to '.join(amounts)} {_coin(prefix, currency)}"


def _scale(size: float) -> tuple[str, float]:
    # Three digits of 999,600 are 1.00 million.
    return next(((p, f) for p, f in _PREFIXES if size >= 0.9995 * f), ("", 1.0))


def _amount(x: float, size: float) -> str:
    if abs(x) < 0.005:
        return "0"
    text = fixed(x, min(places(size, _DIGITS), 2)).lstrip("+")
    mark = _LOCALE.get().decimal
    return text.rstrip("0").rstrip(mark) if mark in text else text


def _coin(prefix: str, currency: str) -> str:
    symbol = _COINS.get(currency.upper())
    return prefix + symbol if symbol else f"{prefix} {currency}".lstrip()


def limit(tolerance: Tolerance, kind: MetricKind | None, sign: int) -> str:
    """A declared margin as the largest change tolerated; `sign` 0 prints none."""
    unit = PERCENT if tolerance.is_relative else difference_unit(kind)
    return {1: "+", 0: "", -1: "−"}[sign] + plain(tolerance.amount * unit.factor) + unit.suffix


def bound(x: float | None, margin: float, unit: Unit) -> str:
    """A one-sided confidence limit, with decimals enough that it never looks equal to its margin."""
    if x is None:
        return NONE
    scaled, edge = x * unit.factor, abs(margin * unit.factor)
    gap = abs(abs(scaled) - edge)
    decimals = max(places(abs(scaled), 2), min(places(gap, 1), 6) if gap else 0)
    return fixed(scaled, decimals) + unit.suffix


def pvalue(p: float | None) -> str:
    """A p-value for a table cell: `.30`, `.008`, `<.001`, `>.99`."""
    if p is None:
        return NONE
    if p < 0.001:
        return _localised("<.001")
    if p > 0.99:
        return _localised(">.99")
    return _localised(f"{p:.2f}"[1:] if p >= 0.1 else f"{p:.3f}"[1:])


def pvalue_in_full(p: float | None) -> str:
    """A p-value where every number is told: as `pvalue`, and tiny ones as the power of ten above them, `<1e-12`."""
    if p is None or p >= SMALLEST_WORDED:
        return pvalue(p)
    return f"<1e-{math.floor(-math.log10(max(p, 1e-300)))}"


def day(x: date) -> str:
    """A day: `28 Mar 2026`."""
    return _dated(x, str(x.day))


def period(start: date | None, end: date | None) -> str:
    """Days from first to last: `1–28 Mar 2026`; empty without a time column."""
    if start is None or end is None:
        return ""
    if start == end:
        return _dated(start, str(start.day))
    if (start.year, start.month) == (end.year, end.month):
        return _dated(end, f"{start.day}–{end.day}")
    first, last = _dated(start, str(start.day)), _dated(end, str(end.day))
    if start.year == end.year:
        if _LOCALE.get().order == "ymd":
            last = last.removeprefix(f"{end.year} ")
        else:
            first = first.removesuffix(f" {start.year}").removesuffix(",")
    return f"{first} – {last}"


def _dated(day: date, days: str) -> str:
    """Days of one month, in the locale's order."""
    month = _MONTHS[day.month - 1]
    return {
        "dmy": f"{days} {month} {day.year}",
        "mdy": f"{month} {days}, {day.year}",
        "ymd": f"{day.year} {month} {days}",
    }[_LOCALE.get().order]


def fixed(x: float, decimals: int) -> str:
    """`x` with sign and fixed decimals; outside 10⁻⁹ … 10¹⁵ in scientific notation."""
    if x and not 1e-9 <= abs(x) < 1e15:
        return _localised(f"{x:+.2e}".replace("-", "−"))
    text = f"{x:+,.{decimals}f}" if x else f"{0:.{decimals}f}"
    return _localised(text.replace("-", "−"))


def _localised(text: str) -> str:
    """A number that Python wrote, with the locale's separators."""
    locale = _LOCALE.get()
    return text.translate({ord("."): locale.decimal, ord(","): locale.group})


def places(size: float, digits: int) -> int:
    """Decimals that show `digits` significant digits of a number of this size (at least 0)."""
    return max(0, digits - 1 - math.floor(math.log10(size))) if size and math.isfinite(size) else 0


def _common_decimals(values: Iterable[float]) -> int:
    """Decimals for numbers printed together: see `change`; a limit near zero gets more, to keep its side."""
    sizes = sorted(values)
    if not sizes:
        return 0
    largest = max(abs(sizes[0]), abs(sizes[-1]))
    half = (sizes[-1] - sizes[0]) / 2
    if not half:
        return places(largest, _DIGITS)
    decimals = max(places(half, 1), min(places(half, 2), places(largest, _DIGITS)))
    nearest = min((abs(x) for x in sizes if x), default=largest)
    if round(nearest, decimals):
        return decimals
    return min(places(nearest, 1), decimals + 2)
