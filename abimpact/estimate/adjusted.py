"""Regression adjustment by pre-experiment covariates (methods.md d): the slope that minimises the variance.

theta = (sum_a S_xx,a / n_a)^-1 (sum_a S_xy,a / n_a); effect d - theta' (x_t - x_c). At an even split this is CUPED
(Deng, Xu, Kohavi & Walker 2013), at any split it is as efficient as Lin (2013) to first order.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from abimpact.estimate.arm import ArmMean, contract
from abimpact.estimate.clustered import most_df
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.linear import Linear
from abimpact.estimate.stratified import shared_covariance
from abimpact.estimate.welch import SAME, Difference, difference, welch_df
from abimpact.findings import by_chance
from abimpact.summarise.summary import Floats

COLLINEAR_BELOW = 1e-10
# With fewer degrees of freedom left an interval has no useful width.
LEAST_DF = 2.0
DIFFERS_BELOW = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The adjusted difference, its `inflation` for the fitted slope, and what happened to the covariates.

    `theta` (k,) is 0 for covariates that were dropped as collinear; `variance_reduction` compares with no adjustment.
    """

    difference: Difference
    theta: Floats
    inflation: float
    dropped: tuple[str, ...]
    variance_reduction: float


def adjust(t: Linear, c: Linear, covariates: tuple[str, ...]) -> Adjustment | NotEstimated:
    """Adjust the difference of `t` and `c` by their last `len(covariates)` columns."""
    k = len(covariates)
    start = len(t.weights) - k
    if refused := _differs(t, c, covariates, start):
        return refused
    shared = shared_covariance(t.moments, c.moments)
    s_xx = np.sum([a.moments.covariance[start:, start:] / a.moments.n for a in (t, c)], axis=0)
    apart = np.diag(s_xx).copy()
    s_xx -= (shared + shared.T)[start:, start:]
    # A covariate that is the same in both arms of every pair tells nothing; rounding leaves a trace of it.
    told = np.diag(s_xx) > SAME * apart
    s_xx *= np.outer(told, told)
    s_xy = np.sum([a.moments.covariance[start:] @ a.weights / a.moments.n for a in (t, c)], axis=0)
    s_xy -= shared[start:] @ c.weights + shared.T[start:] @ t.weights
    theta, kept = _solve(s_xx, s_xy)
    gap = t.moments.mean[start:] - c.moments.mean[start:]
    residual_t, residual_c = _residual(t, theta, start), _residual(c, theta, start)
    df = welch_df(residual_t, residual_c) if residual_t.variance + residual_c.variance > 0 else 0.0
    df = min(df, most_df(t.moments, c.moments))
    if df - len(kept) < LEAST_DF:
        return NotEstimated(reason="too_few_units", message=f"too few units to adjust by {k} covariates")
    q = float(gap[kept] @ np.linalg.solve(s_xx[np.ix_(kept, kept)], gap[kept])) if kept else 0.0
    inflation = (1 + q / df) / (1 - len(kept) / df)
    plain = t.weights @ t.moments.covariance @ t.weights / t.moments.n
    plain += c.weights @ c.moments.covariance @ c.weights / c.moments.n - 2 * t.weights @ shared @ c.weights
    both = float(_residual_weights(t, theta, start) @ shared @ _residual_weights(c, theta, start))
    variance = inflation * (residual_t.variance_of_mean + residual_c.variance_of_mean - 2 * both)
    value_t, value_c, covariance = _adjusted_arms(t, c, theta, start, inflation, shared)
    return Adjustment(
        difference=Difference(
            t=value_t,
            c=value_c,
            covariance=covariance,
            residual_t=residual_t,
            residual_c=residual_c,
            se=float(np.sqrt(variance)),
            df=df - len(kept),
        ),
        theta=theta,
        inflation=inflation,
        dropped=tuple(name for j, name in enumerate(covariates) if j not in kept),
        variance_reduction=float(1 - variance / plain),
    )


def _differs(t: Linear, c: Linear, covariates: tuple[str, ...], start: int) -> NotEstimated | None:
    """A covariate that the variant moved was not measured before exposure."""
    for j, name in enumerate(covariates):
        axis = np.zeros(len(t.weights))
        axis[start + j] = 1.0
        x_t = contract(t.moments, axis, float(t.moments.mean[start + j]))
        x_c = contract(c.moments, axis, float(c.moments.mean[start + j]))
        if x_t.variance + x_c.variance == 0:
            continue
        gap = difference(x_t, x_c, float(axis @ shared_covariance(t.moments, c.moments) @ axis))
        pvalue = float(2 * stdtr(gap.df, -abs(gap.estimate) / gap.se)) if gap.se else 1.0
        if pvalue < DIFFERS_BELOW:
            return NotEstimated(
                reason="covariate_differs",
                message=f"not adjusted: {name} differs between the variants ({by_chance(pvalue)}), so it was "
                "not measured before exposure",
            )
    return None


def _solve(s_xx: Floats, s_xy: Floats) -> tuple[Floats, list[int]]:
    """The slopes, and the covariates that are not combinations of those before them (Cholesky pivots)."""
    scale = np.sqrt(np.diag(s_xx))
    kept: list[int] = []
    factor = np.zeros((0, 0))
    for j in range(len(scale)):
        if scale[j] == 0:
            continue
        row = np.linalg.solve(factor, s_xx[kept, j] / (scale[kept] * scale[j])) if kept else np.zeros(0)
        pivot = 1 - float(row @ row)
        if pivot < COLLINEAR_BELOW:
            continue
        factor = np.block([[factor, np.zeros((len(kept), 1))], [row[None, :], np.array([[np.sqrt(pivot)]])]])
        kept.append(j)
    theta = np.zeros(len(scale))
    if kept:
        half = np.linalg.solve(factor, s_xy[kept] / scale[kept])
        theta[kept] = np.linalg.solve(factor.T, half) / scale[kept]
    return theta, kept


def _residual(arm: Linear, theta: Floats, start: int) -> ArmMean:
    return contract(arm.moments, _residual_weights(arm, theta, start), 0.0)


def _residual_weights(arm: Linear, theta: Floats, start: int) -> Floats:
    weights = arm.weights.copy()
    weights[start:] = -theta
    return weights


def _adjusted_arms(
    t: Linear, c: Linear, theta: Floats, start: int, inflation: float, shared: Floats
) -> tuple[ArmMean, ArmMean, float]:
    """Adjusted arm values with their variances and covariance, for Fieller's set.

    Each is a sum over the columns' means of both arms, m_t = y_t - w_c theta (x_t - x_c) and m_c = y_c + w_t theta
    (x_t - x_c), whose covariances within an arm are S / n and between the arms `shared`.
    """
    n = t.moments.n + c.moments.n
    w_t, w_c = t.moments.n / n, c.moments.n / n
    slope = np.zeros(len(t.weights))
    slope[start:] = theta
    spread_t, spread_c = (arm.moments.covariance / arm.moments.n for arm in (t, c))
    # The weights of (t's means, c's means) in the value of t, and in that of c.
    in_t, in_c = (t.weights - w_c * slope, w_c * slope), (w_t * slope, c.weights - w_t * slope)

    def covariance(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
        within = one[0] @ spread_t @ other[0] + one[1] @ spread_c @ other[1]
        return inflation * float(within + one[0] @ shared @ other[1] + other[0] @ shared @ one[1])

    def arm_mean(arm: Linear, value: float, variance: float) -> ArmMean:
        return ArmMean(n=arm.moments.n, value=value, variance=variance * arm.moments.n, third=0.0)

    shift = float(theta @ (t.moments.mean[start:] - c.moments.mean[start:]))
    value_t = arm_mean(t, t.value - w_c * shift, covariance(in_t, in_t))
    value_c = arm_mean(c, c.value + w_t * shift, covariance(in_c, in_c))
    return value_t, value_c, covariance(in_t, in_c)
