"""Paired differences against scipy on the rows, and the delta method against its definition."""

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.estimate import Interval, Kind
from abimpact.estimate.paired import bootstrap_paired, effective_size, paired, ratio_of_means, scaled
from tests.estimate.cases import bins_of, moments_of

ROWS = np.random.default_rng(7).normal(0.3, 1.0, (60, 3)) + np.array([0.0, 4.0, 1.0])


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_mean_has_students_interval_and_p(level: float) -> None:
    weights = np.array([1.0, -0.5, 2.0])
    for w, values in ((None, ROWS[:, 0]), (weights, ROWS @ weights)):
        found = paired(moments_of(ROWS), level, w, "mine")
        theirs = stats.ttest_1samp(values, 0.0)
        low, high = theirs.confidence_interval(level)
        i = found.interval
        assert (i.estimate, i.low, i.high) == pytest.approx((values.mean(), low, high), rel=1e-10)
        assert (i.level, i.kind, found.method) == (level, Kind.BOUNDED, "mine")
        assert found.se == pytest.approx(stats.sem(values), rel=1e-10)
        assert found.pvalue == pytest.approx(theirs.pvalue, rel=1e-8)
        assert found.notes == ()


def test_a_skewed_mean_is_told_with_its_skewness() -> None:
    # Of n draws the skewness of their mean is that of one over sqrt(n): 1.5 over 9 is beyond the 0.12 of methods.md k.
    values = np.concatenate([np.zeros(70), np.full(11, 5.0)])
    gamma = stats.skew(values) / 9
    assert gamma > 0.12
    (note,) = paired(moments_of(values), 0.95).notes
    assert f"skewness is {gamma:.2f}," in note
    (note,) = paired(moments_of(-values), 0.95).notes
    assert f"skewness is {-gamma:.2f}," in note
    assert paired(moments_of(np.tile(values, 9)), 0.95).notes == ()


def test_one_unit_has_no_limits_and_what_never_varies_no_spread() -> None:
    one = paired(moments_of([2.5]), 0.9)
    assert (one.interval.estimate, one.interval.low, one.interval.high, one.se, one.pvalue) == (
        2.5,
        None,
        None,
        None,
        None,
    )
    assert one.interval.level == 0.9
    two = paired(moments_of([1.0, 2.0]), 0.9)
    assert two.interval.low == pytest.approx(stats.ttest_1samp([1.0, 2.0], 0.0).confidence_interval(0.9)[0])
    for value, pvalue in ((3.0, 0.0), (-3.0, 0.0), (0.0, None)):
        same = paired(moments_of([value] * 5), 0.9, method="mine")
        i = same.interval
        assert (i.estimate, i.low, i.high, i.level) == (value, value, value, 0.9)
        assert (same.se, same.pvalue, same.method) == (0.0, pvalue, "mine")


def test_a_ratio_of_means_less_a_mean_is_that_of_its_influence() -> None:
    top, bottom, less = ROWS[:, 1], ROWS[:, 2] + 5, ROWS[:, 0]
    found = ratio_of_means(moments_of(np.column_stack([less, top, bottom])), 1, 2, 0, 0.9, "weighted")
    ratio = top.mean() / bottom.mean()
    influence = (top - ratio * bottom) / bottom.mean() - less
    value, se = ratio - less.mean(), stats.sem(influence)
    half = stats.t.ppf(0.95, 59) * se
    i = found.interval
    assert (i.estimate, i.low, i.high) == pytest.approx((value, value - half, value + half), rel=1e-10)
    assert (found.se, found.method, i.level) == (pytest.approx(se, rel=1e-10), "weighted", 0.9)
    assert found.pvalue == pytest.approx(2 * stats.t.sf(abs(value) / se, 59), rel=1e-8)


def test_a_ratio_needs_two_units_and_a_denominator() -> None:
    columns = np.column_stack([ROWS[:, 0], ROWS[:, 1], np.zeros(60)])
    for rows in (columns, columns[:1] + 1):
        found = ratio_of_means(moments_of(rows), 1, 2, 0, 0.9, "weighted")
        i = found.interval
        assert (i.estimate, i.low, i.high, i.level) == (0.0, None, None, 0.9)
        assert (found.se, found.pvalue, found.method) == (None, None, "weighted")
    # Where nothing varies, nothing is tested.
    flat = ratio_of_means(moments_of(np.tile([1.0, 4.0, 2.0], (5, 1))), 1, 2, 0, 0.9, "weighted")
    assert (flat.interval.estimate, flat.interval.low, flat.pvalue) == (1.0, 1.0, None)


def test_the_bootstrap_of_a_mean_has_its_estimate_and_deviation() -> None:
    values = ROWS[:, 0].round(1)
    found = bootstrap_paired(bins_of(values), 0.9, n_resamples=4_999, seed=1, key="a")
    assert found.interval.estimate == pytest.approx(values.mean(), rel=1e-12)
    plugin = values.std() / np.sqrt(len(values))
    assert found.se == pytest.approx(plugin, rel=0.05)  # five Monte-Carlo errors of 1 / sqrt(2 B)
    assert found.method == "bootstrap"
    assert found.interval.level == 0.9
    # Percentiles of a mean of 60 are near the normal ones; 0.1 se is five Monte-Carlo errors.
    z = stats.norm.ppf(0.95)
    assert found.interval.low == pytest.approx(values.mean() - z * plugin, abs=0.15 * plugin)
    assert found.interval.high == pytest.approx(values.mean() + z * plugin, abs=0.15 * plugin)
    assert found.pvalue == pytest.approx(2 * stats.norm.sf(values.mean() / plugin), rel=1.0)
    again, other = (bootstrap_paired(bins_of(values), 0.9, n_resamples=4_999, seed=1, key=k) for k in "ab")
    assert again == found != other
    assert bootstrap_paired(bins_of(values), 0.9, n_resamples=4_999, seed=2, key="a") != found


def test_an_interval_in_other_units_turns_round_with_their_sign() -> None:
    given = Interval(estimate=1.0, low=-2.0, high=5.0, level=0.9, kind=Kind.EXCLUSIVE)
    assert scaled(given, 2.0) == Interval(estimate=2.0, low=-4.0, high=10.0, level=0.9, kind=Kind.EXCLUSIVE)
    assert scaled(given, -1.0) == Interval(estimate=-1.0, low=-5.0, high=2.0, level=0.9, kind=Kind.EXCLUSIVE)
    none = Interval(estimate=1.0, low=None, high=None, level=0.9)
    assert scaled(none, 0.0) == Interval(estimate=0.0, low=None, high=None, level=0.9)


def test_kishs_effective_size_is_the_number_of_equal_weights() -> None:
    for weights, size in (([2.0] * 7, 7.0), ([3.0, 1.0], 1.6), ([0.0], 0.0)):
        w = np.array(weights)
        assert effective_size([w.sum(), (w**2).sum()]) == pytest.approx(size)
