"""Totals at full roll-out against a limit, and the share of the units that fits."""

from datetime import date

import pytest

from abimpact.decide.limits import capacities
from abimpact.estimate.estimate import Interval
from abimpact.spec.limit import Limit


def mean(estimate: float | None, low: float | None = None, high: float | None = None) -> Interval:
    return Interval(estimate=estimate, low=low, high=high, level=0.9)


REVIEWS, HOURS = Limit(name="reviews", at_most=2_000.0, days=7), Limit(name="hours", at_most=30.0, days=1)
MEANS = {
    "reviews": [mean(0.1), mean(0.3, 0.2, 0.4), mean(0.2, None, 0.3)],
    "hours": [mean(0.02), mean(0.03, 0.01, 0.05), mean(0.04, 0.03, 0.05)],
}


def test_every_limit_is_held_against_every_proposed_variant() -> None:
    found = capacities([REVIEWS, HOURS], MEANS, ["rules", "ml", "tree"], 1_000.0, (date(2026, 3, 7), 1_500.0))
    assert [(c.limit.name, c.proposed) for c in found] == [
        ("reviews", "ml"), ("reviews", "tree"), ("hours", "ml"), ("hours", "tree"),
    ]  # fmt: skip
    first, second, third, fourth = found
    # 1,000 units a day for seven days.
    total = first.total
    assert (total.estimate, total.low, total.high, total.level) == pytest.approx((2_100.0, 1_400.0, 2_800.0, 0.9))
    assert (second.total.estimate, second.total.low, second.total.high) == (
        pytest.approx(1_400),
        None,
        pytest.approx(2_100),
    )
    assert (first.incumbent_total, third.incumbent_total) == pytest.approx((700.0, 20.0))
    assert (first.peak, first.peak_day) == (pytest.approx(0.3 * 1_500 * 7), date(2026, 3, 7))
    assert [c.is_exceeded for c in found] == [True, False, False, True]
    # q 0.3 + (1 - q) 0.1 = 2,000 / 7,000.
    assert first.share_that_fits == pytest.approx((2 / 7 - 0.1) / 0.2)
    assert (second.share_that_fits, third.share_that_fits) == (1.0, 1.0)
    assert fourth.share_that_fits == pytest.approx(0.5)


def test_exactly_the_limit_is_not_beyond_it_and_without_a_mean_nothing_is_needed() -> None:
    (same,) = capacities([HOURS], {"hours": [mean(0.0), mean(0.03)]}, ["rules", "ml"], 1_000.0, None)
    assert (same.is_exceeded, same.share_that_fits, same.peak, same.peak_day) == (False, 1.0, None, None)
    (none,) = capacities([HOURS], {"hours": [mean(None), mean(None)]}, ["rules", "ml"], 1_000.0, None)
    assert (none.total.estimate, none.incumbent_total, none.is_exceeded) == (0.0, 0.0, False)


@pytest.mark.parametrize(
    ("incumbent", "proposed", "share"), [(0.0, 0.06, 0.5), (0.03, 0.06, 0.0), (0.05, 0.06, 0.0), (0.05, 0.02, 1.0)]
)
def test_where_the_incumbent_needs_all_there_is_none_fits(incumbent: float, proposed: float, share: float) -> None:
    (found,) = capacities([HOURS], {"hours": [mean(incumbent), mean(proposed)]}, ["rules", "ml"], 1_000.0, None)
    assert found.share_that_fits == pytest.approx(share)
