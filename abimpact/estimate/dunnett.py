"""Intervals that hold for several proposed variants together: each is compared with the same incumbent.

The statistics of K comparisons share the incumbent's noise: corr(T_i, T_j) = b_i b_j with b_i the incumbent's share of
se_i. The common critical value q solves P(max |T_i| <= q) = level for a multivariate t of that form (Dunnett 1955),
with each comparison's own variances and the smallest of the degrees of freedom.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammainccinv, gammaincinv, gammaln, ndtr, stdtr, stdtrit

# Nodes of the two integrals; twice as many move q by less than 1e-6.
NODES = 48
STEPS, CLOSE = 60, 1e-11
# Larger shares of the incumbent would need more nodes; the interval is a little wide there.
LARGEST_SHARE = 0.95
TAIL = 1e-14


def critical_value(shares: Sequence[float], df: float, level: float) -> float:
    """The q that max |T_i| exceeds with probability 1 - `level`; `shares` are the b_i."""
    low = float(stdtrit(df, 0.5 + level / 2))
    high = float(stdtrit(df, 1 - (1 - level) / (2 * len(shares))))
    f_low, f_high = (_coverage(q, shares, df) - level for q in (low, high))
    # Along the chord while that stays inside, whose end it replaces (regula falsi with Illinois' halving).
    for _ in range(STEPS):
        if high - low < CLOSE or f_high - f_low <= 0:
            break
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        f_middle = _coverage(middle, shares, df) - level
        if abs(f_middle) < CLOSE:
            return middle
        if f_middle < 0:
            low, f_low, f_high = middle, f_middle, f_high / 2
        else:
            high, f_high, f_low = middle, f_middle, f_low / 2
    return (low + high) / 2


def level_of_each(q: float, df: float) -> float:
    """The level that an interval with critical value `q` has by itself."""
    return float(1 - 2 * stdtr(df, -q))


def _coverage(q: float, shares: Sequence[float], df: float) -> float:
    """P(max |T_i| <= q): over the incumbent's noise z, and over the common scale s = chi(df) / sqrt(df)."""
    z, w = np.polynomial.hermite_e.hermegauss(NODES)
    w = w / math.sqrt(2 * math.pi)
    if math.isfinite(df):
        # The logarithm of s by the trapezoidal rule, which converges at once where a density fades on both sides.
        low, high = gammaincinv(df / 2, TAIL), gammainccinv(df / 2, TAIL)
        log_half = np.linspace(math.log(low), math.log(high), NODES)  # of s^2 df / 2, a gamma variate
        v = np.exp(df / 2 * log_half - np.exp(log_half) - gammaln(df / 2)) * (log_half[1] - log_half[0])
        s = np.sqrt(2 * np.exp(log_half) / df)
    else:
        s, v = np.ones(1), np.ones(1)
    inside = np.ones((len(s), len(z)))
    for share in shares:
        b = min(share, LARGEST_SHARE)
        rest = math.sqrt(1 - b * b)
        inside *= ndtr((q * s[:, None] + b * z) / rest) - ndtr((-q * s[:, None] + b * z) / rest)
    return float(v @ inside @ w)
