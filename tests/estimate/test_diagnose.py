"""Findings from summaries: what never varies, what differs before the test, and the few units that make an effect."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.diagnose import IMBALANCED_BELOW, diagnose, diagnose_blind, imbalance
from abimpact.findings import Finding, Severity
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import ClusterSums, MetricSummary, Summary
from tests.estimate.cases import moments_of, summary

RNG = np.random.default_rng(14)


def whole(*metrics: MetricSummary) -> Summary:
    first = metrics[0]
    return Summary(variants=first.variants, units=tuple(m.n for m in first.moments), metrics=metrics)


def of(c: Any, t: Any, **more: Any) -> MetricSummary:
    """A mean with the values of each variant that hold 1 % of its sum of squares."""
    found = summary(MetricKind.MEAN, moments_of(c), moments_of(t))
    arms = [np.asarray(x, dtype=float) for x in (c, t)]
    away = [(x - x.sum() / max(len(x), 1)) ** 2 for x in arms]
    far = tuple(x[a >= 0.01 * a.sum()] for x, a in zip(arms, away, strict=True))
    return replace(found, extremes=far, **more)


def found(metric: MetricSummary, code: str) -> list[Finding]:
    return [f for f in diagnose(whole(metric), {}, 0.95) if f.code == code]


@pytest.mark.parametrize(
    ("c", "t", "is_constant"),
    [
        ([3.0, 3.0], [3.0, 3.0, 3.0], True),
        ([3.0, 3.0], [4.0, 4.0], False),
        ([3.0, 3.0], [3.0, 3.0, 9.0, -3.0], False),
        ([1.0, 5.0], [3.0, 3.0], False),
        ([], [3.0, 3.0], True),
        ([], [], False),
    ],
)
def test_a_value_that_every_unit_has_is_constant(c: list[float], t: list[float], is_constant: bool) -> None:
    (only,) = found(of(c, t), "constant_metric")
    assert only.severity is (Severity.WARN if is_constant else Severity.PASS)
    assert bool(only.why) == bool(only.do) == is_constant
    if is_constant:
        assert only.message == "metric is 3 for every unit."
        assert only.data == {"metric": "metric"}
    blind = [f for f in diagnose_blind(whole(of(c, t))) if f.code == "constant_metric"]
    assert blind == [only]


def test_what_is_not_found_is_said_to_be_fine_and_outcomes_stay_unseen_in_the_dark() -> None:
    rows = RNG.normal(0, 1, (2, 100))
    seen = diagnose(whole(of(*rows)), {}, 0.95)
    assert [(f.code, f.severity) for f in seen] == [
        (code, Severity.PASS) for code in ("constant_metric", "skewed_metric", "outliers")
    ]
    assert all(f.message for f in seen)
    assert [f.code for f in diagnose_blind(whole(of(*rows)))] == ["constant_metric", "skewed_metric"]


def covered(c: Any, t: Any, **more: Any) -> MetricSummary:
    """A metric with a value and one covariate."""
    made = summary(MetricKind.MEAN, moments_of(c), moments_of(t), covariates=("before",))
    return replace(made, **more)


def with_gap(gap: float) -> tuple[Any, Any]:
    """Arms whose covariate has the p that goes with `gap` standard errors."""
    c, t = (np.column_stack([RNG.normal(0, 1, n), RNG.normal(5, 2, n)]) for n in (80, 120))
    se = np.hypot(c[:, 1].std(ddof=1) / np.sqrt(80), t[:, 1].std(ddof=1) / np.sqrt(120))
    t[:, 1] += c[:, 1].mean() - t[:, 1].mean() + gap * se
    return c, t


@pytest.mark.parametrize(("gap", "severity"), [(-5.0, Severity.WARN), (3.6, Severity.WARN), (2.5, Severity.PASS)])
def test_a_covariate_that_differs_is_told_with_welchs_p(gap: float, severity: Severity) -> None:
    c, t = with_gap(gap)
    (only,) = imbalance(whole(covered(c, t)))
    test = stats.ttest_ind(t[:, 1], c[:, 1], equal_var=False)
    assert (only.code, only.severity) == ("pre_period_imbalance", severity)
    assert only.data == {"covariate": "before", "proposed": "ml", "pvalue": pytest.approx(test.pvalue, rel=1e-8)}
    assert (test.pvalue < IMBALANCED_BELOW) == (severity is Severity.WARN) == bool(only.why) == bool(only.do)
    if severity is Severity.WARN:
        told = f"{c[:, 1].mean():.4g} in rules, {t[:, 1].mean():.4g} in ml"
        assert only.message.startswith(f"before, declared as known before the test, differs between variants: {told} (")
    else:
        assert only.message
    assert imbalance(whole(of(c[:, 0], t[:, 0]))) == []


def test_each_covariate_is_looked_at_once_and_warnings_go_before() -> None:
    fine, off = covered(*with_gap(0.5)), covered(*with_gap(6.0))
    assert len(imbalance(whole(fine, off))) == 1
    assert imbalance(whole(fine, off))[0].severity is Severity.PASS  # the same covariate, seen in the first metric
    other = replace(off, metric=replace(off.metric, covariates=("spent",)), covariates=("spent",))
    (only,) = imbalance(whole(fine, other))
    assert (only.severity, only.data["covariate"]) == (Severity.WARN, "spent")


def test_missing_indicators_are_no_covariates_and_what_does_not_vary_cannot_differ() -> None:
    c, t = with_gap(6.0)
    rows = [np.column_stack([x[:, 0], x[:, 1], np.zeros(len(x)), np.full(len(x), 2.0)]) for x in (c, t)]
    metric = summary(MetricKind.MEAN, *map(moments_of, rows), covariates=("before", "before_missing", "flat"))
    metric = replace(metric, metric=replace(metric.metric, covariates=("before", "flat")))
    (only,) = imbalance(whole(metric))
    assert only.data["covariate"] == "before"
    flat = replace(metric, covariates=("a", "b", "flat"), metric=replace(metric.metric, covariates=("x", "y", "flat")))
    assert [f.data["covariate"] for f in imbalance(whole(flat))] == ["x"]
    one = covered(c, t[:1])
    assert [f.data["pvalue"] for f in imbalance(whole(one))] == [1.0]


def test_by_cluster_the_covariate_is_that_of_its_column_from_the_end() -> None:
    c, t = with_gap(6.0)
    sums = [np.column_stack([RNG.normal(50, 5, n), RNG.poisson(9, n) + 1.0, RNG.normal(0, 2, n)]) for n in (40, 50)]
    clusters = ClusterSums(moments=tuple(map(moments_of, sums)), bins=None, cross={}, both={})
    (only,) = imbalance(whole(covered(c, t, clusters=clusters)))
    test = stats.ttest_ind(sums[1][:, 2], sums[0][:, 2], equal_var=False)
    assert only.data["pvalue"] == pytest.approx(test.pvalue, rel=1e-8)


def test_the_fewest_units_that_carry_an_effect_are_counted() -> None:
    c, t = RNG.normal(10, 1, 300), RNG.normal(10, 1, 200)
    t[:2] = 60.0, 55.0
    (only,) = found(of(c, t), "outliers")
    se = np.hypot(c.std(ddof=1) / 300**0.5, t.std(ddof=1) / 200**0.5)
    effect, one, two = t.mean() - c.mean(), np.delete(t, 0).mean() - c.mean(), t[2:].mean() - c.mean()
    assert abs(effect - one) >= 0.5 * se  # one is enough
    assert abs(effect - two) > abs(effect - one)
    assert only.severity is Severity.WARN
    assert only.data == {
        "metric": "metric",
        "proposed": "ml",
        "units": 1,
        "farthest": 60.0,
        "share_of_effect": pytest.approx((effect - one) / effect),
        "effect": pytest.approx(effect),
        "effect_without": pytest.approx(one),
    }
    assert only.message.startswith("One unit (60) moves the effect of ml on metric from ")
    assert (", " in only.message.split(" to ")[1]) == (0 < (effect - one) / effect <= 1)
    assert only.why
    assert only.do


def test_units_of_both_variants_count_by_what_they_weigh_in_the_effect() -> None:
    c, t = RNG.normal(0, 1, 400), RNG.normal(0, 1, 100)
    c[:3], t[0] = [-16.0, -15.0, -14.0], 3.9
    (only,) = found(of(c, t), "outliers")
    se = np.hypot(c.std(ddof=1) / 400**0.5, t.std(ddof=1) / 100**0.5)
    arms = [(abs(x - a.mean()) / len(a), side, x) for side, a in enumerate((c, t)) for x in a]
    weights = sorted(arms, reverse=True)
    effect = t.mean() - c.mean()
    for k in range(1, 11):
        out = [[x for _, side, x in weights[:k] if side == arm] for arm in (0, 1)]
        left = [(a.sum() - sum(x)) / (len(a) - len(x)) for a, x in zip((c, t), out, strict=True)]
        if abs(effect - (left[1] - left[0])) >= 0.5 * se:
            break
    assert only.data.get("units") == k
    assert only.data["effect_without"] == pytest.approx(left[1] - left[0])
    assert only.data["farthest"] == max((x for _, _, x in weights[:k]), key=abs)
    assert f"{k} units (the farthest at −16) move" in only.message


def test_small_variants_other_kinds_and_clusters_have_no_outliers() -> None:
    c, t = RNG.normal(10, 1, 300), RNG.normal(10, 1, 200)
    t[0] = 90.0
    outlying = of(c, t)
    assert found(outlying, "outliers")[0].severity is Severity.WARN
    ten, eleven = of(c, np.r_[90.0, RNG.normal(10, 1, 9)]), of(c, np.r_[90.0, RNG.normal(10, 1, 10)])
    assert found(ten, "outliers")[0].severity is Severity.PASS
    assert found(eleven, "outliers")[0].severity is Severity.WARN
    share = replace(outlying, metric=replace(outlying.metric, kind=MetricKind.PROPORTION))
    assert found(share, "outliers")[0].severity is Severity.PASS


def test_what_any_small_sample_has_is_no_outlier() -> None:
    """Ten of 200 normal values moved the effect by half a standard error in a third of all tests."""
    told = [
        found(of(*RNG.normal(10, 1, (2, n))), "outliers")[0].severity for n in (30, 100, 200, 400) for _ in range(50)
    ]
    assert sum(severity is Severity.WARN for severity in told) <= 6  # about 1 % are expected
    c, t = RNG.normal(10, 1, 300), np.r_[13.0, RNG.normal(10, 1, 12)]
    for z, severity in ((2.9, Severity.PASS), (3.1, Severity.WARN)):
        # A value that lies z standard deviations of the whole from its mean, itself included.
        rest = t[1:] - t[1:].mean()
        n, spread = len(t), float(rest @ rest)
        gap = np.sqrt(z**2 * spread / (n - 1) / ((n - 1) ** 2 / n**2 - z**2 / n))
        assert found(of(c, np.r_[t[1:].mean() + gap, t[1:]]), "outliers")[0].severity is severity


def test_every_proposed_variant_is_looked_at() -> None:
    c, t = RNG.normal(10, 1, 300), RNG.normal(10, 1, 200)
    far = np.r_[90.0, t[1:]]
    two = of(c, t)
    three = replace(
        two,
        variants=("rules", "ml", "tree"),
        moments=(*two.moments, moments_of(far)),
        extremes=(*two.extremes, far[:1]),
    )
    assert [f.data["proposed"] for f in found(three, "outliers")] == ["tree"]
