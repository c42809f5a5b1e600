"""Linearisation: a mean or a ratio as a weighted sum of its columns, with its value per arm.

A ratio R = sum(Y) / sum(X) has the influence z = (Y - R X) / mean(X), whose variance over units is that of R to first
order (Deng, Knoblich & Lu 2018); from there on it is a mean.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from abimpact.estimate.arm import contract
from abimpact.estimate.clustered import Clustered
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.stratified import shared_covariance
from abimpact.estimate.welch import difference
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Floats, MetricSummary, Moments

FEWEST_UNITS_OF_RATIO, FEW_UNITS_OF_RATIO = 5, 40
DENOMINATOR_MOVED_BELOW = 0.05
# A mean this small beside the spread of its units is what rounding leaves of 0.
NEXT_TO_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Linear:
    """One arm's value, and the weights of its moments' columns that make a unit's influence on it."""

    moments: Moments
    value: float
    weights: Floats


def linearise(summary: MetricSummary, arm: int) -> Linear | NotEstimated:
    """The arm's value and weights; refuses what has too few units or no denominator."""
    moments = summary.moments[arm]
    is_ratio = summary.metric.kind is MetricKind.RATIO
    needed = FEWEST_UNITS_OF_RATIO if is_ratio else 2
    if moments.n < needed:
        what = "clusters" if isinstance(moments, Clustered) else "units"
        return NotEstimated(
            reason="too_few_units",
            message=f"a variant has {moments.n} {what} with a value, and at least {needed} are needed",
        )
    if is_ratio and abs(moments.mean[1]) <= NEXT_TO_NOTHING * math.sqrt(max(moments.covariance[1, 1], 0.0)):
        return NotEstimated(reason="zero_denominator", message="the denominator sums to 0 in a variant")
    kind = summary.metric.kind
    return Linear(moments, value_of(kind, moments.mean), gradient(kind, moments.mean))


def value_of(kind: MetricKind | None, means: Floats) -> float:
    """A metric's value from the means of its columns: the first, or for a ratio the first over the second."""
    return float(means[0] / means[1]) if kind is MetricKind.RATIO else float(means[0])


def gradient(kind: MetricKind | None, means: Floats) -> Floats:
    """The derivative of `value_of` by the means."""
    weights = np.zeros(len(means))
    weights[0] = 1.0
    if kind is MetricKind.RATIO:
        weights[:2] = 1 / means[1], -means[0] / means[1] ** 2
    return weights


def ratio_notes(t: Moments, c: Moments) -> tuple[str, ...]:
    """Caveats of a ratio: few units (or clusters), or a denominator that the variant moved."""
    notes = []
    if min(t.n, c.n) < FEW_UNITS_OF_RATIO:
        few = ("clusters", "the interval") if isinstance(t, Clustered) else ("units", "the interval of a ratio")
        notes.append(f"under {FEW_UNITS_OF_RATIO} {few[0]} in a variant: {few[1]} is optimistic")
    axis = np.zeros(len(t.mean))
    axis[1] = 1.0
    bottom_t, bottom_c = contract(t, axis, float(t.mean[1])), contract(c, axis, float(c.mean[1]))
    if bottom_t.variance + bottom_c.variance > 0:
        moved = difference(bottom_t, bottom_c, float(axis @ shared_covariance(t, c) @ axis))
        if moved.se and 2 * stdtr(moved.df, -abs(moved.estimate) / moved.se) < DENOMINATOR_MOVED_BELOW:
            notes.append(
                "the size of the clusters differs between variants"
                if isinstance(t, Clustered)
                else "the denominator differs between variants: read the ratio with its numerator per unit"
            )
    return tuple(notes)
