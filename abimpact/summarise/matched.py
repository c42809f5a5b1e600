"""Bins without a scan: of a large log, three moments tell the distribution of a resampled mean (methods.md e2).

Two atoms and a normal term that have a variant's mean, covariance and, along the influence, skewness give resampled
means the same Edgeworth expansion up to 1 / sqrt(n). What differs at 1 / n is the fourth cumulant (Hall 1992, section
2.4), which moments and range bound.
"""

import math
from collections.abc import Sequence

import numpy as np

from abimpact.read.log import Column
from abimpact.summarise.summary import SMALLEST_VARIANCE, Bins, Floats, Moments

# max |x^3 - 3 x| phi(x) / 24: the largest effect on a distribution function of a fourth cumulant, a unit of it.
FOURTH = 0.0230
# The share of the variance along the influence that is normal, so that sums of the atoms are no lattice.
SMOOTH = 0.25


def matched(moments: Moments, weights: Floats) -> Bins:
    """Two bins with the `moments` of a variant; `weights` (d,) are the influence of the columns on what is resampled.

    They differ from the units in nothing but what `matched_error` bounds. The variance along the influence must not
    be 0.
    """
    n = moments.n
    along = moments.second @ weights
    variance = float(weights @ along) / n
    skewness = float(np.einsum("ijk,i,j,k->", moments.third, weights, weights, weights)) / n / variance**1.5
    lean = skewness / (1 - SMOOTH) ** 1.5
    upper = min(max(round(n / (1 + ((lean + math.hypot(lean, 2)) / 2) ** 2)), 1), n - 1)
    count = np.array([n - upper, upper])
    place = math.sqrt(1 - SMOOTH) * np.array([-math.sqrt(upper / (n - upper)), math.sqrt((n - upper) / upper)])
    slope = along / (n * math.sqrt(variance))
    inside = moments.second / n - (1 - SMOOTH) * np.multiply.outer(slope, slope)
    return Bins(count, moments.mean + np.multiply.outer(place, slope), count[:, None, None] * inside, np.zeros(2))


def matched_error(columns: Sequence[Column], moments: Moments, weights: Floats) -> float:
    """By how much at most `matched` moves the distribution function of a resampled mean, to order 1 / n.

    Both fourth moments lie between 0 and what the columns' third moments and ranges allow: E y^4 <= range * E y^3 for
    the distance y from an end of the range, then Minkowski's inequality over means and columns. Whole numbers add half
    the largest jump of their sums (Esseen 1945).
    """
    n = moments.n
    variance = float(weights @ moments.second @ weights) / max(n, 1)
    if variance <= SMALLEST_VARIANCE or n < 2:
        return math.inf
    norms = [_norm(moments, i, low, high) for i, (low, high) in enumerate(_ranges(columns))]
    kurtosis = float(np.abs(weights) @ norms) ** 4 / variance**2
    jump = 1 / math.sqrt(8 * math.pi * n * variance) if len(weights) == 1 and columns[0].is_whole else 0.0
    return FOURTH * kurtosis / n + jump


def _ranges(columns: Sequence[Column]) -> list[tuple[float, float]]:
    """The extremes of the columns of `Moments`."""
    found = []
    for column in columns:
        found += [(column.low, column.high), *([(0.0, 1.0)] if column.indicator else [])]
    return found


def _norm(moments: Moments, i: int, low: float, high: float) -> float:
    """An upper bound of the fourth root of column i's fourth central moment."""
    mean, second, third = moments.mean[i], moments.second[i, i] / moments.n, moments.third[i, i, i] / moments.n
    bounds = []
    for away, skew in ((mean - low, third), (high - mean, -third)):
        cubed = max(skew + 3 * second * away + away**3, 0.0)
        bounds.append(float(((high - low) * cubed) ** 0.25 + away))
    return min(bounds)
