"""One arm's value: its interval against scipy and statsmodels, its moments against the units that they stand for."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from abimpact.estimate.arm import ArmMean, arm_interval, contract, mean_interval, share_interval
from abimpact.estimate.estimate import Kind
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import ClusterSums, Moments
from tests.estimate.cases import moments_of, summary

ROWS = np.random.default_rng(3).gamma(2.0, 1.0, (50, 2)) + np.array([0.0, 3.0])


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (1, 7), (7, 7), (6, 7), (40, 900), (450, 900)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_a_share_has_wilsons_interval(successes: int, n: int, level: float) -> None:
    found = share_interval(successes, n, level)
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert (found.estimate, found.level) == (successes / n, level)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= successes / n <= found.high <= 1
    assert (found.low == 0, found.high == 1) == (successes == 0, successes == n)


def test_a_mean_has_students_interval_from_two_units_on() -> None:
    for n in (2, 3, 50):
        found = mean_interval(moments_of(ROWS[:n]), 0.9)
        low, high = stats.t.interval(0.9, n - 1, ROWS[:n, 0].mean(), stats.sem(ROWS[:n, 0]))
        assert (found.estimate, found.low, found.high) == pytest.approx((ROWS[:n, 0].mean(), low, high), rel=1e-10)
        assert (found.level, found.kind) == (0.9, Kind.BOUNDED)
    one = mean_interval(moments_of(ROWS[:1]), 0.9)
    assert (one.estimate, one.low, one.high, one.level, one.kind) == (ROWS[0, 0], None, None, 0.9, Kind.WHOLE)
    none = mean_interval(moments_of(ROWS[:0]), 0.9)
    assert (none.estimate, none.low, none.high, none.level, none.kind) == (None, None, None, 0.9, Kind.UNDEFINED)


def test_an_arm_has_the_interval_of_its_kind() -> None:
    shares = summary(MetricKind.PROPORTION, moments_of([0.0] * 6 + [1.0]), moments_of([0.0]))
    assert arm_interval(shares, 0, 0.9) == share_interval(1, 7, 0.9)
    assert arm_interval(shares, 1, 0.9) == share_interval(0, 1, 0.9)
    means = summary(MetricKind.MEAN, moments_of(ROWS), moments_of(ROWS[:9]))
    assert arm_interval(means, 1, 0.9) == mean_interval(moments_of(ROWS[:9]), 0.9)
    empty = summary(MetricKind.PROPORTION, moments_of(ROWS[:0]), moments_of(ROWS))
    assert arm_interval(empty, 0, 0.9).estimate is None


def test_a_clustered_arm_has_the_interval_of_its_ratio_of_sums() -> None:
    sums = moments_of(ROWS)  # of each cluster: its values, its units
    empty = moments_of(np.zeros((3, 2)))
    clusters = ClusterSums(moments=(sums, empty), bins=None, cross={}, both={})
    arms = summary(MetricKind.MEAN, moments_of([1.0, 2.0, 4.0]), moments_of([7.0, 9.0]))
    found = arm_interval(replace(arms, clusters=clusters), 0, 0.9)
    y, x = ROWS.T
    ratio = y.sum() / x.sum()
    half = stats.t.ppf(0.95, 49) * stats.sem((y - ratio * x) / x.mean())
    assert (found.estimate, found.low, found.high) == pytest.approx((ratio, ratio - half, ratio + half), rel=1e-10)
    # Clusters without a unit tell nothing; the units themselves are then all there is.
    assert arm_interval(replace(arms, clusters=clusters), 1, 0.9) == mean_interval(moments_of([7.0, 9.0]), 0.9)
    none = ClusterSums(moments=(moments_of(ROWS[:0]), sums), bins=None, cross={}, both={})
    assert arm_interval(replace(arms, clusters=none), 0, 0.9) == mean_interval(moments_of([1.0, 2.0, 4.0]), 0.9)


def test_an_arm_has_the_moments_of_the_weighted_columns() -> None:
    weights = np.array([2.0, -0.5])
    units = ROWS @ weights
    found = contract(moments_of(ROWS), weights, 7.0)
    assert (found.n, found.value, found.strata) == (50, 7.0, ())
    assert found.parts == (found,)
    assert found.variance == pytest.approx(units.var(ddof=1), rel=1e-10)
    assert found.variance_of_mean == pytest.approx(units.var(ddof=1) / 50, rel=1e-10)
    assert found.third == pytest.approx(((units - units.mean()) ** 3).mean(), rel=1e-9)


def test_what_rounding_leaves_of_a_constant_is_one() -> None:
    def of(mean: float, sd: float) -> ArmMean:
        return contract(Moments(10, np.array([mean]), np.array([[sd**2 * 9]]), np.zeros((1, 1, 1))), np.ones(1), mean)

    assert of(1e6, 1e-8).variance == 0.0
    assert of(-1e6, 1e-8).variance == 0.0
    assert of(1e6, 1e-5).variance == pytest.approx(1e-10)
    assert of(0.0, 1e-8).variance == pytest.approx(1e-16)
    assert of(0.0, 1e-95).variance == 0.0


def test_an_arm_in_other_units_has_the_powers_of_the_factor() -> None:
    part = ArmMean(n=5, value=2.0, variance=3.0, third=4.0)
    whole = replace(part, n=9, strata=(part, replace(part, n=4)))
    found = whole.scaled(-2.0)
    assert (found.n, found.value, found.variance, found.third) == (9, -4.0, 12.0, -32.0)
    assert found.parts == (part.scaled(-2.0), replace(part, n=4).scaled(-2.0))
    assert found.parts[0] == ArmMean(n=5, value=-4.0, variance=12.0, third=-32.0)
