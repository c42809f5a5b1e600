"""The studentized bootstrap from bins (methods.md e; Hall 1992, chapter 3): resamples of the effect in standard errors.

Each resample has a variance of its own, from the same bins: how many units come from each, and what they add to sums
and sums of squares inside it.
"""

from dataclasses import dataclass, replace

import numpy as np

from abimpact.estimate.bootstrap import BLOCK, NO_DENOMINATOR, linear_arms, offset_of, parts_of, stream
from abimpact.estimate.estimate import Estimate, Interval, Kind, NotEstimated
from abimpact.estimate.linear import Linear
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Bins, Floats, MetricSummary

METHOD = "bootstrap_t"


@dataclass(frozen=True, slots=True)
class Parts:
    """An arm's linear parts in n resamples: `mean` (p, n) and `covariance` (p, p, n) over `units`."""

    units: int
    mean: Floats
    covariance: Floats

    def variance_along(self, weights: Floats) -> Floats:
        """(n,) variance of the mean of the parts weighted by (p, n) `weights`."""
        variance: Floats = np.einsum("in,ijn,jn->n", weights, self.covariance, weights)
        return np.maximum(variance, 0.0) / self.units


def bootstrap_t(
    summary: MetricSummary, proposed: int, *, level: float, n_resamples: int, seed: int
) -> Estimate | NotEstimated:
    """Studentized intervals of effect and lift: d - t*_(1 - alpha/2) se to d - t*_(alpha/2) se.

    t* = (d* - d) / se* over the resamples; p is dual to the interval of the effect. An adjustment keeps its slope.
    """
    assert summary.bins is not None
    linear = linear_arms(summary, proposed)
    if isinstance(linear, NotEstimated):
        return linear
    t, c, adjustment = linear
    kind = summary.metric.kind
    is_ratio, w_t = kind is MetricKind.RATIO and adjustment is None, t.moments.n / (t.moments.n + c.moments.n)
    seen, drawn = [], []
    for number, arm in ((proposed, t), (0, c)):
        parts = parts_of(arm, adjustment, kind)
        rng = stream(seed, summary.metric.name, summary.variants[number], METHOD)
        whole, resampled = _observed(arm, parts), _drawn(summary.bins[number], parts, n_resamples, rng)
        if adjustment:
            offset = np.array([[offset_of(arm)], [0.0]])
            whole, resampled = (replace(p, mean=p.mean + offset) for p in (whole, resampled))
        seen.append(whole)
        drawn.append(resampled)
    if is_ratio and any((d.mean[1] * d.mean[1][0] <= 0).any() for d in drawn):
        return NO_DENOMINATOR
    of_all = _studied(seen[0], seen[1], w_t, is_ratio=is_ratio)
    effects, lifts = _studied(drawn[0], drawn[1], w_t, is_ratio=is_ratio)
    absolute, pvalue = _interval(of_all[0], effects, level)
    relative, _ = _interval(of_all[1], lifts, level)
    return Estimate(
        method=METHOD,
        absolute=absolute,
        relative=relative,
        statistic=None,
        df=None,
        pvalue=pvalue,
        se=float(of_all[0][1][0]),
    )


def _observed(arm: Linear, parts: Floats) -> Parts:
    """The parts as they were seen, as if they were one resample."""
    covariance = parts @ arm.moments.covariance @ parts.T
    return Parts(arm.moments.n, (parts @ arm.moments.mean)[:, None], covariance[:, :, None])


def _studied(t: Parts, c: Parts, w_t: float, *, is_ratio: bool) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """(n,) effect and (n,) standard error of it, and the same of the lift, of every resample.

    To first order; an adjusted value is y - (its share) * gap, as in `bootstrap`.
    """
    zero, one = np.zeros_like(t.mean[0]), np.ones_like(t.mean[0])
    if is_ratio:
        v_t, v_c = t.mean[0] / t.mean[1], c.mean[0] / c.mean[1]
        by_t = (np.stack([1 / t.mean[1], -v_t / t.mean[1]]), np.stack([zero, zero]))
        by_c = (np.stack([zero, zero]), np.stack([1 / c.mean[1], -v_c / c.mean[1]]))
    elif len(t.mean) == 2:
        gap = t.mean[1] - c.mean[1]
        v_t, v_c = t.mean[0] - (1 - w_t) * gap, c.mean[0] + w_t * gap
        by_t = (np.stack([one, -(1 - w_t) * one]), np.stack([zero, w_t * one]))
        by_c = (np.stack([zero, (1 - w_t) * one]), np.stack([one, -w_t * one]))
    else:
        v_t, v_c = t.mean[0], c.mean[0]
        by_t, by_c = (one[None], zero[None]), (zero[None], one[None])
    effect_se = np.sqrt(t.variance_along(by_t[0] - by_t[1]) + c.variance_along(by_c[0] - by_c[1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(v_c)
        slope = v_t / v_c
        lift_se = np.sqrt(
            t.variance_along((by_t[0] - slope * by_t[1]) / size) + c.variance_along((by_c[0] - slope * by_c[1]) / size)
        )
        lift = (v_t - v_c) / size
    return (v_t - v_c, effect_se), (lift, lift_se)


def _interval(seen: tuple[Floats, Floats], drawn: tuple[Floats, Floats], level: float) -> tuple[Interval, float]:
    """The studentized interval and its p; the whole line where too many resamples are not defined."""
    estimate, se = float(seen[0][0]), float(seen[1][0])
    if not np.isfinite(estimate):
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED), 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (drawn[0] - estimate) / drawn[1]
    # Where nothing varies in a resample it is as far away as can be, unless it is the estimate itself.
    t = np.where(drawn[0] == estimate, 0.0, t)
    n = len(t)
    k = max(int((n + 1) * (1 - level) / 2 + 1e-9), 1)
    if np.isnan(t).sum() >= k:
        return Interval(estimate=estimate, low=None, high=None, level=level, kind=Kind.WHOLE), 1.0
    ordered = np.sort(t)
    low, high = estimate - ordered[n - k] * se, estimate - ordered[k - 1] * se
    if not (np.isfinite(low) and np.isfinite(high)):
        return Interval(estimate=estimate, low=None, high=None, level=level, kind=Kind.WHOLE), 1.0
    at_zero = estimate / se if se else 0.0
    pvalue = 2 * (min(int((t >= at_zero).sum()), int((t <= at_zero).sum())) + 1) / (n + 1)
    return Interval(estimate=estimate, low=float(low), high=float(high), level=level), min(pvalue, 1.0)


def _drawn(bins: Bins, parts: Floats, n: int, rng: np.random.Generator) -> Parts:
    """`n` resampled means and covariances of the `parts` of one variant.

    Inside a bin units add a normal term to the sum, and 2 * mean * term to the sum of squares, to first order.
    """
    units, p = int(bins.count.sum()), len(parts)
    means = bins.mean @ parts.T
    centre = bins.count @ means / units
    means = means - centre
    inside = np.einsum("kij,pi,qj->kpq", bins.second, parts, parts) / bins.count[:, None, None]
    squares = np.einsum("kp,kq->kpq", means, means) + inside
    values, axes = np.linalg.eigh(inside)
    root = axes * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    mean, covariance = np.empty((p, n)), np.empty((p, p, n))
    step = max(BLOCK // (len(bins.count) * p), 1)
    for start in range(0, n, step):
        size = min(step, n - start)
        counts = rng.multinomial(units, bins.count / units, size=size).astype(float)
        terms = np.einsum("kpq,nkq->nkp", root, rng.standard_normal((size, len(means), p)))
        terms *= np.sqrt(counts)[:, :, None]
        total = counts @ means + terms.sum(axis=1)
        cross = np.einsum("kp,nkq->npq", means, terms)
        squared = np.tensordot(counts, squares, axes=1) + cross + cross.transpose(0, 2, 1)
        here = slice(start, start + size)
        mean[:, here] = (total / units).T
        covariance[:, :, here] = ((squared - np.einsum("np,nq->npq", total, total) / units) / (units - 1)).T
    return Parts(units, mean + centre[:, None], covariance)
