"""Sample sizes, detectable effects and power against golden cases, statsmodels and simulation."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import power_proportions_2indep, samplesize_proportions_2indep_onetail

from abimpact.estimate.claims import Kpi, Terms, better, detectable, equivalent, joint, safe
from abimpact.estimate.monitor import AlwaysValid
from abimpact.estimate.power import Anytime, Claim, Looking, Once, Planned
from abimpact.estimate.proportion import Counts, score_ratio_z, score_z
from abimpact.estimate.sequential import boundaries
from abimpact.spec.metric import Better, Tolerance
from tests.estimate.cases import cases


def mean(baseline: float, sd: float, better_: Better = Better.HIGHER) -> Kpi:
    return Kpi(baseline=baseline, sd=sd, is_proportion=False, better=better_)


def share(p: float, better_: Better = Better.HIGHER) -> Kpi:
    return Kpi(baseline=p, sd=float(np.sqrt(p * (1 - p))), is_proportion=True, better=better_)


def terms(alpha: float = 0.05, ratio: float = 1.0, looking: Looking | None = None) -> Terms:
    return Terms(alpha=alpha, ratio=ratio, looking=looking or Once())


@cases("sample_size_mean")
def test_units_for_a_mean(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    sd = given["sd"] * (1 - given["cuped_correlation"] ** 2) ** 0.5
    claim = better(
        mean(given["control_mean"], sd),
        given["control_mean"] * given["relative_lift"],
        terms(given["alpha"], given["treat_to_control_ratio"]),
    )
    n = claim.units(given["power"])
    assert n == pytest.approx(expected["n_control_closed_form"], rel=1e-9)
    # statsmodels counts the wrong tail too, which the closed form leaves out (below 1e-4 relative).
    assert n == pytest.approx(expected["n_control_statsmodels_normal"], rel=1e-4)


@cases("sample_size_proportion")
def test_units_for_a_proportion(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    p = given["control_rate"]
    claim = better(share(p), p * given["relative_lift"], terms(given["alpha"], given["treat_to_control_ratio"]))
    assert claim.units(given["power"]) == pytest.approx(expected["n_control_pooled_null"], rel=1e-9)


@cases("mde")
def test_detectable_effects(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    kpi, how = mean(given["mean"], given["sd"]), terms(given["alpha"], given["n_t"] / given["n_c"])
    found = detectable(kpi, given["n_c"], given["power"], how)
    assert found == pytest.approx(expected["mde_absolute"], rel=1e-9)
    assert found == pytest.approx(expected["mde_absolute_two_tail_exact"], rel=2e-6)
    half = better(kpi, expected["mde_absolute"] / 2, how).power(given["n_c"])
    assert half == pytest.approx(expected["power_at_half_mde"], rel=1e-9)


@cases("sequential_sample_size")
def test_units_for_a_confidence_sequence(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    # An effect of 0.02 per square root of all units is one of sd 1 and 0.04 at an even split.
    effect = 2 * given["standardised_effect_per_sqrt_n"]
    claim = better(mean(1.0, 1.0), effect, terms(given["alpha"], looking=Anytime(given["tuning"])))
    n = claim.units(given["power_at_that_look"])
    assert n is not None
    assert 2 * n == pytest.approx(expected["n_total"], rel=1e-6)


@pytest.mark.parametrize(("lift", "ratio", "power"), [(0.05, 1.0, 0.8), (0.1, 0.25, 0.9), (0.2, 3.0, 0.7)])
def test_statsmodels_agrees(lift: float, ratio: float, power: float) -> None:
    found = better(mean(2.0, 5.0), 2.0 * lift, terms(ratio=ratio)).units(power)
    reference = NormalIndPower().solve_power(2.0 * lift / 5.0, alpha=0.05, power=power, ratio=ratio)
    assert found == pytest.approx(reference, rel=1e-4)
    if ratio == 1.0:
        found = better(share(0.048), 0.048 * lift, terms()).units(power)
        one_tail = samplesize_proportions_2indep_onetail(0.048 * lift, 0.048, power, alpha=0.05)
        assert found == pytest.approx(one_tail, rel=1e-9)
        assert better(share(0.048), 0.048 * lift, terms()).power(one_tail) == pytest.approx(
            power_proportions_2indep(0.048 * lift, 0.048, one_tail, return_results=False), rel=1e-6
        )


def test_an_unequal_split_costs_what_the_formula_says() -> None:
    def total(ratio: float) -> float:
        return (better(mean(1.0, 3.0), 0.1, terms(ratio=ratio)).units(0.8) or 0.0) * (1 + ratio)

    for ratio in (1 / 9, 0.5, 3.0):
        assert total(ratio) / total(1.0) == pytest.approx((1 + ratio) * (1 + 1 / ratio) / 4, rel=1e-9)


@pytest.mark.parametrize("claim_of", [safe, equivalent])
@pytest.mark.parametrize("margin", [Tolerance(amount=0.05, is_relative=True), Tolerance(amount=0.1, is_relative=False)])
@pytest.mark.parametrize("direction", list(Better))
def test_margins_of_means_have_the_power_that_draws_have(claim_of: Any, margin: Tolerance, direction: Better) -> None:
    how = terms(ratio=0.5)
    claim = claim_of(mean(2.0, 1.5, direction), margin, how)
    n = claim.units(0.8)
    assert claim.power(n) == pytest.approx(0.8, abs=1e-9)
    rng, runs = np.random.default_rng(1), 200_000
    c, t = 2 + 1.5 * rng.standard_normal(runs) / n**0.5, 2 + 1.5 * rng.standard_normal(runs) / (n * 0.5) ** 0.5

    def z(side: int) -> Any:
        factor = 1 + side * margin.amount if margin.is_relative else 1.0
        shift = 0.0 if margin.is_relative else side * margin.amount
        return -side * (t - factor * c - shift) / (1.5 * (factor**2 / n + 1 / (n * 0.5)) ** 0.5)

    worse = -1 if direction is Better.HIGHER else 1
    shown = z(worse) > norm.isf(0.05)
    if claim_of is equivalent:
        shown &= z(-worse) > norm.isf(0.05)
    # Monte-Carlo error of the share: 0.0009.
    assert shown.mean() == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(
    "margin", [Tolerance(amount=0.02, is_relative=True), Tolerance(amount=0.01, is_relative=False)]
)
def test_margins_of_proportions_have_the_power_of_their_score_tests(margin: Tolerance) -> None:
    claim = safe(share(0.8), margin, terms())
    n = round(claim.units(0.8) or 0)
    rng = np.random.default_rng(2)
    shown = []
    for x_c, x_t in rng.binomial(n, 0.8, (4_000, 2)):
        k = Counts(x_t=int(x_t), n_t=n, x_c=int(x_c), n_c=n)
        z = score_ratio_z(k, 1 - margin.amount) if margin.is_relative else score_z(k, -margin.amount)
        shown.append(z > norm.isf(0.05))
    # Monte-Carlo error of the share: 0.0063.
    assert np.mean(shown) == pytest.approx(0.8, abs=0.026)


def test_planned_looks_have_the_power_that_paths_have() -> None:
    looks = Planned((0.2, 0.4, 0.6, 0.8, 1.0))
    fixed = better(mean(1.0, 1.0), 0.1, terms()).units(0.8)
    claim = better(mean(1.0, 1.0), 0.1, terms(looking=looks))
    n = claim.units(0.8)
    assert fixed is not None
    assert n is not None
    # Methods.md l: some 3 % more units for bounds of the O'Brien-Fleming type.
    assert 1.02 < n / fixed < 1.03
    rng, runs = np.random.default_rng(3), 200_000
    score = np.cumsum(rng.standard_normal((runs, 5)) * 0.2**0.5 + claim.drift(n) * 0.2, axis=1)
    z = score / np.sqrt(looks.fractions)
    # The published bounds at five even looks.
    crossed = np.abs(z) >= [4.877, 3.357, 2.680, 2.290, 2.031]
    # Monte-Carlo error of the share: 0.0009.
    assert crossed.any(axis=1).mean() == pytest.approx(0.8, abs=0.005)
    ended = np.where(crossed.any(axis=1), np.array(looks.fractions)[crossed.argmax(axis=1)], 1.0)
    assert looks.mean_share(claim.drift(n), 0.05) == pytest.approx(ended.mean(), abs=0.005)


def test_a_lower_wanted_share_moves_down() -> None:
    found = detectable(share(0.02, Better.LOWER), 50_000, 0.8, terms())
    assert found is not None
    assert found < 0
    assert better(share(0.02, Better.LOWER), found, terms()).units(0.8) == pytest.approx(50_000, rel=1e-6)
    assert detectable(share(0.0001, Better.LOWER), 1_000, 0.8, terms()) is None


def test_no_distance_is_never_shown() -> None:
    assert better(mean(1.0, 1.0), 0.0, terms()).units(0.8) is None


def test_all_together_lies_between_its_bounds() -> None:
    least, independent, most = joint([0.9, 0.8, 0.95])
    assert (least, independent, most) == pytest.approx((0.65, 0.684, 0.8))
    assert joint([]) == (1.0, 1, 1.0)


def test_a_claim_is_a_value() -> None:
    assert isinstance(better(mean(1.0, 1.0), 0.1, terms()), Claim)


def test_a_confidence_sequence_has_the_power_of_its_bounds_at_the_last_look() -> None:
    found, n, drift = AlwaysValid(4_000.0), 3_000, 3.1
    z, one = found.critical(n, 0.05), found.one_sided_critical(n, 0.05)
    looking = Anytime(4_000.0)
    both = norm.sf(z - drift) + norm.cdf(-z - drift)
    assert looking.power(drift, 0.05, n, is_two_sided=True) == pytest.approx(both, rel=1e-9)
    assert looking.power(drift, 0.1, n, is_two_sided=False) == pytest.approx(norm.sf(one - drift), rel=1e-9)
    planned = AlwaysValid(float(n)).critical(n, 0.05)
    assert Anytime().power(drift, 0.05, n, is_two_sided=True) == pytest.approx(
        norm.sf(planned - drift) + norm.cdf(-planned - drift), rel=1e-9
    )


def test_one_look_has_the_power_of_a_z_test_on_one_side_or_both() -> None:
    for drift in (0.0, 1.0, 2.8):
        one = norm.sf(norm.isf(0.025) - drift)
        assert Once().power(drift, 0.05, 1.0, is_two_sided=False) == pytest.approx(one, rel=1e-12)
        wrong = norm.cdf(-norm.isf(0.025) - drift)
        assert Once().power(drift, 0.05, 1.0, is_two_sided=True) == pytest.approx(one + wrong, rel=1e-12)


def test_looks_end_a_test_on_either_side() -> None:
    looks = Planned((0.5, 1.0))
    # Without an effect the first look ends it on both sides as often as its error is spent.
    first = boundaries((0.5, 1.0), 0.05, is_final=True).spent[0]
    assert looks.mean_share(0.0, 0.05) == pytest.approx(0.5 * first + (1 - first), rel=1e-9)
    assert looks.power(0.0, 0.05, 0.0, is_two_sided=True) == pytest.approx(0.05, rel=1e-6)
    assert looks.power(0.0, 0.05, 0.0, is_two_sided=False) == pytest.approx(0.025, rel=1e-6)
    assert looks.mean_share(60.0, 0.05) == pytest.approx(0.5, abs=1e-9)


def test_what_no_number_shows_has_none_and_what_any_shows_has_the_fewest() -> None:
    claim = better(mean(1.0, 1.0), 0.0, terms())
    assert claim.units(0.8) is None
    assert better(mean(1.0, 1.0), 1e-9, terms(looking=Anytime(5_000.0))).units(0.8) is None
    assert better(mean(1.0, 1.0), 1e6, terms(looking=Anytime(5_000.0))).units(0.8) == 2.0


@pytest.mark.parametrize("direction", list(Better))
def test_a_share_has_room_up_to_all_or_down_to_none(direction: Better) -> None:
    kpi, n = share(0.3, direction), 400.0
    found = detectable(kpi, n, 0.8, terms())
    assert found is not None
    assert (found > 0) == (direction is Better.HIGHER)
    assert better(kpi, found, terms()).units(0.8) == pytest.approx(n, rel=1e-6)
    # Too few units would need more than there is: a fall below 0, or a rise above 1.
    few = detectable(share(0.02, direction), 30.0, 0.8, terms())
    assert (few is None) == (direction is Better.LOWER)
    assert detectable(share(0.98, direction), 30.0, 0.8, terms()) is None or direction is Better.LOWER


@pytest.mark.parametrize("margin", [Tolerance(amount=0.1, is_relative=True), Tolerance(amount=0.02, is_relative=False)])
@pytest.mark.parametrize("ratio", [0.25, 3.0])
def test_a_share_is_held_against_a_margin_by_its_score_at_any_split(margin: Tolerance, ratio: float) -> None:
    p, n = 0.2, 40_000
    claim = safe(share(p), margin, terms(ratio=ratio))
    counts = Counts(x_t=round(p * ratio * n), n_t=round(ratio * n), x_c=round(p * n), n_c=n)
    z = score_ratio_z(counts, 0.9) if margin.is_relative else score_z(counts, -0.02)
    # Without a change the score against the margin is distance sqrt(n) / null on average.
    assert claim.distance * np.sqrt(n) / claim.null == pytest.approx(z, rel=1e-4)
    factor = 0.9 if margin.is_relative else 1.0
    assert claim.alternative == pytest.approx(np.sqrt(p * (1 - p) * (factor**2 + 1 / ratio)))
    assert claim.distance == pytest.approx(0.02)
