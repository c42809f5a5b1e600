"""The simulated power of a quantile against tests made of drawn units."""

import numpy as np
import pytest
from scipy.special import ndtr

from abimpact.estimate.power import Once, Planned
from abimpact.estimate.quantile import compare_quantiles, quantile_arm, ranks_wanted
from abimpact.estimate.quantile_power import Curve, QuantileClaim, ranks_of_curve
from abimpact.summarise.summary import Ranks
from tests.estimate.cases import arm

P = np.linspace(0.0005, 0.9995, 2_000)
CURVE = Curve(P, -100 * np.log1p(-P))  # waiting times


def claim(lift: float = 0.05, **more: object) -> QuantileClaim:
    told: dict[str, object] = {
        "curve": CURVE, "quantile": 0.9, "level": 0.95, "lift": lift, "edges": ((1, 1.0, 0.0),), "ratio": 1.0,
        "alpha": 0.05, "looking": Once(), "is_two_sided": True,
    }  # fmt: skip
    return QuantileClaim(**{**told, **more})  # type: ignore[arg-type]


def test_units_have_the_power_that_drawn_logs_have() -> None:
    n = round(claim().units(0.8) or 0)
    assert claim().power(n) == pytest.approx(0.8, abs=0.01)
    # The standard error of a quantile is sqrt(q (1 - q) / n) / density: 300 / sqrt(n) here, and its lift is 11.5.
    # The simulation needs some 3 % more, since the standard errors are themselves estimated.
    assert n == pytest.approx((1 + 1.05**2) * (2.802 * 300 / (0.05 * 230.26)) ** 2, rel=0.06)
    rng, shown = np.random.default_rng(5), []
    for _ in range(400):
        arms = []
        for scale in (100.0, 105.0):
            x = np.sort(rng.exponential(scale, n))
            arms.append(quantile_arm(Ranks(n, {r: x[r - 1] for r in ranks_wanted(n, 0.9, level=0.95)}), 0.9, 0.95))
        c, t = arms
        assert isinstance(c, type(arm(2, 0.0, 1.0)))
        assert isinstance(t, type(arm(2, 0.0, 1.0)))
        found = compare_quantiles(t, c, 0.95)
        shown.append((found.statistic or 0) > 0 and (found.pvalue or 1) < 0.05)
    # Monte-Carlo error of the share: 0.02.
    assert np.mean(shown) == pytest.approx(0.8, abs=0.08)


def test_a_margin_is_shown_against() -> None:
    safe = claim(0.0, edges=((-1, 1.05, 0.0),), alpha=0.1, is_two_sided=False)
    n = safe.units(0.9)
    assert n is not None
    assert safe.power(n) == pytest.approx(0.9, abs=0.01)
    both = claim(0.0, edges=((-1, 1.05, 0.0), (1, 0.95, 0.0)), alpha=0.1, is_two_sided=False)
    assert (both.units(0.9) or 0) > n


def test_more_looks_need_more_units() -> None:
    once, looked = claim().units(0.8), claim(looking=Planned((0.5, 1.0))).units(0.8)
    assert once is not None
    assert looked is not None
    assert 1.0 < looked / once < 1.05


def test_what_never_moves_is_never_shown() -> None:
    assert claim(0.0).units(0.8) is None
    assert claim(0.0).power(100_000) == pytest.approx(0.05, abs=0.02)
    assert float(ndtr(claim(0.5).drift(10))) < 0.9


def test_the_ranks_of_a_curve_are_ranks() -> None:
    found = ranks_of_curve(1_000, 0.99)
    assert found[0] == 1
    assert found[-1] == 1_000
    assert len(found) < 700
    assert ranks_of_curve(1, 0.5) == []


@pytest.mark.parametrize(
    ("side", "factor", "shift"), [(-1, 1.05, 0.0), (-1, 1.0, 11.5), (1, 0.95, 0.0), (1, 1.0, -11.5)]
)
def test_an_edge_is_as_far_away_as_its_form_says(side: int, factor: float, shift: float) -> None:
    one = claim(0.0, edges=((side, factor, shift),), alpha=0.1, is_two_sided=False, ratio=0.5)
    n = 20_000
    q, se = 230.26, 300 / np.sqrt(n)
    expected = side * (q - factor * q - shift) / np.sqrt(2 * se**2 + factor**2 * se**2)
    # Of 10,000 simulated tests, and with standard errors that are estimated: some 4 % off.
    assert one.drift(n) == pytest.approx(expected, rel=0.08)
    assert one.power(n) == pytest.approx(float(ndtr(one.drift(n) - 1.645)), abs=1e-3)


def test_an_equivalence_has_the_power_that_both_sides_leave() -> None:
    edges = ((-1, 1.05, 0.0), (1, 0.95, 0.0))
    both = claim(0.0, edges=edges, alpha=0.1, is_two_sided=False)
    one, other = (claim(0.0, edges=(edge,), alpha=0.1, is_two_sided=False) for edge in edges)
    n = 15_000
    assert both.power(n) == pytest.approx(one.power(n) + other.power(n) - 1)
    assert both.drift(n) == min(one.drift(n), other.drift(n))
    assert claim(0.0, edges=edges, alpha=0.1, is_two_sided=False).power(500) == 0.0
    units = both.units(0.8)
    assert units is not None
    # Each side is planned at 0.9, so that both leave at least 0.8.
    assert 0.78 < both.power(units) < 0.84


def test_the_ranks_of_a_curve_are_even_and_near_the_quantile() -> None:
    found = np.array(ranks_of_curve(100_000, 0.9))
    near = found[(found > 85_000) & (found <= 95_000)]
    assert len(near) == pytest.approx(400 + 20, abs=3)
    assert len(found) == pytest.approx(600, abs=4)
    assert CURVE(np.array([0.5]))[0] == pytest.approx(100 * np.log(2), rel=1e-4)
