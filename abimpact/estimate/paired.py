"""Differences paired unit by unit: Student's t beside a percentile bootstrap of the one column of differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from abimpact.estimate.bootstrap import resampled_mean
from abimpact.estimate.estimate import Interval
from abimpact.estimate.skewed import FLAG
from abimpact.summarise.summary import Bins, Floats, Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A mean by one method: with its interval, standard error and two-sided p against 0."""

    method: str
    interval: Interval
    se: float | None
    pvalue: float | None
    notes: tuple[str, ...] = ()


def paired(moments: Moments, level: float, weights: Floats | None = None, method: str = "paired") -> Paired:
    """The mean of `weights` · columns (the first column by default) by Student's t; no limits where nothing varies."""
    w = np.eye(len(moments.mean))[0] if weights is None else weights
    mean = float(w @ moments.mean)
    if moments.n < 2:
        return Paired(method=method, interval=_open(mean, level), se=None, pvalue=None)
    se = math.sqrt(max(float(w @ moments.covariance @ w), 0.0) / moments.n)
    if se == 0:
        interval = Interval(estimate=mean, low=mean, high=mean, level=level)
        return Paired(method=method, interval=interval, se=0.0, pvalue=None if mean == 0 else 0.0)
    df, q = moments.n - 1, float(stdtrit(moments.n - 1, 0.5 + level / 2))
    gamma = _skewness(moments, w)
    notes = (
        (f"skewed: the mean's skewness is {gamma:.2f}, so its interval may miss on one side",)
        if abs(gamma) > FLAG
        else ()
    )
    return Paired(
        method=method,
        interval=Interval(estimate=mean, low=mean - q * se, high=mean + q * se, level=level),
        se=se,
        pvalue=float(2 * stdtr(df, -abs(mean) / se)),
        notes=notes,
    )


def ratio_of_means(moments: Moments, top: int, bottom: int, less: int, level: float, method: str) -> Paired:
    """mean_top / mean_bottom - mean_less by the delta method (self-normalised weights; Hesterberg 1995)."""
    m = moments.mean
    if moments.n < 2 or m[bottom] <= 0:
        return Paired(method=method, interval=_open(0.0, level), se=None, pvalue=None)
    value = float(m[top] / m[bottom])
    weights = np.zeros(len(m))
    weights[top], weights[bottom] = 1 / m[bottom], -value / m[bottom]
    weights[less] -= 1.0
    found = paired(moments, level, weights, method)
    shift = value - float(m[less]) - float(weights @ m)
    i = found.interval
    moved = Interval(
        estimate=value - float(m[less]),
        low=None if i.low is None else i.low + shift,
        high=None if i.high is None else i.high + shift,
        level=level,
    )
    pvalue = float(2 * stdtr(moments.n - 1, -abs(moved.estimate or 0.0) / found.se)) if found.se else None
    return Paired(method=method, interval=moved, se=found.se, pvalue=pvalue)


def bootstrap_paired(bins: Bins, level: float, *, n_resamples: int, seed: int, key: str) -> Paired:
    """The percentile interval of the mean of one column, and the p dual to it; `key` names its random stream."""
    mean = float(bins.count @ bins.mean[:, 0]) / int(bins.count.sum())
    interval, pvalue, se = resampled_mean(bins, mean, level, n_resamples=n_resamples, seed=seed, key=key)
    return Paired(method="bootstrap", interval=interval, se=se, pvalue=pvalue)


def scaled(interval: Interval, factor: float) -> Interval:
    """An interval in other units."""
    estimate, low, high = (None if x is None else x * factor for x in (interval.estimate, interval.low, interval.high))
    if factor < 0:
        low, high = high, low
    return Interval(estimate=estimate, low=low, high=high, level=interval.level, kind=interval.kind)


def effective_size(weights: Sequence[float]) -> float:
    """Kish's effective sample size from the sum and the sum of squares of weights: (sum w)^2 / sum w^2."""
    first, second = weights
    return first**2 / second if second else 0.0


def _skewness(moments: Moments, weights: Floats) -> float:
    """The skewness of the mean."""
    variance = float(weights @ moments.second @ weights) / moments.n
    third = float(np.einsum("ijk,i,j,k", moments.third, weights, weights, weights)) / moments.n
    return third / (variance**1.5 * math.sqrt(moments.n)) if variance > 0 else 0.0


def _open(mean: float, level: float) -> Interval:
    return Interval(estimate=mean, low=None, high=None, level=level)
