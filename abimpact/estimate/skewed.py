"""Intervals that hold where units are skewed and one variant is small (methods.md k).

The skewness of the difference is taken from the moments pooled over both arms: the small arm alone looks steady
exactly when it missed its tail. Near the skewness Welch's limit stands; the far one is moved out.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Interval, Kind
from abimpact.estimate.fieller import lift_component, lift_interval

NOTE, FLAG = 0.06, 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """The skewness `gamma` of a difference, and what the floor adds to the smaller arm's squared standard error."""

    gamma: float
    floor_se: float
    floor_t: float
    floor_c: float

    @property
    def is_flagged(self) -> bool:
        """Whether Welch's interval cannot be trusted on the far side."""
        return abs(self.gamma) > FLAG


def skew_of(t: ArmMean, c: ArmMean, inflation: float = 1.0) -> Skew:
    """The skewness of the difference of two arms' means (t minus c) from pooled moments.

    gamma = k3 (1/n_t^2 - 1/n_c^2) / (s2 (1/n_t + 1/n_c))^(3/2). `inflation` multiplies all variances (adjustment).
    Post-stratified arms are pooled stratum by stratum; numerator and denominator add up.
    """
    third = scale = floor_t = floor_c = 0.0
    for part_t, part_c in zip(t.parts, c.parts, strict=True):
        n = part_t.n + part_c.n
        pooled = ((part_t.n - 1) * part_t.variance + (part_c.n - 1) * part_c.variance) / (n - 2)
        third += (part_t.n * part_t.third + part_c.n * part_c.third) / n * (1 / part_t.n**2 - 1 / part_c.n**2)
        scale += pooled * (1 / part_t.n + 1 / part_c.n)
        floor_t += inflation * max(pooled - part_t.variance, 0.0) / part_t.n if part_t.n < part_c.n else 0.0
        floor_c += inflation * max(pooled - part_c.variance, 0.0) / part_c.n if part_c.n < part_t.n else 0.0
    squared = inflation * (t.variance_of_mean + c.variance_of_mean) + floor_t + floor_c
    return Skew(gamma=float(third / scale**1.5), floor_se=float(np.sqrt(squared)), floor_t=floor_t, floor_c=floor_c)


def _stretched(q: float, gamma: float) -> float:
    """The critical value of the far side by Cornish and Fisher: q + |gamma| (2 q^2 + 1) / 6."""
    return q + abs(gamma) * (2 * q * q + 1) / 6


def half_widths(se: float, q: float, skew: Skew | None) -> tuple[float, float]:
    """How far the interval reaches below and above the estimate."""
    if skew is None:
        return q * se, q * se
    far = max(_stretched(q, skew.gamma) * se, q * skew.floor_se)
    return (q * se, far) if skew.gamma > 0 else (far, q * se)


def one_sided_pvalue(d: float, se: float, df: float, side: int, skew: Skew | None) -> float:
    """P-value against an effect of 0 in favour of one with sign `side`, dual to `half_widths`."""
    t = side * d / se
    plain = float(stdtr(df, -t))
    if skew is None or side * skew.gamma > 0 or t <= 0:
        return plain
    g = abs(skew.gamma)
    floored = float(stdtr(df, -side * d / skew.floor_se))
    if t <= g / 6:
        return max(0.5, plain)
    q = (np.sqrt(1 + (4 * g / 3) * (t - g / 6)) - 1) / (2 * g / 3)
    return max(plain, floored, float(stdtr(df, -q)))


def skewed_lift(t: ArmMean, c: ArmMean, covariance: float, q: float, level: float, skew: Skew) -> Interval:
    """Fieller's lift with the far limit moved out: the more distant of a stretched and a floored set's limit."""
    near = lift_interval(t, c, covariance, q, level)
    if near.kind is not Kind.BOUNDED:
        return near
    floored_t = replace(t, variance=t.variance + skew.floor_t * t.n)
    floored_c = replace(c, variance=c.variance + skew.floor_c * c.n)
    sets = (
        lift_component(t, c, covariance, _stretched(q, skew.gamma)),
        lift_component(floored_t, floored_c, covariance, q),
    )
    is_upper = skew.gamma > 0
    limits = [limit[1] if is_upper else limit[0] for limit in sets]
    if any(limit is None for limit in limits):
        kind = Kind.BELOW if is_upper else Kind.ABOVE
        return replace(near, high=None, kind=kind) if is_upper else replace(near, low=None, kind=kind)
    known = [limit for limit in limits if limit is not None]
    if is_upper:
        return replace(near, high=max(*known, near.high or 0.0))
    return replace(near, low=min(*known, near.low or 0.0))
