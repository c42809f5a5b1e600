"""Bins without a scan: of a large log, three moments tell the distribution of a resampled mean (methods.md e2).

Two atoms and a normal term that have a variant's mean, covariance and, along the influence, skewness give resampled
means the same Edgeworth expansion up to 1 / sqrt(n). What differs at 1 / n is the fourth cumulant (Hall 1992, section
2.4), which moments and range bound.
"""

import math
from collections.abc import Sequence

import numpy as np

from abimpact.read.log import Column
from abimpact.summarise.summary import SMALLEST_VARIANCE, Bins, Floats, Moments, symmetric

# The largest effects on a distribution function of a unit of skewness, max |x^2 - 1| phi(x) / 6, and of a fourth
# cumulant, max |x^3 - 3 x| phi(x) / 24: the terms of the Edgeworth expansion.
EDGEWORTH, FOURTH = 1 / (6 * math.sqrt(2 * math.pi)), 0.0230
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
    unit = _standardised(moments, weights)
    lean = _skewness(moments, unit) / (1 - SMOOTH) ** 1.5
    upper = min(max(round(n / (1 + ((lean + math.hypot(lean, 2)) / 2) ** 2)), 1), n - 1)
    count = np.array([n - upper, upper])
    place = math.sqrt(1 - SMOOTH) * np.array([-math.sqrt(upper / (n - upper)), math.sqrt((n - upper) / upper)])
    slope = moments.second @ unit / n
    inside = moments.second / n - (1 - SMOOTH) * np.multiply.outer(slope, slope)
    return Bins(count, moments.mean + np.multiply.outer(place, slope), count[:, None, None] * inside, np.zeros(2))


def matched_error(columns: Sequence[Column], moments: Moments, weights: Floats) -> float:
    """By how much at most `matched` moves the distribution function of a resampled mean, to order 1 / n.

    Its own fourth moment and that of the units are positive and at most what `_fourth` finds. The rarer atom holds a
    whole number of units, so the skewness is off by a little. Whole numbers add half the largest jump of their sums
    (Esseen 1945). Infinite or NaN where it cannot be told.
    """
    n = moments.n
    if n < 2 or len(weights) > MOST_COLUMNS or _variance(moments, weights) <= SMALLEST_VARIANCE:
        return math.inf
    with np.errstate(over="ignore", invalid="ignore"):
        unit = _standardised(moments, weights)
        fourth, skewness = _fourth(columns, moments, unit), _skewness(moments, unit)
        if not (math.isfinite(fourth) and math.isfinite(skewness)):
            return math.inf
        found = matched(moments, weights)
        off = float(found.count @ ((found.mean - moments.mean) @ unit) ** 3) / n - skewness
    jump = float(unit[0]) / math.sqrt(8 * math.pi * n) if len(unit) == 1 and columns[0].is_whole else 0.0
    return FOURTH * fourth / n + EDGEWORTH * abs(off) / math.sqrt(n) + jump


def _variance(moments: Moments, weights: Floats) -> float:
    return float(weights @ moments.second @ weights) / max(moments.n, 1)


def _standardised(moments: Moments, weights: Floats) -> Floats:
    """`weights` in standard deviations, so that no power of theirs is too small or too large for a computer."""
    return weights / math.sqrt(_variance(moments, weights))


def _skewness(moments: Moments, unit: Floats) -> float:
    return float(np.einsum("ijk,i,j,k->", moments.third, unit, unit, unit)) / moments.n


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
    third += symmetric(away, second) + np.einsum("i,j,k->ijk", away, away, away)
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
