"""What each variant is worth: its volume, its share of the traffic, its costs, and how two of them compare."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from abimpact.decide.money import value
from abimpact.decide.report import MetricResult
from abimpact.decide.value import Effect, Trial, Value
from abimpact.decide.worth import appraise, compare_values, units_per_year
from abimpact.errors import ConfigError
from abimpact.spec.metric import Better
from abimpact.spec.value import Costs, Prior
from tests.decide.test_money import TERMS, worth
from tests.render import build

UNITS = {"rules": 6_000, "ml": 2_000, "tree": 2_000}


def earning(variant: str, effect: float, better: Better = Better.HIGHER, **more: Any) -> MetricResult:
    limits = (effect, effect - 0.03, effect + 0.03)
    found = build.metric(
        "profit",
        build.estimate("welch", limits, (0, 0, 0), 0.01, se=more.pop("se", 0.015)),
        build.estimate("bootstrap", (effect, effect - 0.04, effect + 0.02), (0, 0, 0), 0.01),
        values=more.pop("values", (2.6, 2.7)),
        better=better,
    )
    return replace(found, proposed=replace(found.proposed, variant=variant))


def test_each_variant_has_the_value_of_its_effect_with_the_trial_that_was_run() -> None:
    results = [earning("ml", 0.039), earning("tree", -0.01)]
    others = {"old": 10_000}
    found = appraise(results, TERMS, UNITS, others, 73, 0.95)
    assert [v.proposed for v in found] == ["ml", "tree"]
    # A fifth of a year with 12 million units a year: 2.4 million, of which 2,000 had each variant.
    trial = Trial(units=10_000, share=2_000 / 2.4e6, years=0.2)
    effect = Effect(estimate=0.039, se=0.015, incumbent=2.6, resampled=results[0].estimates[1].absolute)
    assert found[0] == value(effect, TERMS, "ml", 12e6, 0.95, trial)
    assert found[0].resampled is not None
    # Without days the test took as long as its units do; without a volume it is that of the days, of all variants.
    (alone,) = appraise(results[:1], TERMS, {"rules": 6_000, "ml": 2_000}, {}, None, 0.95)
    assert alone.more[1].cost == pytest.approx(0.75 * 12e6 * 0.35 * 0.039 * 8_000 / 12e6)
    free = replace(TERMS, units_per_year=None, traffic_share=0.5, usual=Costs(metric="profit"))
    logged = appraise(results, free, UNITS, others, 73, 0.95)
    assert logged[0].units_per_year == pytest.approx(20_000 * 5 / 0.5)
    assert logged[0].more[1].cost == pytest.approx((1 - 2_000 / 40_000) * 2e5 * 0.35 * 0.039 * 0.2)


def test_the_share_of_the_traffic_is_at_most_that_of_the_test() -> None:
    # More units than a year has: the volume is the users', the share that of the log.
    few = replace(TERMS, units_per_year=10_000.0)
    (found,) = appraise([earning("ml", 0.039)], few, {"rules": 6_000, "ml": 2_000}, {}, 365, 0.95)
    gained = 10_000 * 0.35 * 0.039
    assert found.npv.estimate is not None
    assert found.npv.estimate < 0  # who would keep pays for running it
    assert found.more[1].cost == pytest.approx(60_000 + 0.2 * max(-gained, 0))


def test_lower_is_better_and_what_is_not_estimated_has_no_value() -> None:
    (found,) = appraise([earning("ml", -0.039, Better.LOWER)], TERMS, {"rules": 1, "ml": 1}, {}, 30, 0.95)
    assert found.mean == 0.039
    assert found.break_even_absolute == -worth().break_even_absolute
    for missing in (
        earning("ml", 0.039, se=None),
        replace(earning("ml", 0.039), estimates=(), chosen_method=None),
        replace(earning("ml", 0.0), estimates=(build.estimate("welch", (None, None, None), (0, 0, 0), 1.0, se=1.0),)),
    ):
        assert appraise([missing], TERMS, {"rules": 1, "ml": 1}, {}, 30, 0.95) == ()
    (found,) = appraise([earning("ml", 0.039, values=(0.0, 1.0))], TERMS, {"rules": 1, "ml": 1}, {}, 30, 0.95)
    assert found.break_even_relative is None


@pytest.mark.parametrize("terms", [{"costs": {"mi": Costs(metric="profit")}}, {"simplest_first": ("rules", "mi")}])
def test_a_variant_that_is_not_there_is_an_error_that_names_the_nearest(terms: Any) -> None:
    with pytest.raises(ConfigError, match="'mi'") as told:
        appraise([earning("ml", 0.039)], replace(TERMS, **terms), {"rules": 1, "ml": 1}, {}, 30, 0.95)
    assert "ml" in str(told.value.hint)
    known = replace(TERMS, simplest_first=("rules", "old"))
    assert appraise([earning("ml", 0.039)], known, {"rules": 1, "ml": 1}, {"old": 1}, 30, 0.95)


def test_the_volume_is_the_users_or_that_of_a_week_at_least() -> None:
    unknown = replace(TERMS, units_per_year=None, traffic_share=0.25)
    assert units_per_year(TERMS, 70, 1) == 12e6
    assert units_per_year(unknown, 70, 7) == pytest.approx(70 / 7 * 365 / 0.25)
    assert units_per_year(None, 70, 7) == pytest.approx(3_650)
    for days in (6, None):
        with pytest.raises(ConfigError, match="at least 7 days") as told:
            units_per_year(unknown, 70, days)
        assert "--time" in str(told.value.hint)


def of(name: str, mean: float, sd: float, **terms: Any) -> Value:
    return worth(Effect(estimate=mean, se=sd), name, **terms)


def test_two_variants_compare_by_the_normal_law_of_their_difference() -> None:
    one, other = of("a", 0.045, 0.016), of("b", 0.039, 0.015)
    for se, apart in ((0.01, 0.01), (None, float(np.hypot(0.016, 0.015)))):
        _, (found,) = compare_values([one, other], lambda *_, se=se: se, 0.9)
        assert (found.proposed, found.other) == ("b", "a")
        gap, sd = one.per_effect * -0.006, one.per_effect * apart
        half = norm.ppf(0.95) * sd
        npv = found.npv
        assert (npv.estimate, npv.low, npv.high) == pytest.approx((gap, gap - half, gap + half), rel=1e-6)
        assert (npv.level, found.probability_better) == (0.9, pytest.approx(norm.cdf(gap / sd), rel=1e-6))


def test_metrics_that_differ_are_taken_as_independent_and_certain_gaps_as_certain() -> None:
    one = of("a", 0.045, 0.016)
    other = replace(of("b", 0.039, 0.016), metric="other")
    _, (found,) = compare_values([one, other], lambda *_: 0.001, 0.95)
    assert found.probability_better == pytest.approx(norm.cdf(-0.006 / np.hypot(0.016, 0.016)), rel=1e-6)
    for gap, certain in ((0.001, 1.0), (-0.001, 0.0)):
        same = [of("a", 0.04, 0.016), of("b", 0.04 + gap, 0.016)]
        _, (found,) = compare_values(same, lambda *_: 0.0, 0.95)
        # The covariance is that of two copies of one number, but for rounding.
        assert found.probability_better == pytest.approx(certain, abs=1e-6)


def test_a_prior_shrinks_each_by_its_weight_and_what_they_share_by_both() -> None:
    prior = Prior(mean=0.0, sd=0.02, is_relative=False)
    se_a, se_b, apart = 0.01, 0.02, 0.018
    values = [of("a", 0.045, se_a, prior=prior), of("b", 0.039, se_b, prior=prior)]
    w_a, w_b = (0.02**2 / (0.02**2 + se**2) for se in (se_a, se_b))
    shared = w_a * w_b * (se_a**2 + se_b**2 - apart**2) / 2
    sd = np.sqrt(w_a * se_a**2 + w_b * se_b**2 - 2 * shared)
    ranked, (found,) = compare_values(values, lambda *_: apart, 0.95)
    gap = w_b * 0.039 - w_a * 0.045
    assert found.probability_better == pytest.approx(norm.cdf(gap / sd), rel=1e-6)
    assert 0 < (ranked[1].probability_best or 0) < (ranked[0].probability_best or 0) < 1


def test_the_incumbent_is_best_where_none_is_worth_its_costs() -> None:
    ranked, _ = compare_values([of("a", -0.2, 0.001), of("b", -0.3, 0.001)], lambda *_: None, 0.95)
    assert [v.probability_best for v in ranked] == [0.0, 0.0]
    ranked, _ = compare_values([of("a", 0.2, 0.001), of("b", 0.3, 0.001)], lambda *_: None, 0.95)
    assert [v.probability_best for v in ranked] == [0.0, 1.0]
