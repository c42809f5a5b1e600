"""Boundaries against the reference numbers and scipy's multivariate normal distribution."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from abimpact.errors import UsageError
from abimpact.estimate.sequential import Spending, boundaries, confidence_sequence_z, crossings, spent
from tests.estimate.cases import cases


@cases("lan_demets")
def test_boundaries_are_those_of_the_reference(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    found = boundaries(given["information_fractions"], given["alpha_two_sided"], Spending(given["spending"]))
    assert found.z == pytest.approx(expected["bounds_z"], abs=case["tolerance"]["abs"])
    assert found.spent == pytest.approx(expected["cumulative_alpha"], rel=1e-9)
    assert found.pvalues == pytest.approx(expected["nominal_p_two_sided"], rel=1e-6)


@cases("confidence_sequence")
def test_confidence_sequence_is_that_of_the_reference(case: dict[str, Any]) -> None:
    given = case["inputs"]
    found = confidence_sequence_z(given["n_total"], given["alpha"], given["tuning"])
    assert found == pytest.approx(case["expected"]["critical_z"], rel=case["tolerance"]["rel"])


@pytest.mark.parametrize("drift", [0.0, 2.8])
def test_crossings_agree_with_the_multivariate_normal_distribution(drift: float) -> None:
    fractions = np.array([0.2, 0.5, 0.55, 1.0])
    found = boundaries(fractions.tolist(), 0.05, Spending.POCOCK)
    covariance = np.minimum.outer(fractions, fractions) / np.sqrt(np.outer(fractions, fractions))
    normal = multivariate_normal(drift * np.sqrt(fractions), covariance)
    z = np.array(found.z)
    # The probability of staying inside at all looks; scipy integrates four dimensions to about 1e-5.
    inside = normal.cdf(z, lower_limit=-z)
    assert sum(map(sum, crossings(found, drift))) == pytest.approx(1 - inside, abs=5e-5)


def test_crossings_under_no_effect_spend_the_error_evenly() -> None:
    found = boundaries([0.1, 0.4, 1.0], 0.05)
    stops = np.array(crossings(found, 0.0))
    assert stops.sum(axis=1).cumsum() == pytest.approx(found.spent, rel=1e-9)
    assert stops[:, 0] == pytest.approx(stops[:, 1], rel=1e-9)


@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=12, unique=True).map(sorted),
    st.sampled_from(Spending),
    st.sampled_from([0.001, 0.05, 0.2]),
)
def test_all_the_error_is_spent_and_no_more(looks: list[int], spending: Spending, alpha: float) -> None:
    found = boundaries([n / 100 for n in looks], alpha, spending, is_final=True)
    assert sum(map(sum, crossings(found, 0.0))) == pytest.approx(alpha, rel=1e-8)


def test_a_test_that_ran_over_its_plan_uses_its_actual_fraction() -> None:
    planned, over = boundaries([0.5, 1.0], 0.05), boundaries([0.5, 1.3], 0.05)
    assert over.spent == planned.spent
    # The later look is less like the first one, so more of its crossings are new ones.
    assert over.z[1] > planned.z[1]
    assert sum(map(sum, crossings(over, 0.0))) == pytest.approx(0.05, rel=1e-9)


def test_a_first_look_at_almost_nothing_spends_almost_nothing() -> None:
    assert spent(1e-4, 0.05, Spending.OBRIEN_FLEMING) == 0
    found = boundaries([1e-4, 1.0], 0.05)
    assert found.z[0] > 30
    assert found.z[1] == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize("fractions", [[], [0.5, 0.5], [0.0, 1.0], [1.0, 0.5], [0.5, 0.50001]])
def test_looks_must_rise(fractions: list[float]) -> None:
    with pytest.raises(UsageError, match="do not rise"):
        boundaries(fractions, 0.05)
