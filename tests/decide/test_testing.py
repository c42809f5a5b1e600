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


def test_deciding_now_earns_what_is_expected_or_nothing() -> None:
    for mean in (0.05, -0.05):
        worth = before_test(
            replace(KNOWN, prior=Prior(mean=mean, sd=0.03, is_relative=False)), "ml", 2.6, 1, 12e6, 0.95
        )
        assert worth is not None
        found = prospect(worth, KNOWN, TRIALS, [28])
        assert found.now == max(worth.npv.estimate or 0.0, 0.0)
        assert (found.now > 0) == (mean > 0)
        assert found.worth == worth
        # The data are worth what they add to deciding now, whichever way that goes.
        assert found.lengths[0].worth == pytest.approx(evsi(worth, 4 * SD**2 / (28 * PER_DAY)), rel=1e-6)
        assert (found.lengths[0].days, found.lengths[0].units) == (28, 560_000)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_test_costs_what_the_others_wait_for_or_what_it_ran_for_nothing(share: float) -> None:
    """With a certain effect the expected net value is that of the one decision that follows."""
    trials = replace(TRIALS, share=share)
    years, discounted = 28 / 365, annuity(2, 0.1)
    for mean, ships in ((1.0, 1.0), (-1.0, 0.0)):
        certain = replace(KNOWN, prior=Prior(mean=mean, sd=1e-6, is_relative=False))
        worth = before_test(certain, "ml", 2.6, 1, 12e6, 0.95)
        assert worth is not None
        yearly = 12e6 * (0.35 * mean - 0.001)
        shipped = discounted * (yearly - 60_000) - 90_000 - (1 - share) * years * yearly
        kept = share * years * yearly - 60_000 * years
        found = length(worth, certain, trials, 28)
        assert found.net == pytest.approx((shipped if ships else kept) - 50 * 28, rel=1e-4)
        assert found.ships == pytest.approx(ships, abs=1e-9)
        assert found.worth == pytest.approx(0.0, abs=1.0)


def test_a_length_that_earns_no_more_than_deciding_now_is_no_best_one() -> None:
    certain = replace(KNOWN, prior=Prior(mean=1.0, sd=1e-6, is_relative=False))
    worth = before_test(certain, "ml", 2.6, 1, 12e6, 0.95)
    assert worth is not None
    assert prospect(worth, certain, TRIALS, [7, 28]).best is None
    assert prospect(worth, certain, TRIALS, []).best is None
    priced = before_test(replace(certain, prior=Prior(mean=0.1, sd=0.1, is_relative=True)), "ml", -2.6, 1, 12e6, 0.95)
    assert priced is not None
    assert (priced.mean, priced.sd) == pytest.approx((0.26, 0.26))
    assert priced.break_even_relative == pytest.approx(priced.break_even_absolute / 2.6)
    nothing = before_test(replace(certain, prior=Prior(mean=0.1, sd=0.1, is_relative=False)), "ml", 0.0, 1, 12e6, 0.95)
    assert nothing is not None
    assert nothing.break_even_relative is None
