"""Results that hold however often one looks: against reference numbers, and simulated looks through `estimate`."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from abimpact.estimate.monitor import AlwaysValid, GroupSequential, Monitor
from abimpact.estimate.sequential import Spending, boundaries
from abimpact.estimate.table import ONE_LOOK, Comparison, estimate
from abimpact.spec.metric import MetricKind, Tolerance
from abimpact.summarise.summary import MetricSummary, Moments
from tests.estimate.cases import cases, moments, summary

CALM = AlwaysValid(20_000.0)


@cases("confidence_sequence")
def test_confidence_sequence(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    n, alpha, monitor = given["n_total"], given["alpha"], AlwaysValid(given["tuning"])
    z = given["estimate"] / given["se"]
    assert monitor.critical(n, alpha) == pytest.approx(expected["critical_z"], rel=1e-9)
    assert monitor.pvalue(z, n, alpha) == pytest.approx(expected["p_value"], rel=1e-9)
    assert monitor.one_sided_critical(n, alpha) == pytest.approx(expected["critical_z_one_sided"], rel=1e-9)
    assert monitor.one_sided_pvalue(z, n, alpha) == pytest.approx(expected["p_one_sided_greater"], rel=1e-9)


@pytest.mark.parametrize("spending", list(Spending))
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_repeated_p_is_dual_to_its_boundary(spending: Spending, alpha: float) -> None:
    monitor = GroupSequential((0.25, 0.6), spending)
    edge = monitor.critical(0, alpha)
    assert edge == pytest.approx(boundaries((0.25, 0.6), alpha, spending).z[-1])
    # 24 halvings of 12 decades on a logarithmic scale: 2e-6 relative.
    assert monitor.pvalue(edge, 0, alpha) == pytest.approx(alpha, rel=1e-5)
    assert monitor.pvalue(edge + 0.01, 0, alpha) < alpha < monitor.pvalue(edge - 0.01, 0, alpha)


def means(n_c: int, n_t: int, effect: float, skewness: float = 0.0) -> MetricSummary:
    """Two arms of units with variance 4 around 10."""

    def arm(n: int, mean: float) -> Moments:
        return replace(moments(n, mean, 4.0), third=np.full((1, 1, 1), skewness * 8.0 * n))

    found = summary(MetricKind.MEAN, arm(n_c, 10.0), arm(n_t, 10.0 + effect))
    return replace(found, nonzero=(n_c, n_t))


def looked_at(found: MetricSummary, monitor: Monitor | None) -> Comparison:
    return estimate(found, 1, level=0.95, n_resamples=0, seed=0, monitor=monitor)


def test_the_chosen_estimate_holds_at_every_look_and_the_others_say_that_they_do_not() -> None:
    found = looked_at(means(10_000, 10_000, 0.1), CALM)
    assert found.chosen == "sequential"
    once, chosen = found.estimates
    half = CALM.critical(20_000, 0.05) * np.sqrt(8.0 / 10_000)
    assert (chosen.absolute.low, chosen.absolute.high) == pytest.approx((0.1 - half, 0.1 + half))
    assert ONE_LOOK in once.notes
    assert chosen.pvalue == pytest.approx(CALM.pvalue(0.1 / np.sqrt(8.0 / 10_000), 20_000, 0.05))


@pytest.mark.parametrize("monitor", [CALM, GroupSequential((0.3, 0.7), Spending.POCOCK)])
def test_p_interval_and_lift_agree(monitor: Monitor) -> None:
    for effect in np.linspace(0.0, 0.2, 41):
        chosen = looked_at(means(10_000, 8_000, float(effect)), monitor).estimates[-1]
        assert chosen.pvalue is not None
        assert chosen.absolute.low is not None
        assert chosen.relative.low is not None
        assert (chosen.pvalue < 0.05) == (chosen.absolute.low > 0) == (chosen.relative.low > 0)


def test_margins_hold_at_every_look() -> None:
    found = means(10_000, 10_000, -0.05)
    guarded = replace(found, metric=replace(found.metric, margin=Tolerance(amount=0.02, is_relative=True)))
    once, looked = looked_at(guarded, None).guardrail, looked_at(guarded, CALM).guardrail
    assert once
    assert looked
    assert once.bound is not None
    assert looked.bound is not None
    assert looked.bound < once.bound
    z = (9.95 - 0.98 * 10.0) / np.sqrt(4e-4 * (1 + 0.98**2))
    assert looked.pvalue_safe == pytest.approx(CALM.one_sided_pvalue(z, 20_000, 0.05))
    assert once.pvalue_safe < looked.pvalue_safe


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (means(5_000, 90, 0.0), "ml has 90 units"),
        (replace(means(500, 500, 0.0), nonzero=(20, 20)), "20 of them not 0"),
        (means(50_000, 1_000, 0.0, skewness=30.0), "too skewed"),
    ],
)
def test_too_early_a_look_claims_nothing(found: MetricSummary, said: str) -> None:
    refused = looked_at(found, CALM)
    assert refused.chosen is None
    assert refused.not_estimated
    assert refused.not_estimated.reason == "too_early"
    assert said in refused.not_estimated.message
    assert looked_at(found, GroupSequential((0.5,), Spending.POCOCK)).chosen == "sequential"


@pytest.mark.parametrize(
    "monitors",
    [
        [CALM] * 20,
        [GroupSequential(tuple((i + 1) / 20 for i in range(k + 1)), Spending.OBRIEN_FLEMING) for k in range(20)],
    ],
    ids=["always-valid", "group"],
)
def test_looking_twenty_times_errs_as_rarely_as_promised(monitors: list[Monitor]) -> None:
    # 20,000 tests without an effect, 20 looks each: the share that ever rejects has a standard error below 0.0016.
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.standard_normal((20_000, 20)), axis=1) / np.sqrt(np.arange(1, 21))
    bounds = np.array([m.critical(1_000 * (k + 1), 0.05) for k, m in enumerate(monitors)])
    assert (np.abs(walks) >= bounds).any(axis=1).mean() <= 0.05 + 4 * 0.0016
    # Looking so often at a fixed test errs in about a quarter of the tests.
    assert (np.abs(walks) >= norm.ppf(0.975)).any(axis=1).mean() > 0.2


def test_planned_looks_at_skewed_units_are_widened_as_one_look_would_be() -> None:
    monitor = GroupSequential((0.5,), Spending.POCOCK)
    # Gamma is 30 * 0.031 here: without the correction the smaller variant's missing tail reads as an effect.
    skewed, calm = (looked_at(means(50_000, 1_000, -0.1, skewness=s), monitor) for s in (30.0, 0.0))
    limits, plain = skewed.estimates[-1].absolute, calm.estimates[-1].absolute
    assert skewed.chosen == "sequential"
    assert limits.low == pytest.approx(plain.low)
    assert limits.high is not None
    assert plain.high is not None
    assert limits.high > plain.high + 0.05
    for effect in np.linspace(-1.0, 1.0, 81):
        chosen = looked_at(means(50_000, 1_000, float(effect), skewness=30.0), monitor).estimates[-1]
        assert chosen.pvalue is not None
        excluded = [i.low > 0 or i.high < 0 for i in (chosen.absolute, chosen.relative) if i.low and i.high]
        assert excluded == [chosen.pvalue < 0.05] * 2
