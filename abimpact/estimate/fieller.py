"""Fieller's confidence set for a ratio of two values (Fieller 1954), as an interval of the lift.

It is solved for the lift L and not for the ratio 1 + L, whose roots lose the digits of a small lift. With d = m_t - m_c
and its variance w, u = v_c - cov, and the sign s of m_c, these are all L (over |m_c|) for which
(d - L |m_c|)^2 <= q^2 (w + 2 L s u + L^2 v_c). It holds L = 0 exactly where |d| <= q sqrt(w), so that the lift never
contradicts the test of the difference.
"""

import math
from dataclasses import dataclass

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Interval, Kind


@dataclass(frozen=True, slots=True)
class LiftSet:
    """The kind of a set of lifts and its two roots, lower first; for an exclusive set the roots bound the gap."""

    kind: Kind
    low: float | None
    high: float | None


_EVERYTHING = LiftSet(Kind.WHOLE, None, None)


def lift_set(m_t: float, v_t: float, m_c: float, v_c: float, covariance: float, q: float) -> LiftSet:
    """Fieller's set for (m_t - m_c) / |m_c|, m_c not 0.

    `v_t`, `v_c` are squared standard errors, `covariance` that of the two values, `q` the critical value.
    """
    # In units of the largest number, so that no square overflows and none vanishes.
    unit = max(abs(m_t), abs(m_c), q * math.sqrt(max(v_t, 0.0)), q * math.sqrt(max(v_c, 0.0)))
    d, size = m_t / unit - m_c / unit, abs(m_c) / unit
    v_t, v_c, covariance = (v / unit / unit for v in (v_t, v_c, covariance))
    w, u = v_t - 2 * covariance + v_c, math.copysign(v_c - covariance, m_c * (v_c - covariance))
    a, b, c = size**2 - q**2 * v_c, d * size + q**2 * u, d * d - q**2 * w
    discriminant = b * b - a * c
    if a == 0 or (a < 0 and discriminant < 0):
        return _EVERYTHING
    root = math.sqrt(max(discriminant, 0.0))
    # The root whose terms have one sign, and the other one from the product of both: nothing cancels.
    far = b + math.copysign(root, b)
    low, high = sorted((far / a, c / far if far else 0.0))
    if not math.isfinite(low) or not math.isfinite(high):
        return _EVERYTHING
    return LiftSet(Kind.BOUNDED if a > 0 else Kind.EXCLUSIVE, low, high)


def _set_of(t: ArmMean, c: ArmMean, covariance: float, q: float) -> LiftSet:
    return lift_set(t.value, t.variance_of_mean, c.value, c.variance_of_mean, covariance, q)


def _estimate(t: ArmMean, c: ArmMean) -> float | None:
    """The lift; None where the incumbent's value is 0, or as good as 0 beside the difference."""
    if c.value == 0:
        return None
    lift = (t.value - c.value) / abs(c.value)
    return lift if math.isfinite(lift) else None


def lift_component(t: ArmMean, c: ArmMean, covariance: float, q: float) -> tuple[float | None, float | None]:
    """The limits of the part of the lift's set that holds the estimate; None where it is unbounded.

    Where no lift at all is in the other part, both parts count: else the limits would exclude what the test does not.
    """
    found = _set_of(t, c, covariance, q)
    if found.kind is not Kind.EXCLUSIVE or found.low is None or found.high is None:
        return found.low, found.high
    if (t.value - c.value) / abs(c.value) >= found.high:
        return (None, None) if found.low >= 0 else (found.high, None)
    return (None, None) if found.high <= 0 else (None, found.low)


def lift_interval(t: ArmMean, c: ArmMean, covariance: float, q: float, level: float) -> Interval:
    """The lift (m_t - m_c) / |m_c| with Fieller's limits; unbounded sets have none and say so by their kind."""
    estimate = _estimate(t, c)
    if estimate is None:
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED)
    found = _set_of(t, c, covariance, q)
    if found.kind is not Kind.BOUNDED:
        return Interval(estimate=estimate, low=None, high=None, level=level, kind=found.kind)
    return Interval(estimate=estimate, low=found.low, high=found.high, level=level)


def unbounded_note(t: ArmMean, c: ArmMean, covariance: float, q: float) -> str:
    """Why a lift has no bounded interval, with what is excluded all the same; empty if it is bounded."""
    if _estimate(t, c) is None:
        return "no lift: the incumbent's value is 0"
    found = _set_of(t, c, covariance, q)
    if found.kind is Kind.BOUNDED:
        return ""
    se = math.sqrt(max(c.variance_of_mean, 0.0))
    why = f"the incumbent's value is not distinguishable from 0 ({c.value:.3g}, standard error {se:.3g})"
    if found.low is None or found.high is None:
        return f"the lift is not estimable: {why}"
    gap = f"{found.low * 100:+.1f} % and {found.high * 100:+.1f} %"
    return f"no bounded interval for the lift: {why}; only lifts between {gap} are excluded"
