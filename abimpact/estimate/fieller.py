"""Fieller's confidence set for a ratio of two values (Fieller 1954), as an interval of the lift."""

from dataclasses import dataclass

import numpy as np

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Interval, Kind


@dataclass(frozen=True, slots=True)
class RatioSet:
    """All R with (m_t - R m_c)^2 <= q^2 (v_t - 2 R cov + R^2 v_c): its kind and its two roots, lower first."""

    kind: Kind
    low: float | None
    high: float | None


def ratio_set(m_t: float, v_t: float, m_c: float, v_c: float, covariance: float, q: float) -> RatioSet:
    """Fieller's set for m_t / m_c; for an exclusive set the roots bound the gap.

    `v_t`, `v_c` are squared standard errors, `covariance` that of the two values, `q` the critical value.
    """
    a = m_c**2 - q**2 * v_c
    b = m_t * m_c - q**2 * covariance
    discriminant = b * b - a * (m_t**2 - q**2 * v_t)
    if a > 0:
        root = float(np.sqrt(max(discriminant, 0.0)))
        return RatioSet(Kind.BOUNDED, (b - root) / a, (b + root) / a)
    if a == 0 or discriminant < 0:
        return RatioSet(Kind.WHOLE, None, None)
    root = float(np.sqrt(discriminant))
    low, high = sorted(((b - root) / a, (b + root) / a))
    return RatioSet(Kind.EXCLUSIVE, low, high)


def lift_component(t: ArmMean, c: ArmMean, covariance: float, q: float) -> tuple[float | None, float | None]:
    """The limits of the part of the lift's set that holds the estimate; None where it is unbounded."""
    found = ratio_set(t.value, t.variance_of_mean, c.value, c.variance_of_mean, covariance, q)
    if found.low is None or found.high is None:
        return None, None
    low, high = _lifts(found.low, found.high, c.value)
    if found.kind is Kind.BOUNDED:
        return low, high
    return (high, None) if (t.value - c.value) / abs(c.value) >= high else (None, low)


def lift_interval(t: ArmMean, c: ArmMean, covariance: float, q: float, level: float) -> Interval:
    """The lift (m_t - m_c) / |m_c| with Fieller's limits; unbounded sets have none and say so by their kind."""
    if c.value == 0:
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED)
    found = ratio_set(t.value, t.variance_of_mean, c.value, c.variance_of_mean, covariance, q)
    estimate = (t.value - c.value) / abs(c.value)
    if found.kind is not Kind.BOUNDED or found.low is None or found.high is None:
        return Interval(estimate=estimate, low=None, high=None, level=level, kind=found.kind)
    low, high = _lifts(found.low, found.high, c.value)
    return Interval(estimate=estimate, low=low, high=high, level=level)


def unbounded_note(t: ArmMean, c: ArmMean, covariance: float, q: float) -> str:
    """Why a lift has no bounded interval, with what is excluded all the same; empty if it is bounded."""
    if c.value == 0:
        return "no lift: the incumbent's value is 0"
    found = ratio_set(t.value, t.variance_of_mean, c.value, c.variance_of_mean, covariance, q)
    if found.kind is Kind.BOUNDED:
        return ""
    se = float(np.sqrt(c.variance_of_mean))
    why = f"the incumbent's value is not distinguishable from 0 ({c.value:.3g}, standard error {se:.3g})"
    if found.low is None or found.high is None:
        return f"the lift is not estimable: {why}"
    low, high = _lifts(found.low, found.high, c.value)
    gap = f"{low * 100:+.1f} % and {high * 100:+.1f} %"
    return f"no bounded interval for the lift: {why}; only lifts between {gap} are excluded"


def _lifts(low: float, high: float, incumbent: float) -> tuple[float, float]:
    """Roots of the ratio as lifts over |incumbent|, lower first."""
    return (low - 1, high - 1) if incumbent > 0 else (1 - high, 1 - low)
