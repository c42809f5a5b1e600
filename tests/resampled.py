"""The distribution of a resampled mean or ratio without a single draw, to hold bins against the rows they stand for."""

from typing import Any

import numpy as np

# The characteristic function is summed up to this many standard deviations' frequency, in steps fine enough that the
# distribution repeats only 125 standard deviations away.
FREQUENCIES = (np.arange(2400) + 0.5) * 0.05


def distribution(count: Any, mean: Any, per_unit: Any, thresholds: Any) -> Any:
    """P(resampled ratio <= r) for each r of `thresholds`, of units in bins of `count`, `mean` and normal spread.

    `mean` is (b, 2), numerator and denominator (1 for a mean); `per_unit` (b, 2, 2) their covariance inside a bin, 0
    for rows. A ratio is at most r where the sum of z = y - r x is at most 0, whose characteristic function is that of
    one unit to the power of n; it is inverted by Gil-Pelaez (1951).
    """
    n = count.sum()
    found = []
    for r in thresholds:
        weights = np.array([1.0, -r])
        z, v = mean @ weights, np.einsum("kij,i,j->k", per_unit, weights, weights)
        sd = np.sqrt(count @ ((z - count @ z / n) ** 2 + v))
        t = FREQUENCIES / sd
        one = np.exp(1j * np.outer(t, z) - np.outer(t**2, v) / 2) @ (count / n)
        found.append(0.5 - np.sum((one**n).imag / FREQUENCIES) * 0.05 / np.pi)
    return np.array(found)


def of_rows(rows: Any, thresholds: Any) -> Any:
    """The distribution of the row-by-row bootstrap of (n, 2) rows."""
    distinct, count = np.unique(rows, axis=0, return_counts=True)
    return distribution(count, distinct, np.zeros((len(count), 2, 2)), thresholds)
