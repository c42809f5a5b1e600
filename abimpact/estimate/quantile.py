"""The difference of two quantiles from outer rank intervals (Deng, Knoblich & Lu 2018; methods.md f)."""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.clustered import Clustered, covariance_of_means
from abimpact.estimate.estimate import Estimate, Interval, NotEstimated
from abimpact.estimate.fieller import lift_interval, unbounded_note
from abimpact.estimate.welch import SMALLEST_PVALUE
from abimpact.summarise.summary import Floats, Moments, Ranks

FEWEST_CLUSTERS = 5


def rank_of(n: int, quantile: float) -> int:
    """The 1-based rank of the quantile of n values."""
    return max(math.ceil(n * quantile - 1e-9), 1)


def below_quantile(below: Moments, quantile: float) -> float:
    """The design effect of clusters on a quantile, from their moments of (units at or below it, units).

    The variance of the share below as a ratio of cluster sums, over that of as many independent units.
    """
    return share_variance(below) * below.n * float(below.mean[1]) / (quantile * (1 - quantile))


def share_variance(below: Moments) -> float:
    """The variance of a share over clusters; infinite for fewer than two."""
    if below.n < FEWEST_CLUSTERS:
        return math.inf
    weights = _share_weights(below)
    return float(weights @ below.covariance @ weights) / below.n


def covariance_of_quantiles(t: ArmMean, c: ArmMean, below_t: Moments, below_c: Moments) -> float:
    """The covariance of the quantiles of two arms whose clusters are partly the same."""
    if not (isinstance(below_t, Clustered) and isinstance(below_c, Clustered)):
        return 0.0
    shared = float(_share_weights(below_t) @ covariance_of_means(below_t, below_c) @ _share_weights(below_c))
    variances = share_variance(below_t) * share_variance(below_c)
    scale = math.sqrt(t.variance_of_mean * c.variance_of_mean / variances) if variances else 0.0
    return shared * scale


def _share_weights(below: Moments) -> Floats:
    top, bottom = map(float, below.mean)
    return np.array([1 / bottom, -top / bottom**2])


def ranks_wanted(n: int, quantile: float, *, level: float, design_effect: float = 1.0) -> list[int]:
    """The 1-based ranks of the quantile and of its outer interval: k, L = floor(n(q - h)), U = ceil(n(q + h)).

    h = z sqrt(e q(1 - q) / n), e the design effect of clusters. Empty where the interval would need units beyond the
    smallest or the largest.
    """
    if n < 2 or not math.isfinite(design_effect):
        return []
    h = float(ndtri(0.5 + level / 2)) * math.sqrt(design_effect * quantile * (1 - quantile) / n)
    low, high = math.floor(n * (quantile - h)), math.ceil(n * (quantile + h))
    if low < 1 or high > n or not 0 < quantile - h < quantile + h < 1:
        return []
    return [rank_of(n, quantile), low, high]


def ranks_by_cluster(n: int, quantile: float, below: Moments | None, *, level: float) -> list[int]:
    """`ranks_wanted` with the design effect of the clusters whose moments are `below`; without, the quantile's rank."""
    if below is None:
        return [rank_of(n, quantile)]
    return ranks_wanted(n, quantile, level=level, design_effect=below_quantile(below, quantile))


def quantile_arm(ranks: Ranks, quantile: float, level: float, design_effect: float = 1.0) -> ArmMean | NotEstimated:
    """An arm's quantile with the standard error that the width of its outer interval implies."""
    z = float(ndtri(0.5 + level / 2))
    wanted = ranks_wanted(ranks.n, quantile, level=level, design_effect=design_effect)
    if not math.isfinite(design_effect):
        return NotEstimated(
            reason="too_few_units", message=f"a variant has fewer than {FEWEST_CLUSTERS} clusters with a value"
        )
    if not wanted:
        odds = design_effect * max(quantile / (1 - quantile), (1 - quantile) / quantile)
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


def compare_quantiles(t: ArmMean, c: ArmMean, level: float, covariance: float = 0.0) -> Estimate:
    """The difference of two quantiles: normal interval, Fieller's lift with the same standard errors, common p."""
    z = float(ndtri(0.5 + level / 2))
    se = float(np.sqrt(t.variance_of_mean - 2 * covariance + c.variance_of_mean))
    d = t.value - c.value
    unbounded = unbounded_note(t, c, covariance, z)
    return Estimate(
        method="quantile",
        absolute=Interval(estimate=d, low=d - z * se, high=d + z * se, level=level),
        relative=lift_interval(t, c, covariance, z, level),
        statistic=d / se,
        df=None,
        pvalue=max(float(2 * ndtr(-abs(d) / se)), SMALLEST_PVALUE),
        notes=(unbounded,) if unbounded else (),
    )
