"""Trends of effects against statsmodels, and their error rates by simulation."""

import numpy as np
import pytest
import statsmodels.api as sm

from abimpact.estimate.estimate import Interval
from abimpact.estimate.trend import implied_se, trend


def test_the_line_is_that_of_weighted_least_squares() -> None:
    rng = np.random.default_rng(2)
    x, se = np.arange(14.0), rng.uniform(0.5, 2.0, 14)
    d = 3 - 0.2 * x + se * rng.normal(size=14)
    found = trend(list(x), list(d), list(se))
    assert found is not None
    fit = sm.WLS(d, sm.add_constant(x), weights=1 / se**2).fit()
    assert (found.slope, found.se, found.pvalue) == pytest.approx((fit.params[1], fit.bse[1], fit.pvalues[1]), rel=1e-9)
    assert (found.df, found.spread) == (fit.df_resid, pytest.approx(fit.scale, rel=1e-10))
    at = found.at(20.0, 0.9)
    assert (at.low, at.high) == pytest.approx(tuple(fit.get_prediction([[1.0, 20.0]]).conf_int(alpha=0.1)[0]), rel=1e-9)
    zero = found.reaches_zero_at()
    assert zero is not None
    assert found.at(zero, 0.9).estimate == pytest.approx(0, abs=1e-12)


def test_no_trend_is_found_as_often_as_chance_allows_and_a_real_one_nearly_always() -> None:
    rng = np.random.default_rng(8)
    x = np.arange(14.0)
    runs = 2_000
    for between in (0.0, 2.0):  # days that differ by more than their standard errors tell
        pvalues = []
        for noise in rng.normal(size=(runs, 14)) * np.sqrt(1 + between):
            found = trend(list(x), list(noise), [1.0] * 14)
            assert found is not None
            pvalues.append(found.pvalue)
        # Within four standard errors of the simulation.
        assert np.mean(np.array(pvalues) < 0.05) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / runs))
    found = [trend(list(x), list(4 - 0.4 * x + e), [1.0] * 14) for e in rng.normal(size=(200, 14))]
    assert np.mean([f is not None and f.pvalue < 0.01 for f in found]) > 0.95


def test_a_few_days_have_no_trend() -> None:
    assert trend([0, 1, 2, 3], [1, 3, 2, 4], [1, 1, 1, 1]) is None


def test_an_intervals_width_gives_its_standard_error() -> None:
    def interval(low: float | None, high: float | None) -> Interval:
        return Interval(estimate=1.0, low=low, high=high, level=0.95)

    assert implied_se(interval(1 - 1.959964, 1 + 1.959964), None) == pytest.approx(1, abs=1e-6)
    assert implied_se(interval(1 - 2.228139, 1 + 2.228139), 10) == pytest.approx(1, abs=1e-6)
    assert implied_se(interval(None, 2.0), None) is None
