"""Intervals that hold for several proposed variants together: each is compared with the same incumbent.

The statistics of K comparisons share the incumbent's noise: corr(T_i, T_j) = b_i b_j with b_i the incumbent's share of
se_i. The common critical value q solves P(max |T_i| <= q) = level for a multivariate t of that form (Dunnett 1955),
with each comparison's own variances and the smallest of the degrees of freedom.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaincinv, ndtr, stdtr, stdtrit

# Nodes of the two integrals; twice as many move q by less than 1e-7.
NODES = 96
STEPS = 60
LARGEST_SHARE = 0.999999


def critical_value(shares: Sequence[float], df: float, level: float) -> float:
    """The q that max |T_i| exceeds with probability 1 - `level`; `shares` are the b_i."""
    low = float(stdtrit(df, 0.5 + level / 2))
    high = float(stdtrit(df, 1 - (1 - level) / (2 * len(shares))))
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _coverage(middle, shares, df) < level else (low, middle)
    return (low + high) / 2


def level_of_each(q: float, df: float) -> float:
    """The level that an interval with critical value `q` has by itself."""
    return float(1 - 2 * stdtr(df, -q))


def _coverage(q: float, shares: Sequence[float], df: float) -> float:
    """P(max |T_i| <= q): over the incumbent's noise z, and over the common scale s = chi(df) / sqrt(df)."""
    z, w = np.polynomial.hermite_e.hermegauss(NODES)
    w = w / math.sqrt(2 * math.pi)
    if math.isfinite(df):
        u, v = np.polynomial.legendre.leggauss(NODES)
        s, v = np.sqrt(2 * gammaincinv(df / 2, (u + 1) / 2) / df), v / 2
    else:
        s, v = np.ones(1), np.ones(1)
    inside = np.ones((len(s), len(z)))
    for share in shares:
        b = min(share, LARGEST_SHARE)
        rest = math.sqrt(1 - b * b)
        inside *= ndtr((q * s[:, None] + b * z) / rest) - ndtr((-q * s[:, None] + b * z) / rest)
    return float(v @ inside @ w)
