"""Post-stratified estimates: against references, against rows, and where pooling would invent an effect."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abimpact.estimate.proportion import Counts, StratifiedCounts, score, score_ratio_z, score_z
from abimpact.estimate.stratified import PostStratified, post_stratified
from abimpact.estimate.table import Comparison, estimate, standard_error
from abimpact.spec.metric import MetricKind, Tolerance
from abimpact.summarise.summary import MetricSummary, Moments, Strata
from tests.estimate.cases import cases, moments, moments_of, summary

LEVEL = 0.95
NAMES = tuple("abcdefgh")


def stratified(
    kind: MetricKind, strata: list[tuple[Moments, Moments]], *, phases: Any = None, covariates: tuple[str, ...] = ()
) -> MetricSummary:
    """A summary of strata, each (incumbent, proposed)."""
    arms = [sum((s[arm] for s in strata[1:]), start=strata[0][arm]) for arm in (0, 1)]
    found = Strata(
        by="phase",
        names=NAMES[: len(strata)],
        phases=tuple(phases or [0] * len(strata)),
        moments=tuple(strata),
    )
    return replace(summary(kind, arms[0], arms[1], covariates=covariates), strata=found)


def compared(whole: MetricSummary, **given: Any) -> Comparison:
    return estimate(whole, 1, level=LEVEL, n_resamples=99, seed=0, **given)


@cases("post_stratification")
def test_references(case: Any) -> None:
    strata = [
        tuple(moments(s[a]["n"], s[a]["mean"], s[a]["var"]) for a in ("control", "treatment"))
        for s in case["inputs"]["strata"]
    ]
    expected, tolerance = case["expected"], {k: case["tolerance"][k] for k in ("rel", "abs")}
    whole = stratified(MetricKind.MEAN, strata)  # type: ignore[arg-type]
    found = compared(whole).estimates[0]
    assert found.method == "welch"
    assert found.absolute.estimate == pytest.approx(expected["difference"], **tolerance)
    assert found.se == pytest.approx(expected["se_superpopulation"], **tolerance)
    assert standard_error(whole, 1, 0, LEVEL) == pytest.approx(expected["se_superpopulation"], **tolerance)
    assert found.notes[0] == f"stratified by phase ({len(strata)} strata)"


def rows(rng: np.random.Generator, n: int, width: int, mean: float) -> Any:
    x = rng.gamma(2.0, mean / 2, (n, width))
    x[:, 1:] += 0.5 * x[:, :1] + 1
    return x


@pytest.mark.parametrize("kind", [MetricKind.MEAN, MetricKind.RATIO])
def test_one_stratum_is_no_stratification(kind: MetricKind) -> None:
    rng = np.random.default_rng(3)
    c, t = (moments_of(rows(rng, n, 3, 4.0)) for n in (300, 200))
    covariates = ("x",) if kind is MetricKind.RATIO else ("x", "y")
    plain = compared(summary(kind, c, t, covariates=covariates)).estimates
    found = compared(stratified(kind, [(c, t)], covariates=covariates)).estimates
    assert [e.method for e in found] == [e.method for e in plain]
    for one, other in zip(found, plain, strict=True):
        for interval in ("absolute", "relative"):
            for limit in ("estimate", "low", "high"):
                pair = (getattr(getattr(e, interval), limit) for e in (one, other))
                assert next(pair) == pytest.approx(next(pair), rel=1e-9)
        # Welch's df, and p through it, are the same formula in another order of summation.
        assert one.pvalue == pytest.approx(other.pvalue, rel=1e-6)


def test_covariance_of_the_effect_is_that_of_its_arms() -> None:
    """V_t + V_c - 2 Cov = se^2 (methods.md d), strata, covariates and random shares included."""
    rng = np.random.default_rng(4)
    strata = [
        (moments_of(rows(rng, n, 2, mean)), moments_of(rows(rng, m, 2, mean + 1)))
        for n, m, mean in ((200, 40, 3.0), (150, 150, 8.0))
    ]
    from abimpact.estimate.adjusted import Adjustment, adjust
    from abimpact.estimate.linear import Linear, linearise

    found = post_stratified(stratified(MetricKind.MEAN, strata, covariates=("x",)), 1)
    assert isinstance(found, tuple)
    c, t = (linearise(found[0], arm) for arm in (0, 1))
    assert isinstance(c, Linear)
    assert isinstance(t, Linear)
    adjusted = adjust(t, c, ("x",))
    assert isinstance(adjusted, Adjustment)
    diff = adjusted.difference
    variance = diff.t.variance_of_mean + diff.c.variance_of_mean - 2 * diff.covariance
    assert variance == pytest.approx(diff.se**2, rel=1e-9)
    # By hand: residuals of each stratum, the slope given.
    theta, shares, n = adjusted.theta[0], np.array([240, 300]) / 540, 540
    r = np.array([1.0, -theta])
    means = np.array([[r @ m.mean for m in pair] for pair in strata])
    gaps = means[:, 1] - means[:, 0]
    assert diff.estimate == pytest.approx(shares @ gaps, rel=1e-9)
    by_hand = sum(w**2 * sum(r @ m.covariance @ r / m.n for m in p) for w, p in zip(shares, strata, strict=True))
    by_hand += shares @ (gaps - shares @ gaps) ** 2 / n
    assert diff.se**2 / adjusted.inflation == pytest.approx(by_hand, rel=1e-9)


def test_ramp_with_a_moving_baseline_has_no_effect() -> None:
    """1, 10, 50 % in ml while conversion moves from 5 to 6 %: pooled +5.6 %, stratified nothing."""
    phases = [(99_000, 1_000, 0.05), (90_000, 10_000, 0.055), (50_000, 50_000, 0.06)]
    strata = [tuple(moments(n, p, p * (1 - p) * n / (n - 1)) for n in (c, t)) for c, t, p in phases]
    pooled = (
        sum(s[1].mean[0] * s[1].n for s in strata) / 61_000 / (sum(s[0].mean[0] * s[0].n for s in strata) / 239_000) - 1
    )
    assert pooled > 0.05
    for kind in (MetricKind.PROPORTION, MetricKind.MEAN):
        whole = stratified(kind, strata, phases=range(3))  # type: ignore[arg-type]
        found = compared(whole)
        assert found.estimates[-1].relative.estimate == pytest.approx(0, abs=1e-9)
        assert found.values == pytest.approx((0.055, 0.055))
        assert "not resampled: units are binned over all strata together" in found.estimates[-1].notes
        assert all(e.method != "bootstrap" for e in found.estimates)


def test_stratified_score_is_dual_and_reduces_to_the_plain_one() -> None:
    one = Counts(x_t=56, n_t=70, x_c=48, n_c=80)
    alone = StratifiedCounts(strata=(one,), shares=(1.0,))
    assert score_z(alone, 0.1) == pytest.approx(score_z(one, 0.1), rel=1e-12)
    assert score_ratio_z(alone, 1.3) == pytest.approx(score_ratio_z(one, 1.3), rel=1e-12)
    two = StratifiedCounts(strata=(one, Counts(x_t=5, n_t=40, x_c=30, n_c=200)), shares=(150 / 390, 240 / 390))
    # At no difference and at ratio 1 the hypotheses are the same.
    assert score_z(two) == pytest.approx(score_ratio_z(two, 1.0), rel=1e-12)
    for level in (0.5, 0.9, 0.95, 0.99):
        found = score(two, level)
        assert not hasattr(found, "reason")
        for interval in (found.absolute, found.relative):  # type: ignore[union-attr]
            assert (interval.low > 0 or interval.high < 0) == (found.pvalue < 1 - level)  # type: ignore[union-attr]
    # Wald's standard error by hand.
    v = [p * (1 - p) / n for p, n in ((56 / 70, 70), (48 / 80, 80), (5 / 40, 40), (30 / 200, 200))]
    w, d = (150 / 390, 240 / 390), (56 / 70 - 48 / 80, 5 / 40 - 30 / 200)
    mean = w[0] * d[0] + w[1] * d[1]
    shares = w[0] * (d[0] - mean) ** 2 + w[1] * (d[1] - mean) ** 2
    assert two.se == pytest.approx(math.sqrt(w[0] ** 2 * (v[0] + v[1]) + w[1] ** 2 * (v[2] + v[3]) + shares / 390))


def test_a_small_stratum_is_merged_into_its_neighbour_and_named() -> None:
    rng = np.random.default_rng(5)
    sizes = [(50, 1), (60, 70), (40, 0), (30, 30)]
    strata = [tuple(moments_of(rng.normal(5, 1, n)) for n in pair) for pair in sizes]
    notes = compared(stratified(MetricKind.MEAN, strata)).estimates[0].notes  # type: ignore[arg-type]
    assert notes[:2] == ("stratified by phase (2 strata)", "merged into their neighbours for want of units: a, c")
    merged = [tuple(strata[0][i] + strata[1][i] + strata[2][i] for i in (0, 1)), strata[3]]
    one, other = (compared(stratified(MetricKind.MEAN, s)).estimates[0] for s in (strata, merged))  # type: ignore[arg-type]
    assert one.absolute == other.absolute


def test_a_phase_of_one_variant_is_left_out() -> None:
    rng = np.random.default_rng(6)
    sizes = [(500, 0), (60, 70), (30, 30)]
    strata = [tuple(moments_of(rng.normal(9 - 4 * (i > 0), 1, n)) for n in pair) for i, pair in enumerate(sizes)]
    found = compared(stratified(MetricKind.MEAN, strata, phases=range(3)))  # type: ignore[arg-type]
    assert found.units == (90, 100)
    assert "left out, as only one of the variants ran: a (500 units)" in found.estimates[0].notes
    only = compared(stratified(MetricKind.MEAN, strata[:1], phases=range(1)))  # type: ignore[arg-type]
    assert only.not_estimated is not None
    assert only.not_estimated.reason == "no_common_stratum"


def test_quantiles_are_refused_over_phases_only() -> None:
    c, t = (moments_of(np.arange(10.0)) for _ in range(2))
    whole = stratified(MetricKind.QUANTILE, [(c, t), (c, t)], phases=range(2))
    assert compared(whole).not_estimated.reason == "not_stratified"  # type: ignore[union-attr]
    found = post_stratified(stratified(MetricKind.QUANTILE, [(c, t), (c, t)]), 1)
    assert isinstance(found, tuple)
    assert "a quantile is that of all units" in found[1][0]


def test_margins_of_stratified_metrics() -> None:
    """A guardrail's bound is the one-sided limit of the same estimate."""
    rng = np.random.default_rng(7)
    strata = [tuple(moments_of(rng.gamma(2, 3, n)) for n in pair) for pair in ((900, 90), (500, 500))]
    whole = stratified(MetricKind.MEAN, strata)  # type: ignore[arg-type]
    metric = replace(whole.metric, margin=Tolerance(amount=0.5, is_relative=False))
    found = compared(replace(whole, metric=metric))
    one_sided = estimate(whole, 1, level=0.9, n_resamples=0, seed=0).estimates[-1].absolute
    assert found.guardrail is not None
    assert found.guardrail.bound == pytest.approx(one_sided.low, rel=1e-9)


@pytest.mark.slow
def test_coverage_over_a_ramp() -> None:
    """95 % intervals hold the truth in 95 % of 2,000 simulated ramps of skewed values (standard error 0.5 points)."""
    rng = np.random.default_rng(8)
    runs, held = 2_000, 0
    for _ in range(runs):
        sizes = ((950, 50), (900, 100), (500, 500))
        strata = []
        for k, (n, m) in enumerate(sizes):
            size = rng.poisson(n + m)
            ml = rng.binomial(size, m / (n + m))
            strata.append((moments_of(rng.gamma(2, 2 + k, size - ml)), moments_of(rng.gamma(2, 2 + k, ml))))
        found = compared(stratified(MetricKind.MEAN, strata, phases=range(3)))
        held += found.estimates[0].absolute.low <= 0 <= found.estimates[0].absolute.high  # type: ignore[operator]
    assert 0.93 <= held / runs <= 0.965


def test_effective_moments_are_those_of_the_weighted_mean() -> None:
    rng = np.random.default_rng(9)
    strata = [tuple(moments_of(rng.normal(3 * k, 1, n)) for n in (40 + k, 30)) for k in range(3)]
    found = post_stratified(stratified(MetricKind.MEAN, strata), 1)  # type: ignore[arg-type]
    assert isinstance(found, tuple)
    t = found[0].moments[1]
    assert isinstance(t, PostStratified)
    shares = np.array([m.n + c.n for c, m in strata]) / sum(m.n + c.n for c, m in strata)
    assert t.mean == pytest.approx(shares @ np.stack([m.mean for _, m in strata]))
