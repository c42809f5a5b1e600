"""Tests against a declared margin: non-inferiority of guardrails, equivalence (methods.md i).

Each kind of metric gives the p-values that its change lies above or below a threshold; margins are made of those, so a
guardrail never needs a ratio's distribution: a lift above -m is the linear form m_t - (1 - m) m_c above 0.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

from abimpact.estimate import proportion
from abimpact.estimate.arm import ROUNDING, ArmMean
from abimpact.estimate.estimate import Interval, Margin
from abimpact.estimate.fieller import lift_interval
from abimpact.estimate.monitor import Monitor
from abimpact.estimate.proportion import Counts, StratifiedCounts
from abimpact.estimate.skewed import Skew, half_widths, one_sided_pvalue, skew_of, skewed_lift, touching
from abimpact.estimate.welch import SMALLEST_PVALUE, Difference, normal_difference, welch_df
from abimpact.spec.metric import Better, Tolerance


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How a metric's change is held against thresholds, relative or absolute as the margin is.

    `pvalue(threshold, side)` is the one-sided p in favour of a change above (side 1) or below (-1) the threshold;
    `interval(level)` the two-sided interval whose limits are the one-sided bounds.
    """

    pvalue: Callable[[float, int], float]
    interval: Callable[[float], Interval]


def test_margin(thresholds: Thresholds, margin: Tolerance, better: Better, level: float) -> Margin:
    """Non-inferiority and equivalence at one-sided level 1 - `level` each (Schuirmann 1987)."""
    m = margin.amount
    p_above = max(thresholds.pvalue(-m, 1), SMALLEST_PVALUE)
    p_below = max(thresholds.pvalue(m, -1), SMALLEST_PVALUE)
    limits = thresholds.interval(2 * level - 1)
    is_higher = better is Better.HIGHER
    worse = thresholds.pvalue(-m, -1) if is_higher else thresholds.pvalue(m, 1)
    return Margin(
        margin=m,
        is_relative=margin.is_relative,
        level=level,
        bound=limits.low if is_higher else limits.high,
        pvalue_safe=p_above if is_higher else p_below,
        pvalue_worse=max(worse, SMALLEST_PVALUE),
        pvalue_equivalent=max(p_above, p_below),
    )


def mean_thresholds(diff: Difference, *, is_relative: bool, is_skewed: bool, inflation: float) -> Thresholds | None:
    """Thresholds for means, ratios and adjusted values; None for a relative margin if the sign of m_c is open."""
    c = diff.c
    if is_relative and abs(c.value) <= _critical(diff, 0.95) * math.sqrt(c.variance_of_mean):
        return None

    def pvalue(threshold: float, side: int) -> float:
        d, se, factor = _form(diff, threshold, is_relative=is_relative)
        residual_c = diff.residual_c.scaled(factor)
        # The fitted slopes took their degrees of freedom; the arms' own weights follow the factor.
        df = welch_df(diff.residual_t, residual_c) - (welch_df(diff.residual_t, diff.residual_c) - diff.df)
        skew = skew_of(diff.residual_t, residual_c, se, inflation) if is_skewed else None
        return one_sided_pvalue(d, se, df, side, skew)

    skew = skew_of(diff.residual_t, diff.residual_c, diff.se, inflation) if is_skewed else None
    return Thresholds(pvalue, lambda level: _interval(diff, level, skew, is_relative=is_relative))


def looked_at_thresholds(
    diff: Difference, monitor: Monitor, level: float, skew: Skew | None, *, is_relative: bool
) -> Thresholds | None:
    """Thresholds of any difference that hold over all looks."""
    n, alpha = diff.t.n + diff.c.n, 1 - level
    q = monitor.one_sided_critical(n, alpha)
    if is_relative and abs(diff.c.value) <= q * math.sqrt(diff.c.variance_of_mean):
        return None

    def pvalue(threshold: float, side: int) -> float:
        d, se, factor = _form(diff, threshold, is_relative=is_relative)
        its = skew_of(diff.residual_t, diff.residual_c.scaled(factor), se) if skew else None
        return monitor.one_sided_pvalue(touching(d, se, side, its), n, alpha)

    limits = _limits(diff, q, level, skew, is_relative=is_relative)
    return Thresholds(pvalue, lambda _: limits)


def _form(diff: Difference, threshold: float, *, is_relative: bool) -> tuple[float, float, float]:
    """The linear form that is 0 at the threshold, its standard error, and the factor of the incumbent's value."""
    c = diff.c
    factor = 1 + math.copysign(threshold, c.value * threshold) if is_relative else 1.0
    shift = 0.0 if is_relative else threshold
    parts = diff.t.variance_of_mean, -2 * factor * diff.covariance, factor**2 * c.variance_of_mean
    # What rounding may leave of a variance of 0 is more than nothing.
    variance = max(math.fsum(parts), ROUNDING**2 * math.fsum(map(abs, parts)))
    return diff.t.value - factor * c.value - shift, float(np.sqrt(variance)), factor


def _critical(diff: Difference, level: float) -> float:
    return float(stdtrit(diff.df, 0.5 + level / 2))


def _interval(diff: Difference, level: float, skew: Skew | None, *, is_relative: bool) -> Interval:
    return _limits(diff, _critical(diff, level), level, skew, is_relative=is_relative)


def _limits(diff: Difference, q: float, level: float, skew: Skew | None, *, is_relative: bool) -> Interval:
    if is_relative and skew:
        return skewed_lift(diff.t, diff.c, diff.covariance, q, level, skew)
    if is_relative:
        return lift_interval(diff.t, diff.c, diff.covariance, q, level)
    below, above = half_widths(diff.se, q, skew)
    return Interval(estimate=diff.estimate, low=diff.estimate - below, high=diff.estimate + above, level=level)


def quantile_thresholds(t: ArmMean, c: ArmMean, covariance: float, *, is_relative: bool) -> Thresholds | None:
    """Thresholds for quantiles, by the normal distribution."""
    return mean_thresholds(normal_difference(t, c, covariance), is_relative=is_relative, is_skewed=False, inflation=1.0)


def proportion_thresholds(counts: Counts | StratifiedCounts, *, is_relative: bool) -> Thresholds:
    """Thresholds for proportions by the score statistic at the threshold (Miettinen & Nurminen 1985)."""

    def pvalue(threshold: float, side: int) -> float:
        z = proportion.score_ratio_z(counts, 1 + threshold) if is_relative else proportion.score_z(counts, threshold)
        return float(ndtr(-side * z))

    interval = proportion.lift_interval if is_relative else proportion.difference_interval
    return Thresholds(pvalue, lambda level: interval(counts, level))
