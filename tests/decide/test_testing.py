"""The expected net value of a test against simulated tests, and against the value of information."""

from dataclasses import replace

import numpy as np
import pytest

from abimpact.decide.money import annuity, evsi
from abimpact.decide.testing import Trials, before_test, length, prospect
from abimpact.spec.value import Costs, Prior
from tests.decide.test_money import TERMS

PRIOR = Prior(mean=0.0, sd=0.03, is_relative=False)
SD, PER_DAY = 3.35, 20_000.0
TRIALS = Trials(units_per_day=PER_DAY, share=0.5, variance=4 * SD**2)
KNOWN = replace(TERMS, prior=PRIOR, usual=replace(TERMS.usual, per_unit=0.001), test_cost_per_day=50.0)


def test_the_expected_net_value_is_that_of_simulated_tests() -> None:
    worth = before_test(KNOWN, "ml", 2.6, 1, 12e6, 0.95)
    assert worth is not None
    rng, runs, days = np.random.default_rng(4), 400_000, 28
    effect = rng.normal(0.0, 0.03, runs)
    se = SD * 2 / (PER_DAY * days) ** 0.5
    seen = effect + rng.normal(0.0, se, runs)
    mean = seen * 0.03**2 / (0.03**2 + se**2)
    years, discounted = days / 365, annuity(2, 0.1)
    yearly = 12e6 * (0.35 * effect - 0.001)
    ship = discounted * (yearly - 60_000) - 90_000 - 0.5 * years * yearly
    keep = 0.5 * years * yearly - 60_000 * years
    # One ships if the posterior says so, and earns by the truth.
    believed = 12e6 * (0.35 * mean - 0.001)
    ships = discounted * (believed - 60_000) - 90_000 - years * believed + 60_000 * years > 0
    earned = np.where(ships, ship, keep) - 50 * days
    found = length(worth, KNOWN, TRIALS, days)
    assert found.net == pytest.approx(earned.mean(), abs=4 * earned.std() / runs**0.5)
    assert found.ships == pytest.approx(ships.mean(), abs=0.004)
    assert found.units == 560_000


def test_the_worth_of_the_data_is_the_value_of_information() -> None:
    worth = before_test(KNOWN, "ml", 2.6, 1, 12e6, 0.95)
    assert worth is not None
    assert length(worth, KNOWN, TRIALS, 14).worth == pytest.approx(evsi(worth, 4 * SD**2 / (14 * PER_DAY)), rel=1e-9)


def test_there_is_a_best_length_and_sometimes_none() -> None:
    worth = before_test(KNOWN, "ml", 2.6, 1, 12e6, 0.95)
    assert worth is not None
    found = prospect(worth, KNOWN, TRIALS, range(7, 366, 7))
    assert found.best is not None
    assert 7 < found.best.days < 365
    assert found.best.net == max(x.net for x in found.lengths) > found.now == 0.0
    dear = replace(KNOWN, test_cost_per_day=1e6)
    assert prospect(worth, dear, TRIALS, range(7, 366, 7)).best is None


def test_a_prior_of_lifts_is_one_on_the_scale_of_the_baseline_and_lower_may_be_better() -> None:
    lifts = replace(KNOWN, prior=Prior(mean=0.01, sd=0.02, is_relative=True))
    higher, lower = (before_test(lifts, "ml", 2.6, sign, 12e6, 0.95) for sign in (1, -1))
    assert higher is not None
    assert lower is not None
    assert (higher.mean, higher.sd) == pytest.approx((0.026, 0.052))
    assert lower.mean == pytest.approx(-0.026)
    assert before_test(replace(KNOWN, prior=None), "ml", 2.6, 1, 12e6, 0.95) is None


def test_a_metric_that_holds_its_costs_is_money_already() -> None:
    from abimpact.spec.expression import column

    varying = replace(KNOWN, usual=Costs(varying=column("tokens"), metric="profit less costs"), worth=0.35)
    worth = before_test(varying, "ml", 2.6, 1, 12e6, 0.95)
    assert worth is not None
    assert worth.per_effect == pytest.approx(12e6 * annuity(2, 0.1))
    assert length(worth, varying, TRIALS, 28).net > 0
