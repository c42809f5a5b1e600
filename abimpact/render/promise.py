"""A promise and what became of it, in words and as values."""

from typing import Any

from abimpact.decide.promise import Promise, Status
from abimpact.estimate.estimate import Interval
from abimpact.render import numbers, phrases

_SAID = {
    Status.HOLDS: "the promise holds, as far as these units tell.",
    Status.SHORT: "the promise is not kept: that is less than chance explains.",
    Status.OPEN: "too few units to tell whether the promise holds; it may as well be nothing.",
}


def lines(found: Promise | None) -> tuple[str, ...]:
    """The promise in one sentence; nothing where none was given."""
    if found is None:
        return ()
    what = "a year net" if found.currency else f"on {phrases.name(found.metric)}"
    promised, delivered = _short(found.promised, found.currency), _long(found.delivered, found.currency)
    return (f"Promised {promised} {what}, delivered {delivered}: {_SAID[found.status]}",)


def _short(interval: Interval, currency: str | None) -> str:
    assert interval.estimate is not None
    return numbers.money(interval.estimate, currency) if currency else numbers.change(interval, numbers.PERCENT).lift


def _long(interval: Interval, currency: str | None) -> str:
    if not currency:
        return numbers.change(interval, numbers.PERCENT).sentence
    assert interval.low is not None
    assert interval.high is not None
    return f"{_short(interval, currency)} ({numbers.money_range(interval.low, interval.high, currency)})"


def to_dict(found: Promise) -> dict[str, Any]:
    """The promise as plain values."""
    from abimpact.render.json_metric import interval_of

    return {
        "proposed": found.proposed,
        "metric": found.metric,
        "unit": "money_per_year" if found.currency else "lift",
        "currency": found.currency,
        "promised": interval_of(found.promised),
        "delivered": interval_of(found.delivered),
        "gap": interval_of(found.gap),
        "pvalue": found.pvalue,
        "status": found.status.value,
    }
