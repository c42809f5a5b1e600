"""The bootstrap from bins against enumeration, stored Monte Carlo runs and scipy's row-by-row bootstrap."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from abimpact.estimate.bootstrap import _merge_middle, _resampled, bootstrap, mc_error
from abimpact.estimate.estimate import Estimate, Kind
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import EDGEWORTH
from abimpact.summarise.summary import MetricSummary
from tests.estimate.cases import bins_of, cases, moments_of, summary


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
    incumbent, proposed = arms

    def statistic(t: Any, c: Any, axis: int = -1) -> Any:
        return t.mean(axis) - c.mean(axis)

    def ratio(t: Any, t2: Any, c: Any, c2: Any, axis: int = -1) -> Any:
        return t.mean(axis) / t2.mean(axis) - c.mean(axis) / c2.mean(axis)

    n_resamples = 10_000
    if kind is MetricKind.RATIO:
        # scipy resamples pairs only within one sample, so each arm's ratio is bootstrapped alone and subtracted.
        spread = []
        for x in (proposed, incumbent):
            rows = rng.integers(0, ROWS, (n_resamples // 10, ROWS))
            spread.append(np.concatenate([x[rows, 0].mean(1) / x[rows, 1].mean(1)]))
        drawn = spread[0] - spread[1]
        low, high = np.quantile(drawn, (0.025, 0.975))
        error, reference_resamples = drawn.std(), n_resamples // 10
    else:
        reference = scipy_bootstrap(
            (proposed, incumbent),
            statistic,
            n_resamples=n_resamples,
            method="percentile",
            batch=100,
            rng=np.random.default_rng(6),
        )
        low, high = reference.confidence_interval
        error, reference_resamples = reference.standard_error, n_resamples
    found = run(of(kind, incumbent, proposed))
    # The standard error of a 2.5 % quantile of a normal distribution is sqrt(.025 * .975) / phi(1.96) = 2.67 of
    # its own standard deviation over the root of the resamples; both runs have one.
    slack = 3 * 2.67 * error * math.sqrt(1 / 9999 + 1 / reference_resamples)
    assert found.absolute.low == pytest.approx(low, abs=slack)
    assert found.absolute.high == pytest.approx(high, abs=slack)


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


def test_merging_bins_keeps_mean_and_variance_and_bounds_the_skewness_lost() -> None:
    rng = np.random.default_rng(2)
    values = np.round(rng.lognormal(1.0, 1.2, 400_000), 0)
    bins = bins_of(values)
    second = bins.second.copy()
    count, means, per_unit = _merge_middle(bins.count, bins.mean, second, np.ones(1))
    n = count.sum()
    assert n == len(values)
    assert len(count) < len(bins.count)
    mean = count @ means[:, 0] / n
    variance = (count @ (means[:, 0] - mean) ** 2 + count @ per_unit[:, 0, 0]) / n
    assert mean == pytest.approx(values.mean(), rel=1e-12)
    assert variance == pytest.approx(values.var(), rel=1e-12)
    merged = values[values <= np.sort(values)[count[:-1].size]]
    third = abs((((merged - values.mean()) ** 3).sum()) / n) / values.std() ** 3 / math.sqrt(n)
    assert EDGEWORTH * third <= 0.0005


def test_streams_do_not_depend_on_other_metrics_or_on_the_variant_compared() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.lognormal(size=500), rng.lognormal(size=500)
    first, second = run(of(MetricKind.MEAN, x, y)), run(of(MetricKind.MEAN, x, y))
    assert first == second


def test_a_lift_without_an_established_sign_has_no_limits() -> None:
    rng = np.random.default_rng(8)
    found = run(of(MetricKind.MEAN, rng.normal(0.0, 1.0, 100), rng.normal(1.0, 1.0, 100)))
    assert found.relative.kind is Kind.WHOLE
    assert (found.relative.low, found.relative.high) == (None, None)
