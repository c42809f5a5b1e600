"""Adjustment: what is dropped or refused and by how much it narrows, against the rows."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.clustered import by_cluster
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.kinds import compare_linear
from abimpact.estimate.linear import Linear, linearise
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import ClusterSums, MetricSummary
from tests.estimate.cases import moments_of, summary

RNG = np.random.default_rng(9)


def arm(n: int, *, effect: float = 0.0, shift: float = 0.0) -> np.ndarray:
    """A value, a covariate that explains most of it, another, and the sum of both."""
    x, z = RNG.normal(shift, 1, n), RNG.normal(0, 1, n)
    return np.column_stack([20 + effect + 2 * x + z + RNG.normal(0, 0.5, n), x, z, x + z])


C, T = arm(200), arm(150, effect=0.3)


def pair(columns: int, c: np.ndarray = C, t: np.ndarray = T) -> tuple[MetricSummary, Linear, Linear]:
    names = ("x", "z", "both")[: columns - 1]
    found = summary(MetricKind.MEAN, moments_of(c[:, :columns]), moments_of(t[:, :columns]), covariates=names)
    one, other = linearise(found, 1), linearise(found, 0)
    assert isinstance(one, Linear)
    assert isinstance(other, Linear)
    return found, one, other


def adjusted(columns: int) -> Adjustment:
    found, t, c = pair(columns)
    result = adjust(t, c, found.covariates)
    assert isinstance(result, Adjustment)
    return result


def test_the_slope_minimises_the_variance_of_the_adjusted_difference() -> None:
    found = adjusted(3)

    def variance(theta: np.ndarray) -> float:
        return sum(float((a[:, 0] - a[:, 1:3] @ theta).var(ddof=1)) / len(a) for a in (C, T))

    best = variance(found.theta)
    for step in np.vstack([np.eye(2), -np.eye(2)]) * 0.01:
        assert variance(found.theta + step) > best
    gap = T[:, 1:3].mean(axis=0) - C[:, 1:3].mean(axis=0)
    assert found.difference.estimate == pytest.approx(T[:, 0].mean() - C[:, 0].mean() - found.theta @ gap, rel=1e-9)
    s_xx = sum(np.cov(a[:, 1:3].T) / len(a) for a in (C, T))
    df = found.difference.df + 2
    inflation = (1 + gap @ np.linalg.solve(s_xx, gap) / df) / (1 - 2 / df)
    assert found.inflation == pytest.approx(inflation, rel=1e-9)
    assert found.difference.se == pytest.approx(np.sqrt(inflation * best), rel=1e-9)
    plain = sum(a[:, 0].var(ddof=1) / len(a) for a in (C, T))
    assert found.variance_reduction == pytest.approx(1 - inflation * best / plain, rel=1e-9)
    assert found.dropped == ()


def test_a_combination_of_others_is_dropped_and_named() -> None:
    found, without = adjusted(4), adjusted(3)
    assert found.dropped == ("both",)
    assert found.theta == pytest.approx([*without.theta, 0.0])
    assert (found.difference.se, found.difference.df) == pytest.approx((without.difference.se, without.difference.df))
    compared = compare_linear(pair(4)[0], 1, 0.95)
    assert not isinstance(compared, NotEstimated)
    assert compared.estimates[-1].notes == (
        f"variance −{found.variance_reduction * 100:.0f} %",
        "left out as a combination of others: both",
    )
    plain = compare_linear(pair(3)[0], 1, 0.95)
    assert not isinstance(plain, NotEstimated)
    assert plain.estimates[-1].notes == (f"variance −{without.variance_reduction * 100:.0f} %",)


def test_a_covariate_that_the_variant_moved_is_refused() -> None:
    moved = arm(150, shift=1.0)
    found, t, c = pair(2, t=moved)
    refused = adjust(t, c, found.covariates)
    assert isinstance(refused, NotEstimated)
    assert refused.reason == "covariate_differs"
    assert refused.message.startswith("not adjusted: x differs between the variants (by chance ")
    assert stats.ttest_ind(moved[:, 1], C[:, 1], equal_var=False).pvalue < 0.001
    compared = compare_linear(found, 1, 0.95)
    assert not isinstance(compared, NotEstimated)
    assert [e.method for e in compared.estimates] == ["welch"]
    assert compared.estimates[0].notes == (refused.message,)


def test_what_leaves_fewer_than_two_degrees_of_freedom_is_refused() -> None:
    for n, is_refused in ((3, True), (40, False)):
        c, t = (a[:n].copy() for a in (C, T))
        t[:, 1] += c[:, 1].mean() - t[:, 1].mean()
        found, one, other = pair(4, c, t)
        refused = adjust(one, other, found.covariates)
        assert isinstance(refused, NotEstimated) == is_refused
        if isinstance(refused, NotEstimated):
            assert refused.reason == "too_few_units"
            assert refused.message == "too few units to adjust by 3 covariates"


def test_pairs_gain_over_the_comparison_that_knows_that_they_are_pairs() -> None:
    """Clusters in both arms: the variance without adjustment is that of the paired difference."""
    rng = np.random.default_rng(4)
    level, before = rng.normal(0, 3, 60), rng.normal(0, 2, (60, 2))
    sums = [
        np.column_stack([10 + level + before[:, a] + rng.normal(0, 1, 60), np.ones(60), before[:, a]]) for a in (0, 1)
    ]
    away = [s - s.mean(axis=0) for s in sums]
    clusters = ClusterSums(
        moments=tuple(map(moments_of, sums)), bins=None, cross={(0, 1): away[0].T @ away[1]}, both={(0, 1): 60}
    )
    whole = summary(MetricKind.MEAN, moments_of(sums[0][:, ::2]), moments_of(sums[1][:, ::2]), covariates=("before",))
    found = by_cluster(replace(whole, clusters=clusters), 1)
    compared = compare_linear(found, 1, 0.95)
    assert not isinstance(compared, NotEstimated)
    plain, better = compared.estimates
    assert plain.pvalue == pytest.approx(stats.ttest_rel(sums[1][:, 0], sums[0][:, 0]).pvalue, rel=1e-9)
    assert (plain.df, better.df) == (59, pytest.approx(58))
    gained = 1 - ((better.se or 0) / (plain.se or 1)) ** 2
    assert gained > 0.5
    assert better.notes[0] == f"variance −{gained * 100:.0f} %"
