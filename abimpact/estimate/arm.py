"""A variant's value after linearisation: all that means, ratios and adjusted means need from here on."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from abimpact.estimate.estimate import Interval, Kind
from abimpact.estimate.stratified import PostStratified
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import SMALLEST_VARIANCE, Floats, MetricSummary, Moments

# A spread this small beside the values is what rounding leaves of a constant.
ROUNDING = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmMean:
    """A value over `n` units: `variance` per unit (divisor n - 1), `third` the mean cubed deviation of a unit.

    A post-stratified value has its `strata`, each weighted by its share, whose sizes and shapes take the place of the
    whole's; their `value`s add up.
    """

    n: int
    value: float
    variance: float
    third: float
    strata: tuple["ArmMean", ...] = ()

    @property
    def parts(self) -> tuple["ArmMean", ...]:
        """The independent parts that the value is the sum of."""
        return self.strata or (self,)

    @property
    def variance_of_mean(self) -> float:
        """The squared standard error of `value`."""
        return self.variance / self.n

    def scaled(self, factor: float) -> "ArmMean":
        """The arm in other units."""
        return ArmMean(
            n=self.n,
            value=self.value * factor,
            variance=self.variance * factor**2,
            third=self.third * factor**3,
            strata=tuple(part.scaled(factor) for part in self.strata),
        )


def contract(moments: Moments, weights: Floats, value: float) -> ArmMean:
    """The arm whose units have the deviations `weights` · (x - mean) and whose value is `value`; needs n >= 2."""
    strata: tuple[ArmMean, ...] = ()
    if isinstance(moments, PostStratified):
        strata = tuple(
            contract(m, weights, float(weights @ m.mean)).scaled(float(share))
            for m, share in zip(moments.strata, moments.shares, strict=True)
        )
    covariance = moments.covariance
    variance = float(weights @ covariance @ weights)
    size = float(np.abs(weights) @ (np.abs(moments.mean) + np.sqrt(np.diag(covariance))))
    return ArmMean(
        n=moments.n,
        value=value,
        variance=variance if variance > max((ROUNDING * size) ** 2, SMALLEST_VARIANCE) else 0.0,
        third=float(np.einsum("ijk,i,j,k", moments.third, weights, weights, weights)) / moments.n,
        strata=strata,
    )


def arm_interval(summary: MetricSummary, arm: int, level: float) -> Interval:
    """One arm's value: a proportion with Wilson's interval, a mean with its t interval, by cluster where there are."""
    if summary.clusters is None:
        m = summary.moments[arm]
        if summary.metric.kind is MetricKind.PROPORTION and m.n:
            return share_interval(round(m.n * float(m.mean[0])), m.n, level)
        return mean_interval(m, level)
    moments = summary.clusters.moments[arm]
    if not moments.n or not moments.mean[1]:
        return mean_interval(summary.moments[arm], level)
    value, units = float(moments.mean[0] / moments.mean[1]), float(moments.mean[1])
    turn = np.zeros((1, len(moments.mean)))
    turn[0, :2] = 1 / units, -value / units
    spread = Moments(moments.n, np.array([value]), turn @ moments.second @ turn.T, np.zeros((1, 1, 1)))
    return mean_interval(spread, level)


def share_interval(successes: int, n: int, level: float) -> Interval:
    """A proportion with its score interval (Wilson 1927), which stays within 0 and 1 and holds for rare events."""
    z, p = float(ndtri(0.5 + level / 2)), successes / n
    centre, scale = (p + z * z / (2 * n)), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = max((centre - half) / scale, 0.0), min((centre + half) / scale, 1.0)
    return Interval(estimate=p, low=low if successes else 0.0, high=high if successes < n else 1.0, level=level)


def mean_interval(moments: Moments, level: float) -> Interval:
    """The mean of one arm's first column with its t interval; no limits below two units."""
    if not moments.n:
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED)
    mean = float(moments.mean[0])
    if moments.n < 2:
        return Interval(estimate=mean, low=None, high=None, level=level, kind=Kind.WHOLE)
    half = float(stdtrit(moments.n - 1, 0.5 + level / 2)) * math.sqrt(float(moments.covariance[0, 0]) / moments.n)
    return Interval(estimate=mean, low=mean - half, high=mean + half, level=level)
