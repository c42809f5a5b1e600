"""A promise against what was delivered: the gap's normal law, and the three things that may have become of it."""

import pytest
from scipy.stats import norm

from abimpact.decide.promise import Status, hold
from abimpact.estimate.estimate import Interval

Z = norm.ppf(0.975)


def around(estimate: float | None, se: float, level: float = 0.95) -> Interval:
    half = norm.ppf(0.5 + level / 2) * se
    return Interval(estimate=estimate, low=(estimate or 0.0) - half, high=(estimate or 0.0) + half, level=level)


def test_the_gap_has_the_error_of_both_whatever_their_levels() -> None:
    found = hold("ml", "profit", "EUR", around(10.0, 3.0, 0.8), around(4.0, 4.0, 0.99), 0.9)
    assert found is not None
    half = norm.ppf(0.95) * 5.0
    gap = found.gap
    assert (gap.estimate, gap.low, gap.high) == pytest.approx((-6.0, -6.0 - half, -6.0 + half))
    assert gap.level == 0.9
    assert found.pvalue == pytest.approx(2 * norm.sf(6 / 5))
    assert (found.proposed, found.metric, found.currency) == ("ml", "profit", "EUR")
    assert (found.promised.estimate, found.delivered.estimate) == (10.0, 4.0)
    more = hold("ml", "profit", None, around(4.0, 3.0), around(10.0, 4.0), 0.9)
    assert more is not None
    assert (more.gap.estimate, more.pvalue) == pytest.approx((6.0, found.pvalue))


@pytest.mark.parametrize(
    ("promised", "delivered", "status"),
    [
        (around(10.0, 1.0), around(2.0, 1.0), Status.SHORT),  # shown to be less, though more than nothing
        (around(10.0, 1.0), around(-2.0, 1.0), Status.SHORT),
        (around(4.0, 1.0), around(3.0, 1.0), Status.HOLDS),  # more than nothing, and the gap within chance
        (around(4.0, 1.0), around(1.5, 1.0), Status.OPEN),  # neither nothing nor the promise is excluded
        (around(-9.0, 1.0), around(0.5, 1.0), Status.HOLDS),  # better than promised, if perhaps nothing
    ],
)
def test_what_became_of_it(promised: Interval, delivered: Interval, status: Status) -> None:
    found = hold("ml", "profit", None, promised, delivered, 0.95)
    assert found is not None
    assert found.status is status


def test_delivered_exactly_from_nothing_on_does_not_hold() -> None:
    edge = Interval(estimate=2.0, low=0.0, high=4.0, level=0.95)
    found = hold("ml", "profit", None, around(3.0, 1.0), edge, 0.95)
    assert found is not None
    assert found.status is Status.OPEN


def test_without_bounds_estimates_or_any_error_nothing_is_held() -> None:
    fine = around(3.0, 1.0)
    for other in (
        Interval(estimate=1.0, low=None, high=2.0, level=0.95),
        Interval(estimate=1.0, low=0.0, high=None, level=0.95),
        around(None, 1.0),
    ):
        assert hold("ml", "profit", None, fine, other, 0.95) is None
        assert hold("ml", "profit", None, other, fine, 0.95) is None
    certain = Interval(estimate=1.0, low=1.0, high=1.0, level=0.95)
    assert hold("ml", "profit", None, certain, certain, 0.95) is None
    half = hold("ml", "profit", None, certain, fine, 0.95)
    assert half is not None
    assert half.gap.high == pytest.approx(2.0 + Z)
