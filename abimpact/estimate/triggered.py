"""The effect where the variants decide differently, diluted to all units (Deng & Hu 2015; methods.md n).

Both decisions are known for every unit. Where they agree, the variants are the same and differ by chance alone, so that
part's noise is left out. With the share r of units on which decisions differ, a variant's value over all units is
r m_D + (1 - r) m_A: m_D its own mean on these, m_A the incumbent's on the others. Limits follow by the delta method
over the means and r.
"""

import math

import numpy as np
from scipy.special import chdtrc, stdtr

from abimpact.estimate.arm import ArmMean, contract
from abimpact.estimate.estimate import NotEstimated, Triggered
from abimpact.estimate.linear import gradient, linearise, value_of
from abimpact.estimate.skewed import skew_of
from abimpact.estimate.welch import Difference, compare, difference
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Floats, MetricSummary, Moments

METHOD = "triggered"
# Below these the claim that only differing decisions matter is refuted (methods.md n).
SAME_WHERE_AGREED, EVEN_SHARES = 0.01, 0.001


def triggered(
    differing: MetricSummary, agreeing: MetricSummary, proposed: int, level: float
) -> Triggered | NotEstimated:
    """Compare variant number `proposed` with the incumbent where they decide differently.

    The two summaries hold the units on which the decisions differ and those on which they agree.
    """
    kind = differing.metric.kind
    if kind is MetricKind.QUANTILE:
        return NotEstimated(reason="quantile", message="a quantile of a part says nothing about that of all units")
    c, t, same = linearise(differing, 0), linearise(differing, proposed), agreeing.moments[0]
    for found in (c, t):
        if isinstance(found, NotEstimated):
            return found
    assert not isinstance(c, NotEstimated)
    assert not isinstance(t, NotEstimated)
    arms = contract(t.moments, t.weights, t.value), contract(c.moments, c.weights, c.value)
    if not arms[0].variance and not arms[1].variance:
        return NotEstimated(reason="constant_metric", message="where they differ, every unit has the same value")
    alone = difference(*arms)
    if skew_of(*arms, alone.se).is_flagged:
        return NotEstimated(reason="skewed", message="where they differ, it is too skewed for its sizes")
    whole = [d + a for d, a in zip(differing.moments, agreeing.moments, strict=True)]
    n = whole[0].n + whole[proposed].n
    share = (c.moments.n + t.moments.n) / n
    diluted = _diluted(differing.metric.kind, t.moments, c.moments, same, share, n, alone)
    usual = [_variance(kind, m) for m in (whole[0], whole[proposed])]
    return Triggered(
        units=(c.moments.n, t.moments.n),
        share=share,
        alone=compare(alone, METHOD, level),
        diluted=compare(diluted, METHOD, level),
        variance_ratio=math.fsum(usual) / diluted.se**2,
    )


def _variance(kind: MetricKind | None, moments: Moments) -> float:
    """The squared standard error of a variant's value over all its units."""
    weights = gradient(kind, moments.mean)
    return float(weights @ moments.covariance @ weights) / moments.n


def _diluted(
    kind: MetricKind | None, t: Moments, c: Moments, same: Moments, share: float, n: int, alone: Difference
) -> Difference:
    """The difference over all units; `same` are the incumbent's units where decisions agree."""
    agreed = same.mean if same.n else np.zeros_like(c.mean)
    means = [share * m.mean + (1 - share) * agreed for m in (t, c)]
    w_t, w_c = (gradient(kind, mean) for mean in means)
    by_share = [float(w @ (m.mean - agreed)) for w, m in ((w_t, t), (w_c, c))]
    of_share = share * (1 - share) / n
    # Without a spread of the agreeing units there is nothing to add: they are the same in both variants.
    spread = (1 - share) ** 2 * same.covariance / same.n if same.n > 1 else np.zeros_like(c.second)

    def variance(own: Moments, w: Floats, slope: float) -> float:
        return float(share**2 * (w @ own.covariance @ w) / own.n + w @ spread @ w) + slope**2 * of_share

    v_t, v_c = variance(t, w_t, by_share[0]), variance(c, w_c, by_share[1])
    covariance = float(w_t @ spread @ w_c) + by_share[0] * by_share[1] * of_share
    values = [value_of(kind, mean) for mean in means]
    arm_t, arm_c = (
        ArmMean(n=m.n, value=value, variance=v * m.n, third=0.0)
        for m, value, v in zip((t, c), values, (v_t, v_c), strict=True)
    )
    return Difference(
        t=arm_t,
        c=arm_c,
        covariance=covariance,
        residual_t=alone.residual_t,
        residual_c=alone.residual_c,
        se=float(np.sqrt(v_t + v_c - 2 * covariance)),
        df=alone.df,
    )


def agreeing_pvalue(agreeing: MetricSummary, proposed: int) -> float | None:
    """Two-sided p that the variants are the same where they decide alike (Welch); None where nothing varies."""
    c, t = linearise(agreeing, 0), linearise(agreeing, proposed)
    if isinstance(c, NotEstimated) or isinstance(t, NotEstimated):
        return None
    arms = contract(t.moments, t.weights, t.value), contract(c.moments, c.weights, c.value)
    if not arms[0].variance and not arms[1].variance:
        return None
    found = difference(*arms)
    return float(2 * stdtr(found.df, -abs(found.estimate) / found.se))


def balance_pvalue(differing: tuple[int, int], all_units: tuple[int, int]) -> float:
    """P that decisions differ on equal shares of both variants: chi-square of the 2 x 2 table."""
    table = np.array([differing, np.subtract(all_units, differing)], dtype=float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if not expected.all():
        return 1.0
    return float(chdtrc(1, float(((table - expected) ** 2 / expected).sum())))
