"""The percentile bootstrap from bins (methods.md e): units are resampled within each variant, no row is touched.

A resample draws how many units come from each bin (multinomial) and one normal term for the spread inside bins, so the
mean and the variance of the bootstrap distribution are exact (Efron & Tibshirani 1993).
"""

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.estimate import Estimate, Histogram, Interval, Kind, NotEstimated
from abimpact.estimate.linear import Linear, linearise
from abimpact.spec.metric import MetricKind, Role
from abimpact.summarise.matched import EDGEWORTH
from abimpact.summarise.summary import SMALLEST_VARIANCE, Bins, Floats, MetricSummary

# Numbers drawn at a time, so that memory stays small whatever the number of resamples.
BLOCK = 1 << 21
# A p this many Monte-Carlo errors away from 1 - level is decided; else resamples are raised once by the factor.
DECIDED, MORE = 3.0, 4
# By how much merging bins may move the distribution function: a tenth of the Monte-Carlo error at 9,999 resamples.
MERGED_ERROR = 0.0005
# Bins in which resampled effects are counted for a picture.
DRAWN_BINS = 40
# Units in a bin from which on their number in a resample varies smoothly.
MANY = 32
# |E(X - EX)^3| is at most this times E|X|^3; a distribution on two points reaches it.
RECENTRED = 0.75 * math.sqrt(3)
NO_DENOMINATOR = NotEstimated(
    reason="zero_denominator", message="the denominator sums to 0 or changes its sign in a resample"
)


def bootstrap(
    summary: MetricSummary, proposed: int, *, level: float, n_resamples: int, seed: int
) -> Estimate | NotEstimated:
    """Percentile intervals of effect and lift, and the p dual to the interval of the effect.

    p = 2 min(#{d* <= 0} + 1, #{d* >= 0} + 1) / (B + 1); limits are the order statistics floor((B + 1) alpha / 2).
    """
    linear = linear_arms(summary, proposed)
    if isinstance(linear, NotEstimated):
        return linear
    t, c, adjustment = linear
    arms = (adjustment.difference.t, adjustment.difference.c) if adjustment else (t, c)
    value_t, value_c = (a.value for a in arms)
    notes: tuple[str, ...] = ()
    for n in (n_resamples, MORE * n_resamples):
        drawn = _values(summary, proposed, (t, c), adjustment, n, seed)
        if drawn is None:
            return NO_DENOMINATOR
        v_t, v_c = drawn
        effects = v_t - v_c
        pvalue = _pvalue(effects)
        if abs(pvalue - (1 - level)) >= DECIDED * mc_error(pvalue, n):
            break
    else:
        notes = (f"undecided at {n:,} resamples: p is within its Monte-Carlo error of {1 - level:.2g}",)
    return Estimate(
        method="bootstrap",
        absolute=_percentile(effects, value_t - value_c, level),
        relative=_relative(v_t, v_c, value_t, value_c, level),
        statistic=None,
        df=None,
        pvalue=pvalue,
        notes=notes,
        histogram=_histogram(effects) if summary.metric.role is Role.PRIMARY else None,
    )


def linear_arms(summary: MetricSummary, proposed: int) -> tuple[Linear, Linear, Adjustment | None] | NotEstimated:
    """The proposed variant and the incumbent as what is resampled, and their adjustment, which keeps its slope."""
    c, t = linearise(summary, 0), linearise(summary, proposed)
    if isinstance(c, NotEstimated):
        return c
    if isinstance(t, NotEstimated):
        return t
    found = adjust(t, c, summary.covariates) if summary.covariates else None
    return t, c, found if isinstance(found, Adjustment) else None


def parts_of(arm: Linear, adjustment: Adjustment | None, kind: MetricKind | None) -> Floats:
    """(p, d): what is resampled of the columns: value; numerator and denominator; or value and fitted covariates."""
    if adjustment is None:
        return np.eye(len(arm.weights))[: 2 if kind is MetricKind.RATIO else 1]
    theta = np.zeros(len(arm.weights))
    theta[len(theta) - len(adjustment.theta) :] = adjustment.theta
    return np.stack([arm.weights, theta])


def offset_of(arm: Linear) -> float:
    """What a linearised value lacks of the value itself."""
    return arm.value - float(arm.weights @ arm.moments.mean)


def _histogram(effects: Floats) -> Histogram:
    counts, edges = np.histogram(effects, bins=DRAWN_BINS)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def mc_error(pvalue: float, n_resamples: int) -> float:
    """The Monte-Carlo standard error of a doubled p: sqrt(p (2 - p) / B)."""
    return math.sqrt(pvalue * (2 - pvalue) / n_resamples)


def _pvalue(effects: Floats) -> float:
    below, above = int((effects <= 0).sum()), int((effects >= 0).sum())
    return min(2 * (min(below, above) + 1) / (len(effects) + 1), 1.0)


def _percentile(values: Floats, estimate: float, level: float) -> Interval:
    """The equal-tailed order statistics around an estimate."""
    # Nudged, since (B + 1) alpha / 2 is a whole number by design and may fall just short of it in floating point.
    k = max(int((len(values) + 1) * (1 - level) / 2 + 1e-9), 1)
    ordered = np.partition(values, (k - 1, len(values) - k))
    return Interval(estimate=estimate, low=float(ordered[k - 1]), high=float(ordered[-k]), level=level)


def _relative(v_t: Floats, v_c: Floats, value_t: float, value_c: float, level: float) -> Interval:
    """The percentile interval of the lift; none where resamples disagree on the sign of the incumbent's value."""
    if value_c == 0:
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED)
    estimate = (value_t - value_c) / abs(value_c)
    sign = math.copysign(1.0, value_c)
    if (v_c * sign <= 0).mean() > (1 - level) / 2:
        return Interval(estimate=estimate, low=None, high=None, level=level, kind=Kind.WHOLE)
    kept, largest = v_c * sign > 0, np.finfo(float).max
    with np.errstate(over="ignore"):
        lifts = np.where(kept, (v_t - v_c) / np.where(kept, v_c * sign, 1.0), np.sign(v_t - v_c) * largest)
    lifts = np.clip(lifts, -largest, largest)
    return _percentile(lifts, estimate, level)


def _values(
    summary: MetricSummary,
    proposed: int,
    linear: tuple[Linear, Linear],
    adjustment: Adjustment | None,
    n: int,
    seed: int,
) -> tuple[Floats, Floats] | None:
    """`n` resampled values of the proposed variant and of the incumbent; None where a ratio is not defined in all.

    An adjustment keeps its slope.
    """
    t, c = linear
    arms = [(arm, a, parts_of(a, adjustment, summary.metric.kind)) for arm, a in ((proposed, t), (0, c))]
    if adjustment:
        (y_t, x_t), (y_c, x_c) = (
            _resampled(summary, arm, parts, np.array([1.0, -1.0]), n, seed) for arm, _, parts in arms
        )
        w_t = t.moments.n / (t.moments.n + c.moments.n)
        gap = x_t - x_c
        return y_t + offset_of(t) - (1 - w_t) * gap, y_c + offset_of(c) + w_t * gap
    if summary.metric.kind is MetricKind.RATIO:
        (top_t, bottom_t), (top_c, bottom_c) = (
            _resampled(summary, arm, parts, np.array([1.0, -a.value]), n, seed) for arm, a, parts in arms
        )
        if any((b * b[0] <= 0).any() for b in (bottom_t, bottom_c)):
            return None
        return top_t / bottom_t, top_c / bottom_c
    v_t, v_c = (_resampled(summary, arm, parts, np.ones(1), n, seed)[0] for arm, _, parts in arms)
    return v_t, v_c


def _resampled(summary: MetricSummary, arm: int, parts: Floats, direction: Floats, n: int, seed: int) -> Floats:
    """(p, n) resampled means of the linear `parts` (p, d) of a variant's columns; p is 1 or 2.

    `direction` (p,) is the influence of the parts on the value.
    """
    assert summary.bins is not None
    rng = stream(seed, summary.metric.name, summary.variants[arm], "bootstrap")
    return _drawn(summary.bins[arm], parts, direction, n, rng)


def resampled_mean(
    bins: Bins, mean: float, level: float, *, n_resamples: int, seed: int, key: str
) -> tuple[Interval, float, float]:
    """The percentile interval of the mean of one binned column, the p dual to it, and the resamples' deviation.

    `key` names the random stream.
    """
    drawn = _drawn(bins, np.ones((1, 1)), np.ones(1), n_resamples, stream(seed, key, "paired", "bootstrap"))[0]
    return _percentile(drawn, mean, level), _pvalue(drawn), float(drawn.std(ddof=1))


def _drawn(bins: Bins, parts: Floats, direction: Floats, n: int, rng: np.random.Generator) -> Floats:
    """(p, n) resampled means of `parts` from one variant's bins."""
    second = np.einsum("kij,pi,qj->kpq", bins.second, parts, parts)
    count, means, per_unit = _merge_middle(bins.count, bins.mean @ parts.T, second, direction)
    total = int(count.sum())
    drawn = np.empty((len(parts), n))
    step = max(BLOCK // len(count), 1)
    for start in range(0, n, step):
        counts = rng.multinomial(total, count / total, size=min(step, n - start)).astype(float)
        drawn[:, start : start + step] = (counts @ means).T + _within(counts, per_unit, rng)
    return drawn / total


def _merge_middle(
    count: NDArray[np.int64], means: Floats, second: Floats, direction: Floats
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Counts, means and covariances per unit of the bins, those that hardly skew the sum merged into one.

    A merged bin keeps mean and variance exact; it loses the third cumulant inside it, so bins join it from the least
    skewing up while the distribution function stays within `MERGED_ERROR`, to first order. Most of a large log's bins
    do, which is what makes resampling cheap: the rest are tails that hold few units. Only bins of `MANY` units count as
    `smooth` variance: what a rare large unit adds does not blur the sum of the others.
    """
    n = count.sum()
    away = means @ direction - (count @ means @ direction) / n
    within = np.einsum("kij,i,j->k", second, direction, direction)
    per_unit = second / count[:, None, None]
    smooth = float((count * away**2 + within)[count >= MANY].sum())
    if smooth <= n * SMALLEST_VARIANCE:
        return count, means, per_unit
    lost = RECENTRED * EDGEWORTH * count * np.abs(away) ** 3 / smooth**1.5
    order = np.argsort(lost, kind="stable")
    size = int(np.searchsorted(np.cumsum(lost[order]), MERGED_ERROR - _half_jump(away, float(within.sum()), smooth)))
    if size < 2:
        return count, means, per_unit
    merged, kept = order[:size], np.sort(order[size:])
    units = count[merged].sum()
    mean = count[merged] @ means[merged] / units
    gap = means[merged] - mean
    inside = second[merged].sum(axis=0) + np.einsum("k,ki,kj->ij", count[merged], gap, gap)
    # Last, so that the multinomial gets its count as the rest without a draw.
    return (
        np.append(count[kept], units),
        np.vstack([means[kept], mean]),
        np.concatenate([per_unit[kept], inside[None] / units]),
    )


def _half_jump(values: Floats, within: float, variance: float) -> float:
    """Half the largest jump of a sum's distribution function: 0 if the variance `within` bins smooths it.

    Sums of few distinct `values`, step h apart, jump by h / sqrt(2 pi variance); a merged bin does not (Esseen 1945).
    """
    if len(values) < 2:
        return 0.0
    step = float(np.diff(np.sort(values)).min())
    return step / math.sqrt(8 * math.pi * variance) if within < step**2 else 0.0


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


def stream(seed: int, *names: str) -> np.random.Generator:
    """A stream of its own for every seed, metric, variant and method, so that no number depends on the others."""
    key = "\0".join((str(seed), *names))
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=16).digest()))
