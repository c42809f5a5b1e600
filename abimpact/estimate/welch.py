"""The difference of two values with unequal variances (Welch 1947), sturdier where the units are skewed."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Estimate, Interval
from abimpact.estimate.fieller import lift_interval, unbounded_note
from abimpact.estimate.monitor import Monitor
from abimpact.estimate.skewed import Skew, half_widths, one_sided_pvalue, open_note, skewed_lift, touching

# What rounding leaves of the variance of a difference that is always the same, as a share of the arms' variances.
SAME = 1e-12
# Below this a double underflows to 0, which would read as impossible.
SMALLEST_PVALUE = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Proposed minus incumbent, after linearisation.

    `t` and `c` hold the values and the variances for Fieller's set, `covariance` that of the two values. `residual_t`
    and `residual_c` hold the units' residuals, whose variances make up `se`; without covariates they are `t` and `c`.
    """

    t: ArmMean
    c: ArmMean
    covariance: float
    residual_t: ArmMean
    residual_c: ArmMean
    se: float
    df: float

    @property
    def estimate(self) -> float:
        """The absolute effect."""
        return self.t.value - self.c.value


def welch_df(t: ArmMean, c: ArmMean) -> float:
    """Welch-Satterthwaite degrees of freedom, over all parts of both arms; one variance may be 0."""
    if t.strata or c.strata:
        parts = [(p.variance_of_mean, p.n - 1) for p in (*t.parts, *c.parts)]
        return math.fsum(v for v, _ in parts) ** 2 / math.fsum(v * v / df for v, df in parts)
    share = t.variance_of_mean / (t.variance_of_mean + c.variance_of_mean)
    return 1 / (share**2 / (t.n - 1) + (1 - share) ** 2 / (c.n - 1))


def difference(t: ArmMean, c: ArmMean, covariance: float = 0.0) -> Difference:
    """The difference of two arms, of which at least one varies; `covariance` is that of their values.

    `se` is 0 where the arms vary together, but for rounding: pairs whose differences are all the same.
    """
    apart = t.variance_of_mean + c.variance_of_mean
    se = float(np.sqrt(apart - 2 * covariance)) if apart - 2 * covariance > SAME * apart else 0.0
    return Difference(t=t, c=c, covariance=covariance, residual_t=t, residual_c=c, se=se, df=welch_df(t, c))


def normal_difference(t: ArmMean, c: ArmMean, covariance: float = 0.0) -> Difference:
    """The difference of two values whose standard errors are known."""
    se = float(np.sqrt(t.variance_of_mean - 2 * covariance + c.variance_of_mean))
    return Difference(t=t, c=c, covariance=covariance, residual_t=t, residual_c=c, se=se, df=np.inf)


def compare_looked_at(
    diff: Difference, monitor: Monitor, level: float, notes: tuple[str, ...], skew: Skew | None = None
) -> Estimate:
    """Interval, lift and p that hold over all looks: the monitor's critical value takes the place of Student's."""
    n, alpha = diff.t.n + diff.c.n, 1 - level
    q, d = monitor.critical(n, alpha), diff.estimate
    below, above = half_widths(diff.se, q, skew)
    z = touching(d, diff.se, 1 if d >= 0 else -1, skew)
    relative = _relative(diff, q, level, skew)
    unbounded = unbounded_note(diff.t, diff.c, diff.covariance, q) or open_note(relative)
    return Estimate(
        method="sequential",
        absolute=Interval(estimate=d, low=d - below, high=d + above, level=level),
        relative=relative,
        statistic=d / diff.se,
        df=None,
        pvalue=min(max(monitor.pvalue(z, n, alpha), SMALLEST_PVALUE), 1.0),
        se=max(below, above) / q,
        notes=(*notes, unbounded) if unbounded else notes,
    )


def _relative(diff: Difference, q: float, level: float, skew: Skew | None) -> Interval:
    if skew:
        return skewed_lift(diff.t, diff.c, diff.covariance, q, level, skew)
    return lift_interval(diff.t, diff.c, diff.covariance, q, level)


def compare(
    diff: Difference, method: str, level: float, notes: tuple[str, ...] = (), skew: Skew | None = None
) -> Estimate:
    """The interval of the difference, Fieller's of the lift with the same df, and their common p.

    With `skew` the limits on the far side of the skewness are widened (methods.md k).
    """
    q = float(stdtrit(diff.df, 0.5 + level / 2))
    below, above = half_widths(diff.se, q, skew)
    d = diff.estimate
    side = 1 if d >= 0 else -1
    pvalue = 2 * one_sided_pvalue(d, diff.se, diff.df, side, skew)
    relative = _relative(diff, q, level, skew)
    unbounded = unbounded_note(diff.t, diff.c, diff.covariance, q) or open_note(relative)
    return Estimate(
        method=method,
        absolute=Interval(estimate=d, low=d - below, high=d + above, level=level),
        relative=relative,
        statistic=d / diff.se,
        df=diff.df,
        pvalue=min(max(pvalue, SMALLEST_PVALUE), 1.0),
        # Where one side is widened for skewness, the error that the wider side stands for.
        se=max(below, above) / q,
        notes=(*notes, unbounded) if unbounded else notes,
    )
