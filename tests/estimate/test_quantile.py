"""Quantiles at their edges: too few units or clusters, ties, one rank, and what clusters share."""

import math

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.clustered import Clustered
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.quantile import (
    below_quantile,
    compare_quantiles,
    covariance_of_quantiles,
    quantile_arm,
    rank_of,
    ranks_by_cluster,
    ranks_wanted,
    share_variance,
)
from abimpact.summarise.summary import Ranks
from tests.estimate.cases import arm, moments_of

Z = stats.norm.ppf(0.975)
RNG = np.random.default_rng(6)
CLUSTERS = RNG.poisson(5.0, 40) + 1.0
BELOW = np.column_stack([RNG.binomial(CLUSTERS.astype(int), 0.5), CLUSTERS])


@pytest.mark.parametrize(("n", "q", "rank"), [(10, 0.5, 5), (11, 0.5, 6), (10, 0.3, 3), (10, 0.01, 1), (1, 0.9, 1)])
def test_the_quantile_is_the_smallest_value_with_that_share_at_or_below_it(n: int, q: float, rank: int) -> None:
    assert rank_of(n, q) == rank
    if n > 1:
        assert np.quantile(np.arange(1, n + 1), q, method="inverted_cdf") == rank


def test_the_outer_ranks_are_those_of_methods_f() -> None:
    n, q = 400, 0.9
    h = Z * math.sqrt(q * (1 - q) / n)
    expected = [360, math.floor(n * (q - h)), math.ceil(n * (q + h))]
    assert ranks_wanted(n, q, level=0.95) == expected
    wider = ranks_wanted(n, q, level=0.95, design_effect=4.0)
    assert wider[0] == 360
    assert (wider[1], wider[2]) == (math.floor(n * (q - 2 * h)), math.ceil(n * (q + 2 * h)))
    assert ranks_by_cluster(n, q, None, level=0.95) == [360]
    effect = below_quantile(moments_of(BELOW), 0.5)
    assert ranks_by_cluster(n, 0.5, moments_of(BELOW), level=0.95) == ranks_wanted(
        n, 0.5, level=0.95, design_effect=effect
    )


def test_where_the_interval_needs_units_beyond_the_last_there_are_no_ranks() -> None:
    assert ranks_wanted(380, 0.99, level=0.95) == []  # nu = 0.99 needs more than 380 units (methods.md f)
    assert ranks_wanted(381, 0.99, level=0.95) != []
    assert ranks_wanted(380, 0.01, level=0.95) == []
    assert ranks_wanted(1, 0.5, level=0.95) == ranks_wanted(400, 0.5, level=0.95, design_effect=math.inf) == []


def test_a_clusters_share_below_has_the_variance_of_a_ratio() -> None:
    y, x = BELOW.T
    p = y.sum() / x.sum()
    expected = ((y - p * x) / x.mean()).var(ddof=1) / 40
    assert share_variance(moments_of(BELOW)) == pytest.approx(expected, rel=1e-10)
    # Of as many independent units it is q (1 - q) / n.
    assert below_quantile(moments_of(BELOW), 0.5) == pytest.approx(expected * x.sum() / 0.25, rel=1e-10)
    assert share_variance(moments_of(BELOW[:5])) < math.inf
    assert share_variance(moments_of(BELOW[:4])) == math.inf


def test_too_few_units_or_clusters_and_ties_are_refused_with_what_would_do() -> None:
    few = quantile_arm(Ranks(n=100, values={}), 0.99, 0.95)
    assert isinstance(few, NotEstimated)
    assert few.reason == "too_few_units"
    assert few.message == f"a variant has 100 units, and this quantile needs more than {math.ceil(Z * Z * 99):,}"
    low = quantile_arm(Ranks(n=1_000, values={}), 0.01, 0.95, 10.0)
    assert isinstance(low, NotEstimated)
    assert low.message == f"a variant has 1,000 units, and this quantile needs more than {math.ceil(Z * Z * 990):,}"
    clusters = quantile_arm(Ranks(n=1_000, values={}), 0.5, 0.95, math.inf)
    assert isinstance(clusters, NotEstimated)
    assert (clusters.reason, clusters.message) == ("too_few_units", "a variant has fewer than 5 clusters with a value")
    ranks = ranks_wanted(400, 0.5, level=0.95)
    tied = quantile_arm(Ranks(n=400, values=dict.fromkeys(ranks, 2.5)), 0.5, 0.95)
    assert isinstance(tied, NotEstimated)
    assert tied.reason == "tied_quantile"
    assert "the value 2.5 " in tied.message


def test_an_arms_error_is_the_width_of_its_interval() -> None:
    k, low, high = ranks_wanted(400, 0.5, level=0.9)
    found = quantile_arm(Ranks(n=400, values={k: 7.0, low: 6.0, high: 9.0}), 0.5, 0.9)
    assert isinstance(found, ArmMean)
    assert (found.n, found.value, found.third) == (400, 7.0, 0.0)
    assert math.sqrt(found.variance_of_mean) == pytest.approx(3 / (2 * stats.norm.ppf(0.95)))


def test_the_difference_has_the_normal_interval_and_p_and_its_covariance() -> None:
    t, c = arm(100, 9.0, 400.0), arm(200, 6.0, 200.0)
    for covariance in (0.0, 0.75):
        se = math.sqrt(4 + 1 - 2 * covariance)
        found = compare_quantiles(t, c, 0.9, covariance)
        half = stats.norm.ppf(0.95) * se
        i = found.absolute
        assert (i.estimate, i.low, i.high, i.level) == pytest.approx((3.0, 3 - half, 3 + half, 0.9))
        assert found.statistic == pytest.approx(3 / se)
        assert found.pvalue == pytest.approx(2 * stats.norm.sf(3 / se))
        assert (found.method, found.df, found.notes) == ("quantile", None, ())
        assert found.relative.estimate == 0.5
        assert found.relative.level == 0.9
        assert (found.relative.low or 0) < 0.5 < (found.relative.high or 0)
    less = compare_quantiles(c, t, 0.9)
    assert less.pvalue == compare_quantiles(t, c, 0.9).pvalue
    assert less.statistic == pytest.approx(-3 / math.sqrt(5))
    (note,) = compare_quantiles(t, arm(200, 0.1, 200.0), 0.9).notes
    assert "not distinguishable from 0" in note


def test_shared_clusters_give_quantiles_the_correlation_of_their_shares() -> None:
    t, c = arm(100, 9.0, 400.0), arm(200, 6.0, 200.0)
    plain = moments_of(BELOW)
    assert covariance_of_quantiles(t, c, plain, plain) == 0.0
    # The same clusters in both arms: all is shared, and the correlation is 1.
    shared = plain.covariance / 40

    def clustered(number: int, other: int) -> Clustered:
        return Clustered(40, plain.mean, plain.second, plain.third, number, {other: shared}, {other: 40})

    one, two = clustered(1, 0), clustered(0, 1)
    assert covariance_of_quantiles(t, c, one, two) == pytest.approx(math.sqrt(4.0 * 1.0), rel=1e-9)
    half = Clustered(40, plain.mean, plain.second, plain.third, 1, {0: shared / 2}, {0: 60})
    assert covariance_of_quantiles(t, c, half, two) == pytest.approx(1.0, rel=1e-9)
    flat = moments_of(np.tile([1.0, 2.0], (40, 1)))
    same = Clustered(40, flat.mean, flat.second, flat.third, 1, {0: shared * 0}, {0: 40})
    assert covariance_of_quantiles(t, c, same, two) == 0.0
