"""A promise made before the launch, held against what a holdout shows after it."""

from dataclasses import dataclass
from enum import StrEnum

from abimpact.estimate.estimate import Interval


class Status(StrEnum):
    """What became of a promise.

    `SHORT`: shown to be less. `HOLDS`: shown to be more than nothing, and the gap is within chance. `OPEN`: the data
    exclude neither nothing nor the promise.
    """

    HOLDS = "holds"
    SHORT = "short"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What was promised of a metric and what was delivered, both in money a year (of `currency`) or both as lifts.

    Positive is better. `gap` is delivered minus promised, `pvalue` tests that it is 0.
    """

    proposed: str
    metric: str
    currency: str | None
    promised: Interval
    delivered: Interval
    gap: Interval
    pvalue: float
    status: Status


def hold(
    proposed: str, metric: str, currency: str | None, promised: Interval, delivered: Interval, level: float
) -> Promise | None:
    """The promise held against what was delivered by other units; None where an interval has no bounds.

    Both are taken as normal with the error that the width of their interval stands for.
    """
    from scipy.special import ndtr, ndtri

    errors = [_se(promised), _se(delivered)]
    if errors[0] is None or errors[1] is None or promised.estimate is None or delivered.estimate is None:
        return None
    se = (errors[0] ** 2 + errors[1] ** 2) ** 0.5
    if not se:
        return None
    z, gap = float(ndtri(0.5 + level / 2)), delivered.estimate - promised.estimate
    interval = Interval(estimate=gap, low=gap - z * se, high=gap + z * se, level=level)
    is_more_than_nothing = delivered.low is not None and delivered.low > 0
    return Promise(
        proposed=proposed,
        metric=metric,
        currency=currency,
        promised=promised,
        delivered=delivered,
        gap=interval,
        pvalue=float(2 * ndtr(-abs(gap) / se)),
        status=Status.SHORT
        if gap + z * se < 0
        else Status.HOLDS
        if is_more_than_nothing or gap - z * se > 0
        else Status.OPEN,
    )


def _se(interval: Interval) -> float | None:
    from scipy.special import ndtri

    if interval.low is None or interval.high is None:
        return None
    return (interval.high - interval.low) / 2 / float(ndtri(0.5 + interval.level / 2))
