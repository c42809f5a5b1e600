"""The difference of two quantiles from outer rank intervals (Deng, Knoblich & Lu 2018; methods.md f)."""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Estimate, Interval, NotEstimated
from abimpact.estimate.fieller import lift_interval, unbounded_note
from abimpact.estimate.welch import SMALLEST_PVALUE
from abimpact.summarise.summary import Ranks


def ranks_wanted(n: int, quantile: float, *, level: float) -> list[int]:
    """The 1-based ranks of the quantile and of its outer interval: k, L = floor(n(q - h)), U = ceil(n(q + h)).

    h = z sqrt(q(1 - q) / n). Empty where the interval would need units beyond the smallest or the largest.
    """
    if n < 2:
        return []
    h = float(ndtri(0.5 + level / 2)) * math.sqrt(quantile * (1 - quantile) / n)
    low, high = math.floor(n * (quantile - h)), math.ceil(n * (quantile + h))
    if low < 1 or high > n or not 0 < quantile - h < quantile + h < 1:
        return []
    return [math.ceil(n * quantile - 1e-9), low, high]


def quantile_arm(ranks: Ranks, quantile: float, level: float) -> ArmMean | NotEstimated:
    """An arm's quantile with the standard error that the width of its outer interval implies."""
    z = float(ndtri(0.5 + level / 2))
    wanted = ranks_wanted(ranks.n, quantile, level=level)
    if not wanted:
        odds = max(quantile / (1 - quantile), (1 - quantile) / quantile)
        return NotEstimated(
            reason="too_few_units",
            message=f"a variant has {ranks.n:,} units, and this quantile needs more than {math.ceil(z * z * odds):,}",
        )
    value, low, high = (ranks.values[r] for r in wanted)
    if low == high:
        return NotEstimated(
            reason="tied_quantile",
            message=f"so many units have the value {value:g} that the quantile has no interval",
        )
    se = (high - low) / (2 * z)
    return ArmMean(n=ranks.n, value=value, variance=se * se * ranks.n, third=0.0)


def compare_quantiles(t: ArmMean, c: ArmMean, level: float) -> Estimate:
    """The difference of two quantiles: normal interval, Fieller's lift with the same standard errors, common p."""
    z = float(ndtri(0.5 + level / 2))
    se = float(np.sqrt(t.variance_of_mean + c.variance_of_mean))
    d = t.value - c.value
    unbounded = unbounded_note(t, c, 0.0, z)
    return Estimate(
        method="quantile",
        absolute=Interval(estimate=d, low=d - z * se, high=d + z * se, level=level),
        relative=lift_interval(t, c, 0.0, z, level),
        statistic=d / se,
        df=None,
        pvalue=max(float(2 * ndtr(-abs(d) / se)), SMALLEST_PVALUE),
        notes=(unbounded,) if unbounded else (),
    )
