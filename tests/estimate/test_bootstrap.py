"""The bootstrap from bins against enumeration, stored Monte Carlo runs and scipy's row-by-row bootstrap."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.bootstrap import MERGED_ERROR, _merge_middle, _resampled, bootstrap, mc_error
from abimpact.estimate.estimate import Estimate, Kind, NotEstimated
from abimpact.estimate.linear import Linear, linearise
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Bins, MetricSummary
from tests.estimate.cases import bins_of, cases, moments_of, summary
from tests.resampled import distribution


def of(kind: MetricKind, incumbent: Any, proposed: Any, **more: Any) -> MetricSummary:
    return summary(
        kind,
        moments_of(incumbent),
        moments_of(proposed),
        bins=(bins_of(incumbent), bins_of(proposed)),
        **more,
    )


def run(whole: MetricSummary, n_resamples: int = 9999) -> Estimate:
    found = bootstrap(whole, 1, level=0.95, n_resamples=n_resamples, seed=1)
    assert isinstance(found, Estimate)
    return found


def linearised(whole: MetricSummary, arm: int) -> Linear:
    found = linearise(whole, arm)
    assert isinstance(found, Linear)
    return found


@cases("exact_multinomial_bootstrap")
def test_the_distribution_is_the_enumerated_one(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    values = np.repeat(given["values"], given["counts"]).astype(float)
    n_resamples = 100_000
    drawn = _resampled(of(MetricKind.MEAN, values, values), 0, np.eye(1), np.ones(1), n_resamples, 3)[0]
    # Four Monte-Carlo standard errors: a wrong distribution is far outside, a right one once in 16,000 seeds.
    assert drawn.mean() == pytest.approx(expected["mean"], abs=4 * math.sqrt(expected["bootstrap_var"] / n_resamples))
    assert drawn.var() == pytest.approx(expected["bootstrap_var"], rel=0.05)
    below = expected["P(mean*<=mean)"]
    slack = 4 * math.sqrt(below * (1 - below) / n_resamples)
    assert (drawn <= expected["mean"] + 1e-9).mean() == pytest.approx(below, abs=slack)


@cases("two_sample_bootstrap_mc")
def test_intervals_agree_with_long_runs(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    found = run(of(MetricKind.MEAN, given["control"], given["treatment"]))
    for interval, name in ((found.absolute, "percentile_95"), (found.relative, "relative_percentile_95")):
        errors = expected["mc_sd_at_B_10000"][name]
        for limit, reference, error in zip((interval.low, interval.high), expected[name], errors, strict=True):
            assert limit == pytest.approx(reference, abs=4 * error)
    p = expected["p_percentile_inversion"]
    assert found.pvalue == pytest.approx(p, abs=4 * mc_error(p, 9999) + 2e-4)


@cases("mc_error_of_p")
def test_monte_carlo_error(case: dict[str, Any]) -> None:
    given = case["inputs"]
    # The case counts 2 sqrt((p/2)(1 - p/2)/B), which is the same number.
    assert mc_error(given["p"], given["B"]) == pytest.approx(case["expected"]["mc_se"], rel=1e-9)


ROWS = 10_000


def revenue(rng: np.random.Generator) -> Any:
    bought = rng.random(ROWS) < 0.1
    return np.where(bought, np.round(rng.lognormal(3.0, 1.0, ROWS), 2), 0.0)


@pytest.mark.parametrize("kind", [MetricKind.MEAN, MetricKind.RATIO, MetricKind.PROPORTION])
def test_intervals_agree_with_scipys_row_by_row_bootstrap(kind: MetricKind) -> None:
    rng = np.random.default_rng(5)
    arms = []
    for _ in range(2):
        x = revenue(rng)
        arms.append(
            {
                MetricKind.MEAN: x,
                MetricKind.PROPORTION: (x > 0).astype(float),
                MetricKind.RATIO: np.column_stack([x, 1.0 + rng.poisson(2.0, ROWS)]),
            }[kind]
        )
    parts = [x if x.ndim == 2 else np.column_stack([x, np.ones(ROWS)]) for x in arms]

    # Row numbers are resampled, so that a ratio's numerator and denominator stay together.
    def statistic(*rows: Any, axis: int = -1) -> Any:
        c, t = (x[i, 0].sum(axis) / x[i, 1].sum(axis) for x, i in zip(parts, rows, strict=True))
        return t - c

    n_resamples = 10_000
    reference = scipy_bootstrap(
        (np.arange(ROWS), np.arange(ROWS)),
        statistic,
        n_resamples=n_resamples,
        method="percentile",
        batch=100,
        rng=np.random.default_rng(6),
    )
    found = run(of(kind, *arms))
    # The standard error of a 2.5 % quantile of a normal distribution is sqrt(.025 * .975) / phi(1.96) = 2.67 of
    # its own standard deviation over the root of the resamples; both runs have one.
    slack = 3 * 2.67 * reference.standard_error * math.sqrt(1 / 9999 + 1 / n_resamples)
    assert found.absolute.low == pytest.approx(reference.confidence_interval.low, abs=slack)
    assert found.absolute.high == pytest.approx(reference.confidence_interval.high, abs=slack)


def test_adjustment_is_resampled_with_its_covariates() -> None:
    rng = np.random.default_rng(9)
    arms = []
    for lift in (0.0, 0.1):
        x = rng.normal(5.0, 2.0, 800)
        arms.append(np.column_stack([x + lift + rng.normal(0.0, 1.0, 800), x]))
    whole = of(MetricKind.MEAN, *arms, covariates=("pre",))
    found = run(whole)
    width = found.absolute.high - found.absolute.low
    plain = run(of(MetricKind.MEAN, arms[0][:, 0], arms[1][:, 0]))
    # The residual's standard deviation is 1 where the value's is sqrt(5).
    assert width / (plain.absolute.high - plain.absolute.low) == pytest.approx(1 / math.sqrt(5), rel=0.1)


def test_adjusted_lifts_agree_with_resampled_rows() -> None:
    rng = np.random.default_rng(10)
    arms = []
    for n, lift in ((300, 0.0), (700, 0.4)):
        x = rng.gamma(2.0, 2.0, n)
        arms.append(np.column_stack([x + lift + rng.exponential(2.0, n), x]))
    c, t = arms
    whole = of(MetricKind.MEAN, c, t, covariates=("pre",))
    found = run(whole)
    adjusted = adjust(linearised(whole, 1), linearised(whole, 0), ("pre",))
    assert isinstance(adjusted, Adjustment)
    (y_t, x_t), (y_c, x_c) = (x[rng.integers(0, len(x), (20_000, len(x)))].mean(axis=1).T for x in (t, c))
    shift = adjusted.theta[0] * (x_t - x_c)
    value_t, value_c = y_t - 0.3 * shift, y_c + 0.7 * shift
    for interval, drawn in ((found.absolute, value_t - value_c), (found.relative, value_t / value_c - 1)):
        slack = 3 * 2.67 * drawn.std() * math.sqrt(1 / 9999 + 1 / 20_000)
        assert [interval.low, interval.high] == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=slack)
        assert interval.estimate == pytest.approx(drawn.mean(), abs=0.05 * drawn.std())


def log_bins(values: Any) -> Bins:
    """Bins a quarter of a doubling wide, as a scan makes them."""
    key = np.sign(values) * np.floor(1 + 4 * np.log2(1 + np.abs(values)))
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    mean = np.bincount(place, values) / count
    second = np.bincount(place, (values - mean[place]) ** 2)
    return Bins(count, mean[:, None], second[:, None, None], np.zeros(len(count)))


def merged_error(bins: Bins, thresholds_per_se: Any) -> tuple[int, float]:
    """How many bins merging saves, and by how much it moves the distribution function."""
    mean = np.column_stack([bins.mean, np.ones(len(bins.count))])
    second = np.pad(bins.second, ((0, 0), (0, 1), (0, 1)))
    before = (bins.count, mean, second / bins.count[:, None, None])
    after = _merge_middle(bins.count, mean, second, np.array([1.0, 0.0]))
    n = bins.count.sum()
    overall = bins.count @ bins.mean[:, 0] / n
    se = math.sqrt((bins.count @ (bins.mean[:, 0] - overall) ** 2 + bins.second.sum()) / n / n)
    at = overall + thresholds_per_se * se
    return len(bins.count) - len(after[0]), float(np.abs(distribution(*after, at) - distribution(*before, at)).max())


@pytest.mark.parametrize("n", [300, 10_000, 300_000])
@pytest.mark.parametrize("tail", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("buying", [0.1, 1.0])
def test_merging_bins_moves_the_distribution_by_less_than_it_says(n: int, tail: float, buying: float) -> None:
    rng = np.random.default_rng(2)
    values = np.where(rng.random(n) < buying, rng.lognormal(2.0, tail, n), 0.0)
    saved, error = merged_error(log_bins(values), np.linspace(-3, 3, 25))
    assert error <= MERGED_ERROR
    assert saved >= (15 if n == 300_000 else 0)


def test_merging_does_not_hide_what_a_whale_leaves_of_the_rest() -> None:
    values = np.append(np.random.default_rng(3).lognormal(0.0, 1.0, 30), 1e4)
    _, error = merged_error(log_bins(values), np.linspace(-1.1, -0.9, 41))
    assert error <= MERGED_ERROR


@pytest.mark.parametrize("n", [100, 18_000, 1_000_000])
def test_values_are_merged_only_where_the_jumps_between_their_sums_are_small(n: int) -> None:
    bins = bins_of(np.repeat([0.0, 1.0], n // 2))
    count = _merge_middle(bins.count, bins.mean, bins.second, np.ones(1))[0]
    half_jump = 0.5 * math.sqrt(2 / (math.pi * n))
    assert len(count) == (1 if half_jump < MERGED_ERROR else 2)


def test_streams_differ_by_metric_and_seed_but_not_by_what_is_compared() -> None:
    rng = np.random.default_rng(4)
    rows = [rng.lognormal(size=500) for _ in range(3)]
    two = of(MetricKind.MEAN, *rows[:2])
    three = replace(
        two,
        variants=("rules", "ml", "other"),
        moments=tuple(map(moments_of, rows)),
        bins=tuple(map(bins_of, rows)),
    )

    def incumbent(whole: MetricSummary, seed: int = 1) -> Any:
        return _resampled(whole, 0, np.eye(1), np.ones(1), 199, seed)

    assert run(two) == run(three)
    np.testing.assert_array_equal(incumbent(two), incumbent(three))
    renamed = replace(two, metric=replace(two.metric, name="another"))
    for other in (incumbent(renamed), incumbent(two, seed=2)):
        assert (other != incumbent(two)).mean() > 0.9


def test_a_ratio_without_denominator_in_some_resample_has_no_bootstrap() -> None:
    rows = np.array([[3.0, 1.0], *[[0.0, 0.0]] * 5])
    found = bootstrap(of(MetricKind.RATIO, rows, rows), 1, level=0.95, n_resamples=999, seed=1)
    assert isinstance(found, NotEstimated)
    assert found.reason == "zero_denominator"


def test_single_units_are_not_resampled_and_zeros_have_no_lift() -> None:
    single = bootstrap(of(MetricKind.MEAN, [1.0], [1.0, 2.0]), 1, level=0.95, n_resamples=99, seed=1)
    assert isinstance(single, NotEstimated)
    found = run(of(MetricKind.MEAN, np.zeros(50), np.arange(50.0)))
    assert found.relative.kind is Kind.UNDEFINED
    assert (found.absolute.low or 0.0) > 0
    assert found.pvalue == pytest.approx(2 / 10_000)


def test_a_p_at_the_threshold_is_drawn_again_and_said_to_be_undecided() -> None:
    x = np.random.default_rng(12).normal(size=400)
    c = (x - x.mean()) / x.std()
    # 1.96 standard errors of the difference apart.
    found = run(of(MetricKind.MEAN, c, c + 1.96 * math.sqrt(2 / 400)))
    assert found.pvalue == pytest.approx(0.05, abs=3 * mc_error(0.05, 4 * 9999))
    assert found.notes == ("undecided at 39,996 resamples: p is within its Monte-Carlo error of 0.05",)


def test_a_lift_without_an_established_sign_has_no_limits() -> None:
    rng = np.random.default_rng(8)
    found = run(of(MetricKind.MEAN, rng.normal(0.0, 1.0, 100), rng.normal(1.0, 1.0, 100)))
    assert found.relative.kind is Kind.WHOLE
    assert (found.relative.low, found.relative.high) == (None, None)
