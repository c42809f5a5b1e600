"""Money against the reference numbers of tests/golden/methods.json (m), and against quadrature."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from abimpact.decide.money import annuity, evsi, fading_annuity, value
from abimpact.decide.value import Effect, Trial, Value
from abimpact.decide.worth import compare_values
from abimpact.estimate.estimate import Interval
from abimpact.spec.value import Costs, Prior, ValueTerms
from tests.estimate.cases import cases

TERMS = ValueTerms(
    metric="profit",
    worth=0.35,
    currency="EUR",
    units_per_year=12_000_000.0,
    traffic_share=1.0,
    horizon_years=2.0,
    discount_rate=0.1,
    usual=Costs(once={"build_cost": 90_000.0}, per_year={"run_cost_per_year": 60_000.0}, metric="profit"),
    costs={},
    test_cost_per_day=0.0,
    prior=None,
    advantage_half_life=None,
    ship_probability=0.95,
    keep_probability=0.05,
    simplest_first=(),
    assumed=(),
)
EFFECT = Effect(estimate=0.039, se=0.015, incumbent=2.6)


def worth(effect: Effect = EFFECT, proposed: str = "ml", **terms: Any) -> Value:
    told = replace(TERMS, **terms)
    return value(effect, told, proposed, told.units_per_year or 0.0, 0.95)


@cases("business_value")
def test_business_value(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    terms = replace(
        TERMS,
        worth=given["margin"],
        units_per_year=float(given["annual_units"]),
        horizon_years=float(given["years"]),
        discount_rate=given["rate"],
        usual=Costs(
            once={"build_cost": given["build_cost"]}, per_year={"run_cost_per_year": given["run_cost"]}, metric="profit"
        ),
        prior=Prior(mean=given["prior_mean"], sd=given["prior_sd"], is_relative=False),
    )
    effect = Effect(estimate=given["effect"], se=given["se"], incumbent=given["control_mean"])
    found = value(effect, terms, "ml", given["annual_units"], 0.95)
    close = {"rel": case["tolerance"]["rel"], "abs": case["tolerance"]["abs"]}
    assert found.weight == pytest.approx(expected["shrink_weight"], **close)
    assert (found.mean, found.sd) == pytest.approx((expected["posterior_mean"], expected["posterior_sd"]), **close)
    assert found.annual.estimate == pytest.approx(expected["annual_incremental_value"], **close)
    assert found.annual_net.estimate == pytest.approx(expected["annual_net"], **close)
    assert found.npv.estimate == pytest.approx(expected["npv"], **close)
    assert (found.npv.low, found.npv.high) == pytest.approx(expected["npv_95"], **close)
    assert found.break_even_absolute == pytest.approx(expected["break_even_absolute"], **close)
    assert found.break_even_relative == pytest.approx(expected["break_even_relative"], **close)
    payback = expected["payback_months"]
    assert found.payback_months == (None if payback == "inf" else pytest.approx(payback, **close))
    assert found.probability_pays == pytest.approx(expected["probability_pays"], **close)
    assert found.loss_if_ship == pytest.approx(expected["expected_loss_if_ship"], **close)
    assert found.loss_if_keep == pytest.approx(expected["expected_loss_if_keep"], **close)
    assert found.evpi == pytest.approx(expected["evpi"], **close)
    more = 2 * given["unit_sd"] ** 2 / given["more_units_per_arm"]
    assert evsi(found, more) == pytest.approx(expected["evsi"], **close)
    assert ((found.npv.estimate or 0) > 0) == (expected["decision"] == "ship") or expected["npv"] == pytest.approx(
        0, abs=1e-6
    )


def test_expected_losses_are_the_integrals_that_they_stand_for() -> None:
    found = worth()
    k, f = found.per_effect, found.fixed
    lost = quad(lambda d: max(f - k * d, 0.0) * norm.pdf(d, found.mean, found.sd), -0.2, 0.3, points=[f / k])[0]
    assert found.loss_if_ship == pytest.approx(lost, rel=1e-6)


def test_a_fading_advantage_is_the_integral_of_its_decay() -> None:
    # The average of each year's advantage is discounted at the year's end, as a constant advantage is.
    yearly = [quad(lambda t: 0.5 ** (t / 1.5), y, y + 1)[0] * 1.1 ** -(y + 1) for y in range(3)]
    assert fading_annuity(3, 0.1, 1.5) == pytest.approx(sum(yearly), rel=1e-12)
    assert fading_annuity(3, 0.1, 1e9) == pytest.approx(annuity(3, 0.1), rel=1e-6)
    assert worth(advantage_half_life=1.0).probability_pays < worth().probability_pays


def test_a_price_per_unit_raises_the_break_even_by_itself() -> None:
    priced = replace(TERMS.usual, per_unit=0.0035)
    assert worth(usual=priced).break_even_absolute == pytest.approx(worth().break_even_absolute + 0.0035 / 0.35)


def test_lower_is_better_turns_effect_and_break_even_round() -> None:
    found = worth(replace(EFFECT, sign=-1))
    assert found.break_even_absolute == -worth().break_even_absolute
    assert found.probability_pays == worth().probability_pays


def test_a_relative_prior_is_one_on_the_scale_of_the_incumbent() -> None:
    relative = worth(prior=Prior(mean=0.0, sd=0.02, is_relative=True))
    absolute = worth(prior=Prior(mean=0.0, sd=0.02 * 2.6, is_relative=False))
    assert relative == absolute


def test_waiting_costs_the_gain_forgone_or_the_run() -> None:
    trial = Trial(units=100_000, share=0.25, years=0.1)
    wanted = value(EFFECT, TERMS, "ml", 12e6, 0.95, trial)
    assert wanted.more[1].cost == pytest.approx(0.75 * 12e6 * 0.35 * 0.039 * 0.1)
    unwanted = value(replace(EFFECT, estimate=-0.01), TERMS, "ml", 12e6, 0.95, trial)
    assert unwanted.more[1].cost == pytest.approx(0.1 * (60_000 + 0.25 * 12e6 * 0.35 * 0.01))
    dear = value(EFFECT, replace(TERMS, test_cost_per_day=100.0), "ml", 12e6, 0.95, trial)
    assert dear.more[1].cost == pytest.approx(wanted.more[1].cost + 36.5 * 100)
    assert wanted.more[1].worth == pytest.approx(evsi(wanted, 0.015**2))


def test_the_best_of_three_has_the_probability_of_the_normal_law() -> None:
    effects = {"a": (0.039, 0.015), "b": (0.045, 0.016), "c": (0.02, 0.015)}
    shared = 0.010**2  # the variance of the incumbent, which all three share
    values = [worth(Effect(estimate=d, se=se), name) for name, (d, se) in effects.items()]
    apart = {(i, j): np.sqrt(effects[i][1] ** 2 + effects[j][1] ** 2 - 2 * shared) for i in "abc" for j in "abc"}
    ranked, contrasts = compare_values(values, lambda i, j: float(apart[i, j]), 0.95)
    # P(a best) is that of a - b, a - c and a - break-even being all positive.
    mean = np.array([v.mean for v in values])
    cov = np.full((3, 3), shared) + np.diag([effects[n][1] ** 2 - shared for n in "abc"])
    edge = values[0].fixed / values[0].per_effect
    for i, found in enumerate(ranked):
        others = [j for j in range(3) if j != i]
        turn = np.array([-np.eye(3)[i], *(np.eye(3)[j] - np.eye(3)[i] for j in others)])
        law = multivariate_normal(turn @ mean, turn @ cov @ turn.T)
        # Monte-Carlo error 0.0016; scipy integrates to 1e-5.
        assert found.probability_best == pytest.approx(law.cdf([-edge, 0, 0]), abs=0.008)
    b_over_a = next(c for c in contrasts if (c.proposed, c.other) == ("b", "a"))
    gap = (mean[1] - mean[0]) / apart["b", "a"]
    assert b_over_a.probability_better == pytest.approx(norm.cdf(gap))


def test_one_proposed_variant_has_no_contrasts() -> None:
    assert compare_values([worth()], lambda *_: None, 0.95) == ((worth(),), ())


def test_the_resampled_value_is_that_of_the_limits_of_the_effect() -> None:
    seen = Interval(estimate=0.039, low=0.01, high=0.07, level=0.9)
    for sign in (1, -1):
        found = worth(replace(EFFECT, sign=sign, resampled=seen))
        assert found.resampled is not None
        ends = sorted(found.per_effect * sign * x - found.fixed for x in (0.01, 0.07))
        assert [found.resampled.low, found.resampled.high] == pytest.approx(ends)
        assert found.resampled.estimate == pytest.approx(found.per_effect * 0.039 - found.fixed)
        assert found.resampled.level == 0.9
    for limits in ({"low": None}, {"high": None}):
        assert worth(replace(EFFECT, resampled=replace(seen, **limits))).resampled is None
    prior = Prior(mean=0.0, sd=0.05, is_relative=False)
    assert worth(replace(EFFECT, resampled=seen), prior=prior).resampled is None
    assert worth(EFFECT).resampled is None
