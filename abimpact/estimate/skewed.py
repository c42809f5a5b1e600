"""Intervals that hold where units are skewed and one variant is small (methods.md k, narrowed: decision 010).

The skewness of the difference is taken from the moments pooled over both arms: the small arm alone looks steady
exactly when it missed its tail. Near the skewness Welch's limit stands; the far one is moved out to the larger of two:
a stretched critical value with the smaller arm's variance at most the pooled one, and the usual critical value with
that variance at least the pooled one. An arm that holds more than its share of the tail needs no stretch.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Interval, Kind
from abimpact.estimate.fieller import lift_component, lift_interval

NOTE, FLAG = 0.06, 0.12
# Beyond it the expansion, good to first order in gamma, stretches far more than it gains (docs/validation.md).
LARGEST_GAMMA = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """The skewness `gamma` of a difference, and its standard errors with the smaller arm's variance bounded.

    `floor_se` takes that variance to be at least the pooled one, `cap_se` at most. `lacks` and `exceeds` are how far
    the squared standard errors of (t, c) are below and above what the pooled variance makes them; 0 for the larger arm.
    """

    gamma: float
    floor_se: float
    cap_se: float
    lacks: tuple[float, float]
    exceeds: tuple[float, float]

    @property
    def is_flagged(self) -> bool:
        """Whether Welch's interval cannot be trusted on the far side."""
        return abs(self.gamma) > FLAG

    @property
    def stretch(self) -> float:
        """|gamma| as far as the expansion holds."""
        return min(abs(self.gamma), LARGEST_GAMMA)


def skew_of(t: ArmMean, c: ArmMean, se: float, inflation: float = 1.0) -> Skew:
    """The skewness of the difference of two arms' means (t minus c) from pooled moments; `se` is its standard error.

    gamma = k3 (1/n_t^2 - 1/n_c^2) / (s2 (1/n_t + 1/n_c))^(3/2). `inflation` multiplies all variances (adjustment).
    Post-stratified arms are pooled stratum by stratum; numerator and denominator add up.
    """
    third = scale = 0.0
    lacks_t, lacks_c, exceeds_t, exceeds_c = 0.0, 0.0, 0.0, 0.0
    for part_t, part_c in zip(t.parts, c.parts, strict=True):
        n = part_t.n + part_c.n
        pooled = ((part_t.n - 1) * part_t.variance + (part_c.n - 1) * part_c.variance) / (n - 2)
        third += (part_t.n * part_t.third + part_c.n * part_c.third) / n * (1 / part_t.n**2 - 1 / part_c.n**2)
        scale += pooled * (1 / part_t.n + 1 / part_c.n)
        missing_t = inflation * (pooled - part_t.variance) / part_t.n if part_t.n < part_c.n else 0.0
        missing_c = inflation * (pooled - part_c.variance) / part_c.n if part_c.n < part_t.n else 0.0
        lacks_t, lacks_c = lacks_t + max(missing_t, 0.0), lacks_c + max(missing_c, 0.0)
        exceeds_t, exceeds_c = exceeds_t - min(missing_t, 0.0), exceeds_c - min(missing_c, 0.0)
    return Skew(
        gamma=float(third / scale**1.5),
        floor_se=float(np.sqrt(se**2 + lacks_t + lacks_c)),
        cap_se=float(np.sqrt(max(se**2 - exceeds_t - exceeds_c, 0.0))),
        lacks=(lacks_t, lacks_c),
        exceeds=(exceeds_t, exceeds_c),
    )


def _stretched(q: float, skew: Skew) -> float:
    """The critical value of the far side by Cornish and Fisher: q + |gamma| (2 q^2 + 1) / 6."""
    return q + skew.stretch * (2 * q * q + 1) / 6


def half_widths(se: float, q: float, skew: Skew | None) -> tuple[float, float]:
    """How far the interval reaches below and above the estimate."""
    if skew is None:
        return q * se, q * se
    far = max(_stretched(q, skew) * skew.cap_se, q * skew.floor_se)
    return (q * se, far) if skew.gamma > 0 else (far, q * se)


def touching(d: float, se: float, side: int, skew: Skew | None) -> float:
    """The critical value at which the interval of an effect with sign `side` just reaches 0, dual to `half_widths`."""
    plain = side * d / se
    if skew is None or side * skew.gamma > 0 or plain <= 0:
        return plain
    limits = [plain, side * d / skew.floor_se]
    if skew.cap_se and skew.gamma:
        g, t = skew.stretch, side * d / skew.cap_se
        # Solves t = q + g (2 q^2 + 1) / 6 for q; an estimate nearer than g / 6 is within any such interval.
        limits.append((np.sqrt(1 + (4 * g / 3) * (t - g / 6)) - 1) / (2 * g / 3) if t > g / 6 else 0.0)
    return float(min(limits))


def one_sided_pvalue(d: float, se: float, df: float, side: int, skew: Skew | None) -> float:
    """P-value against an effect of 0 in favour of one with sign `side`."""
    return float(stdtr(df, -touching(d, se, side, skew)))


def open_note(lift: Interval) -> str:
    """Why a lift has one limit only; empty if it is otherwise."""
    if lift.kind not in (Kind.BELOW, Kind.ABOVE):
        return ""
    side = "upper" if lift.kind is Kind.BELOW else "lower"
    return (
        f"no {side} limit of the lift: allowing for the skewness, the incumbent's value is not distinguishable from 0"
    )


def skewed_lift(t: ArmMean, c: ArmMean, covariance: float, q: float, level: float, skew: Skew) -> Interval:
    """Fieller's lift with the far limit moved out: the more distant of a stretched and a floored set's limit."""
    near = lift_interval(t, c, covariance, q, level)
    if near.kind is not Kind.BOUNDED:
        return near

    def moved(arm: ArmMean, squared: float) -> ArmMean:
        return replace(arm, variance=arm.variance + squared * arm.n)

    capped_t, capped_c = moved(t, -skew.exceeds[0]), moved(c, -skew.exceeds[1])
    floored_t, floored_c = moved(t, skew.lacks[0]), moved(c, skew.lacks[1])
    sets = (
        lift_component(capped_t, capped_c, covariance, _stretched(q, skew)),
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
