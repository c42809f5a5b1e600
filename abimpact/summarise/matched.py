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
# Beyond so many columns the sums of products of four would take longer than a scan.
MOST_COLUMNS = 24


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

    Its own fourth moment and that of the units are positive and at most what `_fourth` finds. Whole numbers add half
    the largest jump of their sums (Esseen 1945).
    """
    n = moments.n
    variance = float(weights @ moments.second @ weights) / max(n, 1)
    if variance <= SMALLEST_VARIANCE or n < 2 or len(weights) > MOST_COLUMNS:
        return math.inf
    jump = 1 / math.sqrt(8 * math.pi * n * variance) if len(weights) == 1 and columns[0].is_whole else 0.0
    return FOURTH * _fourth(columns, moments, weights) / variance**2 / n + jump


def _fourth(columns: Sequence[Column], moments: Moments, weights: Floats) -> float:
    """An upper bound of the fourth central moment of the influence, from third moments and the columns' ranges.

    With y >= 0 the distance of a column from an end of its range, E(y_i y_j y_k y_l) is positive and at most
    range(y_i) * E(y_j y_k y_l), whichever is i. Minkowski's inequality moves the sum to its mean.
    """
    low, high = np.array(_ranges(columns)).T
    is_near_low = np.diagonal(np.diagonal(moments.third)) >= 0
    side = np.where(is_near_low, 1.0, -1.0)
    away = side * (moments.mean - np.where(is_near_low, low, high))
    second = np.einsum("i,j,ij->ij", side, side, moments.second) / moments.n
    third = np.einsum("i,j,k,ijk->ijk", side, side, side, moments.third) / moments.n
    lean = np.multiply.outer(away, second)
    third += lean + lean.transpose(1, 0, 2) + lean.transpose(1, 2, 0) + np.einsum("i,j,k->ijk", away, away, away)
    by_place = np.multiply.outer(np.maximum(third, 0.0), high - low)
    bound = np.minimum.reduce([by_place.transpose(p) for p in ((0, 1, 2, 3), (3, 1, 2, 0), (0, 3, 2, 1), (0, 1, 3, 2))])
    turned = weights * side
    products = np.multiply.outer(np.multiply.outer(turned, turned), np.multiply.outer(turned, turned))
    fourth = float((bound * np.maximum(products, 0.0)).sum())
    return float((fourth**0.25 + abs(float(turned @ away))) ** 4)


def _ranges(columns: Sequence[Column]) -> list[tuple[float, float]]:
    """The extremes of the columns of `Moments`."""
    found = []
    for column in columns:
        found += [(column.low, column.high), *([(0.0, 1.0)] if column.indicator else [])]
    return found
