"""Which days someone else counted, if their totals stop short of the log's."""

from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from abimpact.read.reconciling import Ledger, Rule
from abimpact.read.their_totals import TheirTotals

# With one period only, every pair of days is tried; beyond this many days that is too much.
MOST_DAYS = 1_000


def window_of(ledger: Ledger, theirs: TheirTotals, measures: Mapping[str, tuple[str, str]]) -> Rule | None:
    """The rule that leaves out days before one and after another, if sums by day show that they were.

    Only the first and the last period of a table can be cut short.
    """
    column = next((c for c, (kind, place) in measures.items() if kind == "total" and place != "units"), None)
    column = column or next((c for c, (kind, _) in measures.items() if kind == "total"), None)
    if column is None or not ledger.has_days:
        return None
    wanted: dict[date | None, float] = {}
    whole = any(r.variant is None for r in theirs.rows)
    for row in theirs.rows:
        if column in row.numbers and (row.variant is None) == whole:
            wanted[row.period] = wanted.get(row.period, 0.0) + row.numbers[column]
    periods: list[date | None] = [*sorted(p for p in wanted if p is not None)] or [None]
    by_day = ledger.by_day(measures[column][1])
    slack = 0.5 * 10.0 ** -theirs.decimals[column]
    first, last = periods[0], periods[-1]
    if first == last:
        return _bounded(ledger, *_cut(by_day, first, wanted[first], slack))
    start = _from_end(by_day, first, wanted[first], slack)
    end = _from_start(by_day, last, wanted[last], slack)
    return _bounded(ledger, start, end)


Days = Mapping[date | None, tuple[list[date], NDArray[np.float64]]]


def _from_end(by_day: Days, period: date | None, wanted: float, slack: float) -> date | None:
    """The day from which on a period's sums make up what is wanted; None if it is the whole period, or none is."""
    days, sums = by_day.get(period, ([], np.zeros(0)))
    for i in range(1, len(days)):
        if abs(sums[i:].sum() - wanted) <= slack:
            return days[i]
    return None


def _from_start(by_day: Days, period: date | None, wanted: float, slack: float) -> date | None:
    """The last day up to which a period's sums make up what is wanted."""
    days, sums = by_day.get(period, ([], np.zeros(0)))
    for i in range(len(days) - 1, 0, -1):
        if abs(sums[:i].sum() - wanted) <= slack:
            return days[i - 1]
    return None


def _cut(by_day: Days, period: date | None, wanted: float, slack: float) -> tuple[date | None, date | None]:
    """The days between which a period's sums make up what is wanted."""
    days, sums = by_day.get(period, ([], np.zeros(0)))
    if not 1 < len(days) <= MOST_DAYS:
        return None, None
    before = np.concatenate([[0.0], np.cumsum(sums)])
    apart = np.abs(before[None, 1:] - before[:-1, None] - wanted)
    apart[np.tril_indices(len(days), -1)] = np.inf
    apart[0, -1] = np.inf
    i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
    if apart[i, j] > slack:
        return None, None
    return (days[int(i)] if i else None), (days[int(j)] if j < len(days) - 1 else None)


def _bounded(ledger: Ledger, start: date | None, end: date | None) -> Rule | None:
    if start is None and end is None:
        return None
    bounds = [f"t >= DATE '{start}'"] if start else []
    bounds += [f"CAST(t AS DATE) <= DATE '{end}'"] if end else []
    text = "only days " + " ".join(filter(None, [f"from {start}" if start else "", f"up to {end}" if end else ""]))
    return ledger.base.and_("window", " AND ".join(bounds), f"{text} are counted")
