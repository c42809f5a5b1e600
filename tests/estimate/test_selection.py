"""The winner's curse against reference numbers and simulated tests."""

from typing import Any

import numpy as np
import pytest

from abimpact.estimate.selection import expected_if_selected, shrunken
from tests.estimate.cases import cases


@cases("winners_curse_conditional")
def test_selected_estimates_are_too_large_by_the_reference(case: dict[str, Any]) -> None:
    given = case["inputs"]
    found = expected_if_selected(given["true_effect"], given["se"], given["z_threshold"])
    assert found == pytest.approx(case["expected"]["expected_estimate_given_selected"], rel=1e-9)


@pytest.mark.parametrize("truth", [0.5, 1.5, 2.5])
def test_the_shrunken_effect_is_the_one_whose_significant_estimates_average_to_it(truth: float) -> None:
    z = np.random.default_rng(4).normal(truth, 1.0, 400_000)
    seen = z[np.abs(z) > 1.96].mean()
    # At least 25,000 are significant: their mean has a standard error below 0.01, the shrunken effect below 0.04.
    assert shrunken(float(seen), 1.96) == pytest.approx(truth, abs=0.1)


def test_it_shrinks_the_more_the_nearer_the_estimate_is_to_the_bound() -> None:
    shares = [shrunken(z, 1.96) / z for z in (1.97, 2.2, 2.5, 3.0, 5.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.3
    assert shares[-1] > 0.95
    assert shrunken(-2.5, 1.96) == -shrunken(2.5, 1.96)
