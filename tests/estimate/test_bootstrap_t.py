"""The studentized bootstrap from bins against one that resamples rows."""

from typing import Any

import numpy as np
import pytest

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.bootstrap_t import bootstrap_t
from abimpact.estimate.estimate import Estimate, Kind, NotEstimated
from abimpact.estimate.linear import linearise
from abimpact.estimate.table import estimate
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import bins
from abimpact.summarise.scan import scan_moments
from abimpact.summarise.summary import MetricSummary
from tests.estimate.cases import bins_of, cases, moments_of, summary
from tests.logs import frame, opened

RESAMPLES = 10_000
# Limits are order statistics 2.5 % from an end: their Monte-Carlo error is some 0.03 standard errors on either side,
# and bins add less.
SLACK = 0.2


def of(kind: MetricKind, incumbent: Any, proposed: Any, **more: Any) -> MetricSummary:
    bins = (bins_of(incumbent), bins_of(proposed))
    return summary(kind, moments_of(incumbent), moments_of(proposed), bins=bins, **more)


def run(whole: MetricSummary) -> Estimate:
    found = bootstrap_t(whole, 1, level=0.95, n_resamples=RESAMPLES, seed=1)
    assert isinstance(found, Estimate)
    return found


def influence(rows: Any, kind: MetricKind) -> tuple[Any, Any]:
    """Values of (b, n, d) resampled rows, and the standard errors by the influence of every row."""
    n = rows.shape[1]
    if kind is MetricKind.RATIO:
        top, bottom = rows[:, :, 0].sum(axis=1), rows[:, :, 1].sum(axis=1)
        value = top / bottom
        away = (rows[:, :, 0] - value[:, None] * rows[:, :, 1]) / (bottom / n)[:, None]
    else:
        value, away = rows[:, :, 0].mean(axis=1), rows[:, :, 0]
    return value, away.std(axis=1, ddof=1) / np.sqrt(n)


def by_rows(incumbent: Any, proposed: Any, kind: MetricKind) -> dict[str, tuple[float, float]]:
    """The limits of effect and lift from resampled rows."""
    rng = np.random.default_rng(8)
    drawn, seen = [], []
    for rows in (incumbent, proposed):
        values, errors = [], []
        for _ in range(10):
            picked = rows[rng.integers(0, len(rows), (RESAMPLES // 10, len(rows)))]
            v, e = influence(picked, kind)
            values.append(v)
            errors.append(e)
        drawn.append((np.concatenate(values), np.concatenate(errors)))
        seen.append(tuple(float(x[0]) for x in influence(rows[None], kind)))

    def effect(c: Any, t: Any) -> tuple[Any, Any]:
        return t[0] - c[0], np.hypot(t[1], c[1])

    def lift(c: Any, t: Any) -> tuple[Any, Any]:
        return t[0] / c[0] - 1, np.hypot(t[1] / c[0], t[0] * c[1] / c[0] ** 2)

    found = {}
    for name, told in (("absolute", effect), ("relative", lift)):
        (d, se), (d_star, se_star) = told(*seen), told(*drawn)
        low, high = np.quantile((d_star - d) / se_star, [0.025, 0.975])
        found[name] = (d - high * se, d - low * se)
    return found


def logs(kind: MetricKind) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    rows = []
    for n, scale in ((300, 1.0), (200, 1.1)):
        sessions = 1.0 + rng.poisson(2.0, n)
        amount = scale * rng.lognormal(1.0, 1.0, n) * (sessions if kind is MetricKind.RATIO else 1.0)
        rows.append(np.column_stack([amount, sessions]) if kind is MetricKind.RATIO else amount[:, None])
    return rows[0], rows[1]


@cases("two_sample_bootstrap_mc")
def test_limits_and_p_agree_with_long_runs(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    incumbent, proposed = (np.array(given[arm], dtype=float)[:, None] for arm in ("control", "treatment"))
    found = run(of(MetricKind.MEAN, incumbent, proposed))
    # Five Monte-Carlo errors, as the case says.
    for seen, name, place in (
        (found.absolute.low, "bootstrap_t_95", 0),
        (found.absolute.high, "bootstrap_t_95", 1),
        (found.pvalue, "p_studentized_equal_tailed", None),
    ):
        wanted, error = (
            told[name] if place is None else told[name][place] for told in (expected, expected["mc_sd_at_B_10000"])
        )
        assert seen == pytest.approx(wanted, abs=5 * error)


def test_limits_of_a_ratio_are_those_of_resampled_rows() -> None:
    incumbent, proposed = logs(MetricKind.RATIO)
    found = run(of(MetricKind.RATIO, incumbent, proposed))
    expected = by_rows(incumbent, proposed, MetricKind.RATIO)
    for interval, limits in ((found.absolute, expected["absolute"]), (found.relative, expected["relative"])):
        se = (limits[1] - limits[0]) / 4
        assert [interval.low, interval.high] == pytest.approx(limits, abs=SLACK * se)


def test_bins_of_a_scan_give_the_limits_of_its_rows() -> None:
    rng = np.random.default_rng(6)
    data = frame(600, value=rng.lognormal(0.0, 1.5, 600))
    with opened(data, ["value"]) as log:
        columns = log.columns["value"]
        found = scan_moments(log.engine, log.relation, [columns], 2)[0]
        binned = bins(log.engine, log.relation, MetricKind.MEAN, columns, found)
    assert max(len(b.count) for b in binned) < 60
    rows = [data.loc[data.variant == v, ["value"]].to_numpy(float) for v in ("rules", "ml")]
    resampled = run(summary(MetricKind.MEAN, *found, bins=binned))
    expected = by_rows(rows[0], rows[1], MetricKind.MEAN)["absolute"]
    se = (expected[1] - expected[0]) / 4
    assert [resampled.absolute.low, resampled.absolute.high] == pytest.approx(expected, abs=SLACK * se)


def test_an_adjusted_effect_is_that_of_its_residuals() -> None:
    rng = np.random.default_rng(7)
    rows = []
    for n in (300, 250):
        before = rng.lognormal(0.0, 1.0, n)
        rows.append(np.column_stack([0.8 * before + rng.lognormal(0.0, 1.0, n), before]))
    whole = of(MetricKind.MEAN, *rows, covariates=("before",))
    linear = [linearise(whole, arm) for arm in (1, 0)]
    fitted = adjust(linear[0], linear[1], ("before",))  # type: ignore[arg-type]
    assert isinstance(fitted, Adjustment)
    residuals = [(r[:, 0] - r[:, 1] * fitted.theta[0])[:, None] for r in rows]
    expected = by_rows(residuals[0], residuals[1], MetricKind.MEAN)["absolute"]
    found, se = run(whole), (expected[1] - expected[0]) / 4
    assert [found.absolute.low, found.absolute.high] == pytest.approx(expected, abs=SLACK * se)
    assert found.absolute.estimate == pytest.approx(fitted.difference.estimate, rel=1e-12)
    assert found.se == pytest.approx(fitted.difference.se / np.sqrt(fitted.inflation), rel=1e-9)


def test_an_adjusted_ratio_is_that_of_its_linearised_residuals() -> None:
    rng, rows = np.random.default_rng(9), []
    for n in (400, 300):
        before, sessions = rng.gamma(2.0, 1.0, n), 1.0 + rng.poisson(2.0, n)
        rows.append(np.column_stack([sessions * (before + rng.gamma(2.0, 1.0, n)), sessions, before]))
    whole = of(MetricKind.RATIO, *rows, covariates=("before",))
    adjusted = estimate(whole, 1, level=0.95, n_resamples=0, seed=1).estimates[-1]
    found = run(whole)
    assert adjusted.method == "adjusted"
    assert found.absolute.estimate == pytest.approx(adjusted.absolute.estimate, rel=1e-9)
    assert found.relative.estimate == pytest.approx(adjusted.relative.estimate, rel=1e-9)
    # Values are hardly skewed, so the limits are nearly those of the formula: a tenth of a standard error.
    assert found.absolute.low == pytest.approx(adjusted.absolute.low, abs=0.15 * (adjusted.se or 0.0))
    assert found.absolute.high == pytest.approx(adjusted.absolute.high, abs=0.15 * (adjusted.se or 0.0))


def test_p_is_dual_to_the_interval() -> None:
    incumbent, proposed = logs(MetricKind.MEAN)
    for gap in (0.0, 0.4, 0.8, 1.2):
        found = run(of(MetricKind.MEAN, incumbent, proposed + gap))
        assert found.absolute.low is not None
        assert (found.absolute.low > 0) == (found.pvalue < 0.05)


def test_what_does_not_vary_has_no_width() -> None:
    constant = np.full((20, 1), 3.0)
    found = run(of(MetricKind.MEAN, constant, constant))
    assert (found.absolute.low, found.absolute.high) == (0.0, 0.0)


def test_a_lift_over_nothing_is_not_defined() -> None:
    rng = np.random.default_rng(1)
    found = run(of(MetricKind.MEAN, np.zeros((50, 1)), rng.normal(1.0, 1.0, (50, 1))))
    assert found.relative.kind is Kind.UNDEFINED


def test_a_denominator_that_changes_its_sign_is_not_resampled() -> None:
    rng = np.random.default_rng(2)
    rows = np.column_stack([rng.normal(1.0, 1.0, 50), rng.normal(0.05, 1.0, 50)])
    found = bootstrap_t(of(MetricKind.RATIO, rows, rows), 1, level=0.95, n_resamples=999, seed=1)
    assert isinstance(found, NotEstimated)
    assert found.reason == "zero_denominator"
