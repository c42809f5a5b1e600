"""Limits on totals in words."""

from dataclasses import dataclass

from abimpact.decide.limits import Capacity
from abimpact.render import numbers, phrases


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """A limit at full roll-out; `tone` is `better` where it holds, else `worse`."""

    name: str
    incumbent: str
    proposed: str
    interval: str
    peak: str
    limit: str
    status: str
    tone: str


def limit_row(found: Capacity) -> LimitRow:
    """A limit as it is printed."""
    printed = numbers.change(found.total, numbers.PLAIN)
    peak = numbers.NONE
    if found.peak is not None and found.peak_day is not None:
        peak = f"{_amount(found.peak)} ({numbers.day(found.peak_day)})"
    return LimitRow(
        name=f"{phrases.name(found.limit.name)} a {_period(found)}",
        incumbent=_amount(found.incumbent_total),
        proposed=_amount(found.total.estimate or 0.0),
        interval=printed.interval.replace("+", ""),
        peak=peak,
        limit=numbers.plain(found.limit.at_most),
        status="exceeded" if found.is_exceeded else "fits",
        tone="worse" if found.is_exceeded else "better",
    )


def needs(found: Capacity) -> str:
    """For example `312 manual reviews a day (298 to 326), and 200 are possible`."""
    limits = numbers.change(found.total, numbers.PLAIN).limits.replace("+", "")
    have = numbers.plain(found.limit.at_most)
    needed = f"{_amount(found.total.estimate or 0.0)} {phrases.name(found.limit.name)} a {_period(found)}"
    return f"{needed} ({limits}), and {have} are possible"


def _period(found: Capacity) -> str:
    return "week" if found.limit.days > 1 else "day"


def _amount(x: float) -> str:
    return numbers.value(x, None)
