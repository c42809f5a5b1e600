"""The one comparison of two variants: what is chosen, what is told beside it, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.clustered import Clustered, by_cluster, of_arms
from abimpact.estimate.monitor import AlwaysValid, GroupSequential
from abimpact.estimate.sequential import Spending
from abimpact.estimate.table import ONE_LOOK, Comparison, estimate, simultaneous, standard_error
from abimpact.spec.metric import Better, MetricKind, Role, Tolerance
from abimpact.summarise.summary import ClusterSums, MetricSummary, Ranks, Strata
from tests.estimate.cases import bins_of, moments_of, summary

RNG = np.random.default_rng(21)
A, B, C = (RNG.normal(m, s, n) for m, s, n in ((10.0, 2.0, 200), (10.5, 3.0, 150), (11.0, 2.5, 180)))


def three(kind: MetricKind = MetricKind.MEAN, **more: Any) -> MetricSummary:
    """The incumbent and two proposed variants."""
    found = summary(kind, moments_of(A), moments_of(B))
    return replace(
        found,
        variants=("rules", "ml", "tree"),
        moments=tuple(map(moments_of, (A, B, C))),
        extremes=(A[:0],) * 3,
        **more,
    )


def compared(found: MetricSummary, proposed: int = 1, **more: Any) -> Comparison:
    return estimate(found, proposed, **{"level": 0.95, "n_resamples": 0, "seed": 0, **more})


def margins(found: MetricSummary, guard: float, same: float) -> MetricSummary:
    tolerances = (Tolerance(amount=x, is_relative=False) for x in (guard, same))
    margin, equivalence = tolerances
    return replace(found, metric=replace(found.metric, margin=margin, equivalence_margin=equivalence))


def test_a_mean_is_compared_by_welch_with_its_units_values_and_margins() -> None:
    found = compared(margins(three(), 0.5, 2.0), 2)
    assert (found.units, found.values) == ((200, 180), pytest.approx((A.mean(), C.mean())))
    assert (found.chosen, [e.method for e in found.estimates], found.not_estimated) == ("welch", ["welch"], None)
    assert found.decisive == found.estimates[0]
    assert found.decisive is not None
    assert found.decisive.pvalue == pytest.approx(stats.ttest_ind(C, A, equal_var=False).pvalue, rel=1e-9)
    assert found.guardrail is not None
    assert found.equivalence is not None
    assert (found.guardrail.margin, found.equivalence.margin) == (0.5, 2.0)
    for margin, sign, pvalue in ((0.5, 1, found.guardrail.pvalue_safe), (0.5, -1, found.guardrail.pvalue_worse)):
        shifted = stats.ttest_ind(C + margin, A, equal_var=False, alternative="greater" if sign > 0 else "less")
        assert pvalue == pytest.approx(shifted.pvalue, rel=1e-9)


def test_resampling_stands_last_and_decides_nothing() -> None:
    found = compared(three(bins=tuple(map(bins_of, (A, B, C)))), 2, n_resamples=999, seed=4)
    assert [e.method for e in found.estimates] == ["welch", "bootstrap"]
    assert found.chosen == "welch"
    assert found.estimates[1].absolute.estimate == pytest.approx(C.mean() - A.mean())


def test_what_cannot_be_resampled_says_so_on_the_estimate() -> None:
    zero = np.column_stack([A, np.r_[-1.0, np.full(199, 0.01)]])
    ratio = summary(MetricKind.RATIO, moments_of(zero), moments_of(np.column_stack([B, np.ones(150)])))
    ratio = replace(ratio, bins=(bins_of(zero), bins_of(np.column_stack([B, np.ones(150)]))))
    found = compared(ratio, n_resamples=999)
    assert "not resampled: the denominator sums to 0 or changes its sign in a resample" in found.estimates[-1].notes
    assert "bootstrap" not in {e.method for e in found.estimates}


def test_what_is_not_estimated_has_values_units_and_no_method() -> None:
    flat = summary(MetricKind.MEAN, moments_of([2.0, 2.0]), moments_of([3.0, 3.0, 3.0]))
    found = compared(flat)
    assert (found.units, found.values, found.estimates, found.chosen) == ((2, 3), (2.0, 3.0), (), None)
    assert found.not_estimated is not None
    assert found.not_estimated.reason == "constant_metric"
    assert found.decisive is None
    empty = compared(summary(MetricKind.MEAN, moments_of(A[:0]), moments_of(B)))
    assert (empty.units, empty.values) == ((0, 150), (None, pytest.approx(B.mean())))
    few = compared(summary(MetricKind.RATIO, moments_of(np.ones((3, 2))), moments_of(np.ones((9, 2)))))
    assert (few.units, few.values) == ((3, 9), (None, None))


def looked_at(found: MetricSummary, counts: tuple[int, int] = (200, 150), **more: Any) -> Comparison:
    return compared(replace(found, nonzero=counts), monitor=AlwaysValid(5_000.0), **more)


def test_looks_are_allowed_for_and_the_single_look_is_said_to_be_one() -> None:
    pair = summary(MetricKind.MEAN, moments_of(A), moments_of(B))
    found = looked_at(margins(pair, 0.5, 5.0))
    assert [e.method for e in found.estimates] == ["welch", "sequential"]
    assert found.chosen == "sequential"
    assert ONE_LOOK in found.estimates[0].notes
    assert ONE_LOOK not in found.estimates[1].notes
    once = compared(margins(pair, 0.5, 5.0))
    assert found.guardrail is not None
    assert once.guardrail is not None
    assert found.guardrail.pvalue_safe > once.guardrail.pvalue_safe
    planned = compared(pair, monitor=GroupSequential((0.5,), Spending.OBRIEN_FLEMING))
    assert planned.chosen == "sequential"  # planned looks need no gate


@pytest.mark.parametrize(
    ("n", "nonzero", "is_early"), [(100, 50, False), (99, 99, True), (100, 49, True), (150, 150, False)]
)
def test_no_look_is_trusted_before_100_units_and_50_that_count(n: int, nonzero: int, is_early: bool) -> None:
    rng = np.random.default_rng(n)
    small, large = rng.normal(1, 1, n), rng.normal(1, 1, 160)
    for arms, counts in (((small, large), (nonzero, 160)), ((large, small), (160, nonzero))):
        pair = margins(summary(MetricKind.MEAN, *map(moments_of, arms)), 0.5, 0.5)
        found = looked_at(pair, counts)
        assert (found.not_estimated is not None) == is_early
        if found.not_estimated:
            name = "rules" if arms[0] is small else "ml"
            assert found.not_estimated.reason == "too_early"
            assert f"{name} has {n:,} units, {nonzero:,} of them not 0" in found.not_estimated.message
            assert (found.chosen, found.guardrail, found.equivalence) == (None, None, None)
            assert [e.method for e in found.estimates] == ["welch"]
    if not is_early:
        without = compared(summary(MetricKind.MEAN, moments_of(small), moments_of(large)), monitor=AlwaysValid(5_000.0))
        assert without.not_estimated is not None  # nobody counted what is not 0


def test_what_is_too_skewed_is_not_looked_at_and_quantiles_have_no_shape() -> None:
    rng = np.random.default_rng(5)
    small, large = rng.lognormal(0, 1.5, 150), rng.lognormal(0, 1.5, 2_000)
    found = looked_at(summary(MetricKind.MEAN, moments_of(large), moments_of(small)), (2_000, 150))
    assert found.not_estimated is not None
    assert "too skewed" in found.not_estimated.message
    ranks = tuple(
        Ranks(n=len(x), values={r: float(np.sort(x)[r - 1]) for r in range(1, len(x) + 1)}) for x in (large, small)
    )
    quantile = summary(MetricKind.QUANTILE, moments_of(large), moments_of(small))
    quantile = replace(quantile, metric=replace(quantile.metric, quantile=0.5), ranks=ranks)
    found = looked_at(quantile, (2_000, 150))
    assert [e.method for e in found.estimates] == ["quantile", "sequential"]


def strata_of(parts: list[tuple[Any, ...]], phases: tuple[int, ...] | None = None) -> Strata:
    return Strata(
        by="country",
        names=tuple(f"c{i}" for i in range(len(parts))),
        phases=phases or (0,) * len(parts),
        moments=tuple(tuple(map(moments_of, part)) for part in parts),
    )


def test_strata_say_what_they_gained_but_not_over_phases() -> None:
    rng = np.random.default_rng(2)
    parts = [(rng.normal(m, 1, 100), rng.normal(m, 1, 100)) for m in (0.0, 10.0)]
    whole = [np.concatenate(x) for x in zip(*parts, strict=True)]
    pair = replace(summary(MetricKind.MEAN, *map(moments_of, whole)), strata=strata_of(parts))
    found = compared(pair, n_resamples=99).estimates[-1]
    pooled = compared(replace(pair, strata=None)).estimates[-1]
    gained = ((found.se or 0) / (pooled.se or 1)) ** 2 - 1
    assert gained < -0.9
    assert found.notes[:2] == ("stratified by country (2 strata)", f"variance −{-gained * 100:.0f} %")
    assert "not resampled: units are binned over all strata together" in found.notes
    phased = replace(pair, strata=strata_of(parts, (0, 1)))
    assert not any(n.startswith("variance") for n in compared(phased).estimates[-1].notes)
    # Pooled, nothing could be compared: there is no gain to tell.
    lone = replace(pair, moments=(moments_of([1.0, 1.0]), moments_of([1.0, 1.0])))
    assert not any(n.startswith("variance") for n in compared(lone).estimates[-1].notes)


def clustered_three() -> MetricSummary:
    """Three variants over clusters, of which the first two share half."""
    rng = np.random.default_rng(8)
    rows = [np.column_stack([rng.normal(50, 9, 40), rng.poisson(5, 40) + 1.0]) for _ in range(3)]
    sums = tuple(map(moments_of, rows))
    away = [r - r.mean(axis=0) for r in rows]
    cross = {(0, 1): away[0][:20].T @ away[1][:20], (1, 2): away[1][:10].T @ away[2][:10]}
    clusters = ClusterSums(moments=sums, bins=None, cross=cross, both={(0, 1): 20, (1, 2): 10})
    return replace(three(), clusters=clusters)


def test_a_pair_of_variants_keeps_what_its_clusters_share() -> None:
    sums = clustered_three().clusters
    assert sums is not None
    one, other = of_arms(sums, (1, 2)), of_arms(sums, (2, 1))
    assert (one.moments, other.moments) == (sums.moments[1:], (sums.moments[2], sums.moments[1]))
    assert (one.both, other.both, one.bins) == ({(0, 1): 10}, {(0, 1): 10}, None)
    assert one.cross[0, 1] == pytest.approx(sums.cross[1, 2])
    assert other.cross[0, 1] == pytest.approx(sums.cross[1, 2].T)
    apart = of_arms(sums, (0, 2))
    assert (apart.cross, apart.both) == ({}, {})


def test_an_arms_clusters_know_what_they_share_with_the_other() -> None:
    whole = clustered_three()
    found = by_cluster(whole, 1)
    sums = whole.clusters
    assert sums is not None
    assert found.metric.kind is MetricKind.RATIO
    assert found.clusters is None
    c, t = found.moments[:2]
    assert isinstance(c, Clustered)
    assert isinstance(t, Clustered)
    assert (c.arm, t.arm, c.either, t.either) == (0, 1, {1: 60}, {0: 60})
    # Variances of means are divided by n (n - 1); 40 clusters in both.
    assert c.shared[1] == pytest.approx(sums.cross[0, 1] / (40 * 39))
    assert t.shared[0] == pytest.approx(c.shared[1].T)
    assert found.moments[2] is sums.moments[2]
    far = by_cluster(whole, 2).moments[2]
    assert isinstance(far, Clustered)
    assert far.shared[0] == pytest.approx(np.zeros((2, 2)))
    assert far.either == {0: 80}
    plain = three()
    assert by_cluster(plain, 1) is plain


def test_clusters_tell_their_number_their_design_effect_and_what_takes_units_as_independent() -> None:
    found = compared(clustered_three())
    assert [e.method for e in found.estimates] == ["welch", "delta"]
    assert found.estimates[0].notes == (
        "takes the units of a cluster as independent, which they are not: for comparison only",
    )
    effect = ((found.estimates[1].se or 0) / (found.estimates[0].se or 1)) ** 2
    assert found.estimates[1].notes[:2] == ("by cluster: 40 in rules, 40 in ml", f"design effect {effect:.3g}")
    assert found.units == (200, 150)
    flat = replace(clustered_three(), moments=tuple(moments_of([1.0, 1.0, 1.0]) for _ in range(3)))
    (only,) = compared(flat).estimates
    assert (only.method, only.notes[0]) == ("delta", "by cluster: 40 in rules, 40 in ml")
    assert not any("design effect" in n for n in only.notes)
    assert (
        "not resampled: clusters hold both variants" in compared(clustered_three(), n_resamples=99).estimates[-1].notes
    )


def test_two_proposed_variants_have_the_error_of_their_own_difference() -> None:
    for one, other, arms in ((1, 2, (B, C)), (2, 1, (C, B)), (1, 0, (B, A))):
        theirs = np.sqrt(arms[0].var(ddof=1) / len(arms[0]) + arms[1].var(ddof=1) / len(arms[1]))
        assert standard_error(three(), one, other, 0.95) == pytest.approx(theirs, rel=1e-9)
    clustered = clustered_three()
    pair = replace(clustered, variants=("tree", "ml"), moments=clustered.moments[:0:-1], extremes=(A[:0],) * 2)
    assert clustered.clusters is not None
    alone = compared(replace(pair, clusters=of_arms(clustered.clusters, (2, 1))))
    assert standard_error(clustered, 1, 2, 0.95) == pytest.approx(alone.estimates[-1].se or 0.0, rel=1e-12)
    flat = replace(three(), moments=tuple(moments_of([1.0, 1.0, 1.0]) for _ in range(3)))
    assert standard_error(flat, 1, 2, 0.95) is None


def test_strata_are_those_of_the_pair() -> None:
    rng = np.random.default_rng(3)
    parts = [tuple(rng.normal(m + i, 1, 60) for i in range(3)) for m in (0.0, 8.0)]
    whole = [np.concatenate(x) for x in zip(*parts, strict=True)]
    found = replace(three(), moments=tuple(map(moments_of, whole)), strata=strata_of(parts))
    pair = replace(
        summary(MetricKind.MEAN, moments_of(whole[2]), moments_of(whole[1])),
        strata=strata_of([(part[2], part[1]) for part in parts]),
    )
    assert standard_error(found, 1, 2, 0.95) == pytest.approx(compared(pair).estimates[-1].se or 0.0, rel=1e-12)


def test_single_variants_and_flat_ones_have_no_simultaneous_intervals() -> None:
    assert simultaneous(summary(MetricKind.MEAN, moments_of(A), moments_of(B)), level=0.95, seed=0) == {}
    flat = replace(three(), moments=(moments_of([1.0, 1.0]), moments_of([1.0, 1.0]), moments_of(C)))
    assert simultaneous(flat, level=0.95, seed=0) == {}
    found = simultaneous(three(), level=0.9, seed=0)
    assert sorted(found) == [1, 2]
    for arm, its in found.items():
        alone = compared(three(), arm, level=its.each).estimates[-1]
        assert (its.absolute.low, its.absolute.high) == (alone.absolute.low, alone.absolute.high)
        assert (its.absolute.level, its.relative.level) == (0.9, 0.9)
        assert 0.9 < its.each < 0.95
        assert its.critical == found[1].critical


def test_a_lower_better_metric_is_guarded_above() -> None:
    pair = margins(summary(MetricKind.MEAN, moments_of(A), moments_of(B)), 2.0, 2.0)
    lower = replace(pair, metric=replace(pair.metric, better=Better.LOWER, role=Role.GUARDRAIL))
    found = compared(lower).guardrail
    assert found is not None
    test = stats.ttest_ind(B - 2.0, A, equal_var=False, alternative="less")
    assert found.pvalue_safe == pytest.approx(test.pvalue, rel=1e-9)
