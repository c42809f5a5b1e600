"""Does an effect change over time, and where would it go?

A straight line through the effects of single days, each weighted by 1 / se² (meta-regression; Thompson & Sharp 1999).
Its error comes from how the days scatter around the line, with Student's t on K - 2 df (Knapp & Hartung 2003): days
differ for more reasons than their standard errors know, and the test then keeps its size all the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from abimpact.estimate.estimate import Interval
from abimpact.estimate.welch import SMALLEST_PVALUE

FEWEST_DAYS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The line `level_at_centre + slope (x - centre)` through K = `days` effects.

    `slope` and its standard error `se` are per unit of x; `variance_at_centre` is that of the line's height there.
    `df` = K - 2; `spread` is the variance of the days around the line as a multiple of what their errors explain.
    """

    days: int
    centre: float
    height: float
    slope: float
    se: float
    variance_at_centre: float
    df: int
    pvalue: float
    spread: float

    def at(self, x: float, level: float) -> Interval:
        """The line's height at `x`, with its confidence interval."""
        estimate = self.height + self.slope * (x - self.centre)
        half = float(stdtrit(self.df, 0.5 + level / 2)) * math.sqrt(
            self.variance_at_centre + (self.se * (x - self.centre)) ** 2
        )
        return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=level)

    def reaches_zero_at(self) -> float | None:
        """Where the line crosses zero; None if it is level."""
        return self.centre - self.height / self.slope if self.slope else None


def trend(at: Sequence[float], effects: Sequence[float], standard_errors: Sequence[float]) -> Trend | None:
    """The trend of `effects` over the points `at`; None for fewer than `FEWEST_DAYS` points, or without scatter."""
    if len(at) < FEWEST_DAYS:
        return None
    x, d = np.asarray(at, dtype=float), np.asarray(effects, dtype=float)
    w = 1 / np.asarray(standard_errors, dtype=float) ** 2
    centre, height = float(w @ x / w.sum()), float(w @ d / w.sum())
    s_xx = float(w @ (x - centre) ** 2)
    slope = float(w @ ((x - centre) * d)) / s_xx
    df = len(x) - 2
    spread = float(w @ (d - height - slope * (x - centre)) ** 2) / df
    se = math.sqrt(spread / s_xx)
    if not se:
        return None
    return Trend(
        days=len(x),
        centre=centre,
        height=height,
        slope=slope,
        se=se,
        variance_at_centre=spread / float(w.sum()),
        df=df,
        pvalue=max(float(2 * stdtr(df, -abs(slope) / se)), SMALLEST_PVALUE),
        spread=spread,
    )


def implied_se(interval: Interval, df: float | None) -> float | None:
    """The standard error that an interval's width implies; None where it has no two limits."""
    if interval.low is None or interval.high is None:
        return None
    p = 0.5 + interval.level / 2
    q = float(ndtri(p) if df is None else stdtrit(df, p))
    return (interval.high - interval.low) / (2 * q) or None
