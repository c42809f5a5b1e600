"""The percentile bootstrap from bins (methods.md e): units are resampled within each variant, no row is touched.

A resample draws how many units come from each bin (multinomial) and one normal term for the spread inside bins, so the
mean and the variance of the bootstrap distribution are exact (Efron & Tibshirani 1993).
"""

import hashlib
import math

import numpy as np

from abimpact.estimate.adjusted import adjust
from abimpact.estimate.estimate import Estimate, Interval, Kind, NotEstimated
from abimpact.estimate.linear import Linear, linearise
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Bins, Floats, MetricSummary

# Numbers drawn at a time, so that memory stays small whatever the number of resamples.
BLOCK = 1 << 21
# A p this many Monte-Carlo errors away from 1 - level is decided; else resamples are raised once by the factor.
DECIDED, MORE = 3.0, 4


def bootstrap(
    summary: MetricSummary, proposed: int, *, level: float, n_resamples: int, seed: int
) -> Estimate | NotEstimated:
    """Percentile intervals of effect and lift, and the p dual to the interval of the effect.

    p = 2 min(#{d* <= 0} + 1, #{d* >= 0} + 1) / (B + 1); limits are the order statistics floor((B + 1) alpha / 2).
    """
    c, t = linearise(summary, 0), linearise(summary, proposed)
    if isinstance(c, NotEstimated) or isinstance(t, NotEstimated):
        return c if isinstance(c, NotEstimated) else t  # type: ignore[return-value]
    notes: tuple[str, ...] = ()
    for n in (n_resamples, MORE * n_resamples):
        v_t, v_c = _values(summary, proposed, t, c, n, seed)
        effects = v_t - v_c
        pvalue = _pvalue(effects)
        if abs(pvalue - (1 - level)) >= DECIDED * mc_error(pvalue, n):
            break
    else:
        notes = (f"undecided at {n:,} resamples: p is within its Monte-Carlo error of {1 - level:.2g}",)
    return Estimate(
        method="bootstrap",
        absolute=Interval(**_limits(effects, level), estimate=t.value - c.value, level=level),
        relative=_relative(v_t, v_c, t.value, c.value, level),
        statistic=None,
        df=None,
        pvalue=pvalue,
        notes=notes,
    )


def mc_error(pvalue: float, n_resamples: int) -> float:
    """The Monte-Carlo standard error of a doubled p: sqrt(p (2 - p) / B)."""
    return math.sqrt(pvalue * (2 - pvalue) / n_resamples)


def _pvalue(effects: Floats) -> float:
    below, above = int((effects <= 0).sum()), int((effects >= 0).sum())
    return min(2 * (min(below, above) + 1) / (len(effects) + 1), 1.0)


def _limits(values: Floats, level: float) -> dict[str, float]:
    """The equal-tailed order statistics."""
    # Rounded, since (B + 1) alpha / 2 is a whole number by design and may fall just short of it in floating point.
    k = max(int((len(values) + 1) * (1 - level) / 2 + 1e-9), 1)
    ordered = np.partition(values, (k - 1, len(values) - k))
    return {"low": float(ordered[k - 1]), "high": float(ordered[-k])}


def _relative(v_t: Floats, v_c: Floats, value_t: float, value_c: float, level: float) -> Interval:
    """The percentile interval of the lift; none where resamples disagree on the sign of the incumbent's value."""
    if value_c == 0:
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED)
    estimate = (value_t - value_c) / abs(value_c)
    sign = math.copysign(1.0, value_c)
    if (v_c * sign <= 0).mean() > (1 - level) / 2:
        return Interval(estimate=estimate, low=None, high=None, level=level, kind=Kind.WHOLE)
    kept = v_c * sign > 0
    lifts = np.where(kept, (v_t - v_c) / np.where(kept, v_c * sign, 1.0), np.sign(v_t - v_c) * np.finfo(float).max)
    return Interval(**_limits(lifts, level), estimate=estimate, level=level)


def _values(
    summary: MetricSummary, proposed: int, t: Linear, c: Linear, n: int, seed: int
) -> tuple[Floats, Floats]:
    """`n` resampled values of the proposed variant and of the incumbent."""
    if summary.covariates and not isinstance(found := adjust(t, c, summary.covariates), NotEstimated):
        theta = np.zeros(len(t.weights))
        theta[len(theta) - len(found.theta) :] = found.theta
        (y_t, x_t), (y_c, x_c) = (
            _resampled(summary, arm, np.stack([a.weights, theta]), n, seed) for arm, a in ((proposed, t), (0, c))
        )
        w_t = t.moments.n / (t.moments.n + c.moments.n)
        gap = x_t - x_c
        offset_t, offset_c = (a.value - float(a.weights @ a.moments.mean) for a in (t, c))
        return y_t + offset_t - (1 - w_t) * gap, y_c + offset_c + w_t * gap
    d = 2 if summary.metric.kind is MetricKind.RATIO else 1
    parts = np.eye(len(t.weights))[:d]
    drawn = [_resampled(summary, arm, parts, n, seed) for arm in (proposed, 0)]
    v_t, v_c = (x[0] / x[1] if d == 2 else x[0] for x in drawn)
    return v_t, v_c


def _resampled(summary: MetricSummary, arm: int, parts: Floats, n: int, seed: int) -> Floats:
    """(p, n) resampled means of the linear `parts` (p, d) of a variant's columns; p is 1 or 2."""
    assert summary.bins is not None
    bins = summary.bins[arm]
    rng = _rng(seed, summary.metric.name, summary.variants[arm])
    means = bins.mean @ parts.T
    per_unit = np.einsum("kij,pi,qj->kpq", bins.second, parts, parts) / bins.count[:, None, None]
    total = int(bins.count.sum())
    shares = bins.count / total
    drawn = np.empty((len(parts), n))
    step = max(BLOCK // len(shares), 1)
    for start in range(0, n, step):
        counts = rng.multinomial(total, shares, size=min(step, n - start))
        drawn[:, start : start + step] = (counts @ means).T + _within(counts, per_unit, rng)
    return drawn / total


def _within(counts: Floats, per_unit: Floats, rng: np.random.Generator) -> Floats:
    """(p, n) normal deviates with the covariance of what units add inside their bins, given how many came from each."""
    covariance = np.tensordot(counts, per_unit, axes=1)
    first = np.sqrt(np.maximum(covariance[:, 0, 0], 0.0))
    deviates = rng.standard_normal((per_unit.shape[1], len(counts)))
    if len(deviates) == 1:
        return first * deviates
    slope = np.divide(covariance[:, 0, 1], first, out=np.zeros_like(first), where=first > 0)
    rest = np.sqrt(np.maximum(covariance[:, 1, 1] - slope**2, 0.0))
    return np.stack([first * deviates[0], slope * deviates[0] + rest * deviates[1]])


def _rng(seed: int, metric: str, variant: str) -> np.random.Generator:
    """A stream of its own for every seed, metric, variant and method, so that no number depends on the others."""
    key = "\0".join((str(seed), metric, variant, "bootstrap"))
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=16).digest()))
