"""Margins of every kind against one-sided tests by scipy, and where a relative margin means nothing."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.estimate import Margin
from abimpact.estimate.margin import (
    Thresholds,
    looked_at_thresholds,
    mean_thresholds,
    proportion_thresholds,
    quantile_thresholds,
)
from abimpact.estimate.margin import (
    test_margin as margin_of,
)
from abimpact.estimate.monitor import AlwaysValid
from abimpact.estimate.proportion import Counts, difference_interval, lift_interval, score_ratio_z, score_z
from abimpact.estimate.skewed import skew_of
from abimpact.estimate.welch import difference
from abimpact.spec.metric import Better, Tolerance
from tests.estimate.cases import arm

T, C = arm(400, 10.3, 9.0), arm(300, 10.0, 16.0)
V_T, V_C = 9.0 / 400, 16.0 / 300


def of_means(*, is_relative: bool, **more: Any) -> Thresholds:
    found = mean_thresholds(difference(T, C), is_relative=is_relative, is_skewed=False, inflation=1.0, **more)
    assert found is not None
    return found


@pytest.mark.parametrize("side", [1, -1])
def test_a_mean_is_held_against_a_threshold_by_welchs_test(side: int) -> None:
    shifted = stats.ttest_ind_from_stats(
        10.3 - 0.5, 3, 400, 10.0, 4, 300, equal_var=False, alternative="greater" if side > 0 else "less"
    )
    assert of_means(is_relative=False).pvalue(0.5, side) == pytest.approx(shifted.pvalue, rel=1e-9)
    # A lift above 5 % is 1.05 times the incumbent's value below the other's.
    scaled = stats.ttest_ind_from_stats(
        10.3, 3, 400, 10.5, 4.2, 300, equal_var=False, alternative="greater" if side > 0 else "less"
    )
    assert of_means(is_relative=True).pvalue(0.05, side) == pytest.approx(scaled.pvalue, rel=1e-9)


def test_of_a_negative_value_a_lift_is_over_its_size() -> None:
    negative = mean_thresholds(
        difference(arm(400, -9.7, 9.0), arm(300, -10.0, 16.0)), is_relative=True, is_skewed=False, inflation=1.0
    )
    assert negative is not None
    # 5 % above -10 is -9.5.
    test = stats.ttest_ind_from_stats(-9.7, 3, 400, -9.5, 4 * 0.95, 300, equal_var=False, alternative="greater")
    assert negative.pvalue(0.05, 1) == pytest.approx(test.pvalue, rel=1e-9)


def test_a_relative_margin_needs_a_value_whose_sign_is_known() -> None:
    se = 4 / math.sqrt(300)
    df = difference(T, C).df
    edge = stats.t.ppf(0.975, df) * se
    for value, is_known in ((edge * 1.01, True), (-edge * 1.01, True), (edge * 0.99, False), (-edge * 0.99, False)):
        diff = difference(T, arm(300, value, 16.0))
        found = mean_thresholds(diff, is_relative=True, is_skewed=False, inflation=1.0)
        assert (found is not None) == is_known
        assert mean_thresholds(diff, is_relative=False, is_skewed=False, inflation=1.0) is not None


@pytest.mark.parametrize("better", list(Better))
def test_a_margin_is_two_one_sided_tests_and_the_bound_towards_the_worse(better: Better) -> None:
    found = margin_of(of_means(is_relative=False), Tolerance(amount=0.4, is_relative=False), better, 0.95)
    above, below = (of_means(is_relative=False).pvalue(x, side) for x, side in ((-0.4, 1), (0.4, -1)))
    interval = of_means(is_relative=False).interval(0.9)
    is_higher = better is Better.HIGHER
    assert found == Margin(
        margin=0.4,
        is_relative=False,
        level=0.95,
        bound=interval.low if is_higher else interval.high,
        pvalue_safe=above if is_higher else below,
        pvalue_worse=of_means(is_relative=False).pvalue(-0.4 if is_higher else 0.4, -1 if is_higher else 1),
        pvalue_equivalent=max(above, below),
    )
    half = stats.t.ppf(0.95, difference(T, C).df) * math.sqrt(V_T + V_C)
    assert found.bound == pytest.approx(0.3 - half if is_higher else 0.3 + half, rel=1e-9)


@pytest.mark.parametrize(
    ("safe", "worse", "equivalent", "expected"),
    [
        (0.049, 0.9, 0.049, (True, False, True)),
        (0.051, 0.9, 0.051, (False, False, False)),
        (0.9, 0.024, 0.9, (False, True, False)),
        (0.9, 0.026, 0.9, (False, False, False)),
    ],
)
def test_what_a_margin_shows(safe: float, worse: float, equivalent: float, expected: tuple[bool, bool, bool]) -> None:
    found = Margin(
        margin=1.0, is_relative=False, level=0.95, bound=None, pvalue_safe=safe, pvalue_worse=worse,
        pvalue_equivalent=equivalent,
    )  # fmt: skip
    assert (found.is_safe, found.is_worse, found.is_equivalent) == expected


@pytest.mark.parametrize("covariance", [0.0, 0.01])
@pytest.mark.parametrize("side", [1, -1])
def test_quantiles_are_held_against_thresholds_by_the_normal_law(covariance: float, side: int) -> None:
    absolute = quantile_thresholds(T, C, covariance, is_relative=False)
    relative = quantile_thresholds(T, C, covariance, is_relative=True)
    assert absolute is not None
    assert relative is not None
    z = side * (0.3 - 0.5) / math.sqrt(V_T + V_C - 2 * covariance)
    assert absolute.pvalue(0.5, side) == pytest.approx(stats.norm.sf(z), rel=1e-9)
    z = side * (10.3 - 10.5) / math.sqrt(V_T + 1.05**2 * V_C - 2 * 1.05 * covariance)
    assert relative.pvalue(0.05, side) == pytest.approx(stats.norm.sf(z), rel=1e-9)
    half = stats.norm.ppf(0.95) * math.sqrt(V_T + V_C - 2 * covariance)
    interval = absolute.interval(0.9)
    assert (interval.low, interval.high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-9)


def test_proportions_are_held_against_thresholds_by_their_score() -> None:
    counts = Counts(x_t=60, n_t=400, x_c=40, n_c=300)
    absolute, relative = (proportion_thresholds(counts, is_relative=r) for r in (False, True))
    for side in (1, -1):
        assert absolute.pvalue(0.01, side) == pytest.approx(stats.norm.sf(side * score_z(counts, 0.01)), rel=1e-12)
        expected = stats.norm.sf(side * score_ratio_z(counts, 1.1))
        assert relative.pvalue(0.1, side) == pytest.approx(expected, rel=1e-12)
    assert absolute.interval(0.9) == difference_interval(counts, 0.9)
    assert relative.interval(0.9) == lift_interval(counts, 0.9)


def test_looked_at_often_the_one_sided_values_of_the_monitor_take_their_place() -> None:
    diff, monitor = difference(T, C), AlwaysValid(5_000.0)
    found = looked_at_thresholds(diff, monitor, 0.95, None, is_relative=False)
    assert found is not None
    z = (0.3 + 0.4) / diff.se
    assert found.pvalue(-0.4, 1) == pytest.approx(monitor.one_sided_pvalue(z, 700, 0.05), rel=1e-12)
    half = monitor.one_sided_critical(700, 0.05) * diff.se
    interval = found.interval(0.5)  # it is that of the level of all looks, whatever is asked
    assert (interval.low, interval.high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-12)
    edge = monitor.one_sided_critical(700, 0.05) * math.sqrt(V_C)
    for value, is_known in ((edge * 1.01, True), (edge * 0.99, False)):
        its = difference(T, arm(300, value, 16.0))
        assert (looked_at_thresholds(its, monitor, 0.95, None, is_relative=True) is not None) == is_known


def test_skewed_units_widen_the_bound_and_raise_the_p_on_the_far_side() -> None:
    t, c = arm(100, 10.3, 9.0, 60.0), arm(3_000, 10.0, 9.0, 60.0)
    diff = difference(t, c)
    gamma = skew_of(t, c, diff.se).gamma
    assert gamma > 0.12
    skewed, plain = (
        mean_thresholds(diff, is_relative=r, is_skewed=s, inflation=1.0) for r, s in ((False, True), (False, False))
    )
    assert skewed is not None
    assert plain is not None
    # Skewed to the right, the truth may lie farther above than Welch's limit: a change below a threshold is harder.
    assert skewed.pvalue(1.5, -1) > plain.pvalue(1.5, -1)
    assert skewed.pvalue(-1.5, 1) == plain.pvalue(-1.5, 1)
    one, other = skewed.interval(0.9), plain.interval(0.9)
    assert (one.low, (one.high or 0) > (other.high or 0)) == (other.low, True)
    looked = looked_at_thresholds(diff, AlwaysValid(5_000.0), 0.95, skew_of(t, c, diff.se), is_relative=False)
    calm = looked_at_thresholds(diff, AlwaysValid(5_000.0), 0.95, None, is_relative=False)
    assert looked is not None
    assert calm is not None
    assert looked.pvalue(1.5, -1) > calm.pvalue(1.5, -1)
    assert np.isfinite(looked.pvalue(-1.5, 1))
