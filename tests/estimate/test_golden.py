"""Every closed-form method against reference numbers from outside this project (tests/golden/methods.json).

Tolerance 1e-9 relative where the source gives all digits; what a case states itself where it gives fewer.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from abimpact.check.split import sample_ratio_pvalue
from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.arm import share_interval
from abimpact.estimate.estimate import Estimate, Kind
from abimpact.estimate.fieller import lift_set
from abimpact.estimate.linear import Linear, linearise
from abimpact.estimate.margin import mean_thresholds
from abimpact.estimate.multiplicity import benjamini_hochberg, holm
from abimpact.estimate.proportion import Counts, exact_pvalues, score
from abimpact.estimate.quantile import quantile_arm, ranks_wanted
from abimpact.estimate.skewed import skew_of
from abimpact.estimate.table import estimate
from abimpact.estimate.welch import compare, difference
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Moments, Ranks
from tests.estimate.cases import arm, cases, moments, summary

EXACT: dict[str, float] = {"rel": 1e-9, "abs": 1e-12}


def from_sums(sums: dict[str, Any]) -> tuple[int, float, float]:
    n, mean = sums["n"], sums["sum"] / sums["n"]
    return n, mean, (sums["sum_squares"] - n * mean**2) / (n - 1)


@cases("welch_fieller")
def test_welch_and_fieller(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    t, c = arm(*from_sums(given["treatment"])), arm(*from_sums(given["control"]))
    found = compare(difference(t, c), "welch", 1 - given["alpha"])
    # The case gives raw sums, whose cancellation costs the digits that its own tolerance states.
    near = {"rel": case["tolerance"]["rel"], "abs": case["tolerance"]["abs"]}
    assert found.absolute.estimate == pytest.approx(expected["difference"], **near)
    assert [found.absolute.low, found.absolute.high] == pytest.approx(expected["ci"], **near)
    assert (found.df, found.statistic, found.pvalue) == pytest.approx(
        (expected["df"], expected["t"], expected["p_value"]), **near
    )
    assert found.relative.kind == {"all": Kind.WHOLE}.get(expected["fieller_kind"], expected["fieller_kind"])
    if found.relative.kind is Kind.BOUNDED:
        assert [found.relative.low, found.relative.high] == pytest.approx(expected["fieller"], **near)
    else:
        assert (found.relative.low, found.relative.high) == (None, None)
        assert "lift" in found.notes[-1]


@cases("fieller_covariance")
def test_fieller_with_covariance(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    found = lift_set(
        given["mean_t"],
        given["var_mean_t"],
        given["mean_c"],
        given["var_mean_c"],
        given["cov_means"],
        given["critical"],
    )
    assert found.kind == {"all": "whole"}.get(expected["kind"], expected["kind"])
    if found.kind is not Kind.WHOLE:
        assert found.low is not None
        assert found.high is not None
        # Lifts are over |m_c|.
        roots = [1 + math.copysign(root, root * given["mean_c"]) for root in (found.low, found.high)]
        assert sorted(roots) == pytest.approx(sorted(expected["roots_ratio"]), **EXACT)


@cases("two_proportions")
def test_proportions(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    counts = Counts(x_t=given["x_t"], n_t=given["n_t"], x_c=given["x_c"], n_c=given["n_c"])
    found = score(counts, 1 - given["alpha"])
    assert isinstance(found, Estimate)
    # Score limits are found by search on both sides.
    near = {"rel": 1e-6, "abs": 1e-8}
    assert [found.absolute.low, found.absolute.high] == pytest.approx(expected["mn_ci"], **near)
    low, high = expected["lift_score_ci"]
    assert found.relative.low == pytest.approx(low, **near)
    assert found.relative.high == (None if high == "inf" else pytest.approx(high, **near))
    assert found.pvalue == pytest.approx(expected["p_score_mn"], rel=1e-9, abs=1e-300)
    fisher, mid = exact_pvalues(counts)
    assert (fisher, mid) == pytest.approx((expected["fisher_two_sided"], expected["fisher_mid_p_doubled"]), rel=1e-7)


@cases("two_proportions")
def test_small_cells_carry_mid_p_and_fishers_p(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    counts = Counts(x_t=given["x_t"], n_t=given["n_t"], x_c=given["x_c"], n_c=given["n_c"])
    found = score(counts, 1 - given["alpha"])
    assert isinstance(found, Estimate)
    told = f"mid-p {expected['fisher_mid_p_doubled']:.3g}, Fisher's exact p {expected['fisher_two_sided']:.3g}"
    assert any(told in note for note in found.notes) == (expected["min_expected_cell"] < 5)


@cases("one_proportion")
def test_one_proportion(case: dict[str, Any]) -> None:
    given = case["inputs"]
    found = share_interval(given["x"], given["n"], 1 - given["alpha"])
    assert [found.low, found.high] == pytest.approx(case["expected"]["wilson"], **EXACT)
    assert found.estimate == pytest.approx(given["x"] / given["n"], rel=1e-15)


def test_a_proportion_of_none_or_all_ends_there() -> None:
    none, every = share_interval(0, 20, 0.95), share_interval(20, 20, 0.95)
    assert (none.low, every.high) == (0.0, 1.0)
    # The rule of three, which Wilson's interval is somewhat wider than.
    assert none.high == pytest.approx(1 - (every.low or 0.0), rel=1e-12)
    assert 3 / 20 < (none.high or 0.0) < 3.85 / 20


def test_the_published_score_interval() -> None:
    found = score(Counts(x_t=56, n_t=70, x_c=48, n_c=80), 0.95)
    assert isinstance(found, Estimate)
    assert (found.absolute.low, found.absolute.high) == pytest.approx((0.0528, 0.3382), abs=5e-5)


def ratio_moments(sums: dict[str, Any]) -> Moments:
    n, y, x = sums["n"], sums["sum_num"], sums["sum_den"]
    second = np.array(
        [
            [sums["sum_num_sq"] - y * y / n, sums["sum_num_den"] - x * y / n],
            [sums["sum_num_den"] - x * y / n, sums["sum_den_sq"] - x * x / n],
        ]
    )
    return moments(n, [y / n, x / n], second / (n - 1))


@cases("ratio_delta")
def test_ratios(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    whole = summary(MetricKind.RATIO, ratio_moments(given["control"]), ratio_moments(given["treatment"]))
    found = estimate(whole, 1, level=1 - given["alpha"], n_resamples=0, seed=0).estimates[0]
    near = {"rel": 1e-8, "abs": 1e-12}
    assert found.method == "delta"
    assert found.absolute.estimate == pytest.approx(expected["difference"], **near)
    assert [found.absolute.low, found.absolute.high] == pytest.approx(expected["ci"], **near)
    assert (found.df, found.pvalue) == pytest.approx((expected["df"], expected["p_value"]), **near)
    if expected["fieller_kind"] == "bounded":
        assert [found.relative.low, found.relative.high] == pytest.approx(expected["fieller"], **near)


@cases("regression_adjustment")
def test_adjustment(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    names = tuple(f"x{i}" for i in range(given["covariates"]))
    arms = [
        moments(given[a]["n"], [given[a]["mean_y"], *given[a]["mean_x"]], given[a]["cov"])
        for a in ("control", "treatment")
    ]
    whole = summary(MetricKind.MEAN, *arms, covariates=names)
    c, t = linearise(whole, 0), linearise(whole, 1)
    assert isinstance(c, Linear)
    assert isinstance(t, Linear)
    adjusted = adjust(t, c, names)
    assert isinstance(adjusted, Adjustment)
    corrected, diff = expected["corrected"], adjusted.difference
    assert list(adjusted.theta) == pytest.approx(expected["theta_opt"], **EXACT)
    assert adjusted.inflation == pytest.approx(corrected["factor"], **EXACT)
    assert (diff.estimate, diff.se, diff.df) == pytest.approx(
        (expected["difference_opt"], corrected["se"], corrected["df"]), **EXACT
    )
    assert (diff.t.value, diff.c.value) == pytest.approx(
        (expected["adjusted_mean_t"], expected["adjusted_mean_c"]), **EXACT
    )
    v_t, v_c = diff.t.variance_of_mean / adjusted.inflation, diff.c.variance_of_mean / adjusted.inflation
    covariance = diff.covariance / adjusted.inflation
    assert (v_t, v_c, covariance) == pytest.approx((expected["var_t"], expected["var_c"], expected["cov_tc"]), **EXACT)
    assert v_t + v_c - 2 * covariance == pytest.approx(expected["se_opt"] ** 2, **EXACT)
    found = compare(diff, "adjusted", 1 - given["alpha"])
    assert [found.absolute.low, found.absolute.high] == pytest.approx(corrected["ci"], **EXACT)
    assert found.pvalue == pytest.approx(corrected["p"], **EXACT)
    assert [found.relative.low, found.relative.high] == pytest.approx(corrected["fieller"], **EXACT)


@cases("skewness")
def test_skewed(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    t = arm(given["n_t"], given["difference"], given["var_t"], given["third_central_t"])
    c = arm(given["n_c"], 0.0, given["var_c"], given["third_central_c"])
    skew = skew_of(t, c, difference(t, c).se)
    assert skew.gamma == pytest.approx(expected["skew_pooled"], **EXACT)
    assert skew.is_flagged == expected["skewed"]["flag"]
    found = compare(difference(t, c), "skewed", 1 - given["alpha"], skew=skew if skew.is_flagged else None)
    assert (found.absolute.low, found.absolute.high, found.pvalue) == pytest.approx(
        tuple(expected["skewed"][k] for k in ("low", "high", "p")), **EXACT
    )


@cases("noninferiority_relative")
def test_noninferiority(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    t, c = (arm(given[a]["n"], given[a]["mean"], given[a]["sd"] ** 2) for a in ("treatment", "control"))
    thresholds = mean_thresholds(difference(t, c), is_relative=True, is_skewed=False, inflation=1.0)
    assert thresholds is not None
    above, below = thresholds.pvalue(-given["margin"], 1), thresholds.pvalue(given["margin"], -1)
    assert above == pytest.approx(expected["p_noninferior"], **EXACT)
    assert below == pytest.approx(expected["p_equivalence_upper"], **EXACT)
    assert max(above, below) == pytest.approx(expected["tost_p"], **EXACT)


@cases("tost_absolute")
def test_equivalence(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    t, c = (arm(given[a]["n"], given[a]["mean"], given[a]["sd"] ** 2) for a in ("treatment", "control"))
    thresholds = mean_thresholds(difference(t, c), is_relative=False, is_skewed=False, inflation=1.0)
    assert thresholds is not None
    assert thresholds.pvalue(given["low"], 1) == pytest.approx(expected["p_low"], **EXACT)
    assert thresholds.pvalue(given["high"], -1) == pytest.approx(expected["p_high"], **EXACT)


@cases("quantile_outer_ci")
def test_quantiles(case: dict[str, Any]) -> None:
    from scipy.special import ndtri

    given, expected = case["inputs"], case["expected"]
    n, nu, level = given["n"], given["nu"], 1 - given["alpha"]
    x = np.round(np.exp(ndtri((np.arange(n) + 0.5) / n)), 9)
    wanted = ranks_wanted(n, nu, level=level)
    assert bool(wanted) == expected["feasible"]
    if not wanted:
        assert not isinstance(quantile_arm(Ranks(n, {}), nu, level), type(arm(2, 0.0, 1.0)))
        return
    assert wanted[1:] == [expected["rank_low"], expected["rank_high"]]
    found = quantile_arm(Ranks(n, {r: float(x[r - 1]) for r in wanted}), nu, level)
    assert isinstance(found, type(arm(2, 0.0, 1.0)))
    assert (found.value, found.variance_of_mean**0.5) == pytest.approx((expected["estimate"], expected["se"]), **EXACT)


@cases("corrections")
def test_corrections(case: dict[str, Any]) -> None:
    pvalues = [None if p in (None, "nan") else p for p in case["inputs"]["p"]]
    expected = case["expected"]
    assert [p for p in holm(pvalues) if p is not None] == pytest.approx(
        [p for p in expected["holm"] if p not in (None, "nan")], **EXACT
    )
    assert [p for p in benjamini_hochberg(pvalues) if p is not None] == pytest.approx(
        [p for p in expected["benjamini_hochberg"] if p not in (None, "nan")], **EXACT
    )


@cases("srm_chisquare")
def test_sample_ratio(case: dict[str, Any]) -> None:
    counts, weights = case["inputs"]["counts"], case["inputs"]["weights"]
    kept = [(n, w) for n, w in zip(counts, weights, strict=True) if w > 0]
    statistic, pvalue = sample_ratio_pvalue([n for n, _ in kept], [w for _, w in kept])
    expected = case["expected"]
    assert statistic == pytest.approx(expected["chi2"], rel=1e-8)
    is_exact = len(kept) == 2 and sum(counts) < 1000
    reference = expected["binomial_exact_p"] if is_exact else expected["p_value"]
    assert pvalue == pytest.approx(reference, rel=1e-6 if is_exact else 1e-8)


def test_sample_ratio_of_many_variants_is_scipys() -> None:
    counts = [5000, 5100, 4800, 5200]
    statistic, pvalue = sample_ratio_pvalue(counts, [1, 1, 1, 1])
    reference = chisquare(counts)
    assert (statistic, pvalue) == pytest.approx((reference.statistic, reference.pvalue), rel=1e-12)
