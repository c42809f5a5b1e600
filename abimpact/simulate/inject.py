"""An effect put into a variant of which all is known: its moments, or its ranks."""

from dataclasses import replace

import numpy as np

from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import MetricSummary, Moments, Ranks


def with_lift(summary: MetricSummary, lift: float, rng: np.random.Generator) -> MetricSummary | None:
    """`summary` with the proposed variant's value raised by `lift`; None where a proportion would pass 100 %.

    Values are multiplied by 1 + lift (a ratio's numerator; 1 - lift where the mean is below 0), so their spread grows
    with them. Of a proportion, as many units as that takes turn from 0 to 1 (or back) at random.
    """
    kind = summary.metric.kind
    if kind is MetricKind.QUANTILE:
        assert summary.ranks is not None
        low, high = summary.ranks
        factor = 1 + lift * np.sign(next(iter(high.values.values()), 1.0))
        raised = Ranks(high.n, {rank: value * factor for rank, value in high.values.items()})
        return replace(summary, ranks=(low, raised))
    incumbent, proposed = summary.moments
    changed = (
        _more_ones(incumbent, proposed, lift, rng)
        if kind is MetricKind.PROPORTION
        else _scaled(proposed, 1 + lift * _sign(proposed))
    )
    return None if changed is None else replace(summary, moments=(incumbent, changed))


def _sign(moments: Moments) -> float:
    return -1.0 if moments.n and moments.mean[0] < 0 else 1.0


def _scaled(moments: Moments, factor: float) -> Moments:
    """The moments when the first column is multiplied by `factor`."""
    scale = np.ones(len(moments.mean))
    scale[0] = factor
    return Moments(
        moments.n,
        moments.mean * scale,
        moments.second * np.multiply.outer(scale, scale),
        moments.third * np.einsum("i,j,k->ijk", scale, scale, scale),
    )


def _more_ones(incumbent: Moments, proposed: Moments, lift: float, rng: np.random.Generator) -> Moments | None:
    """Every 0 turns into 1 (every 1 into 0) with the chance that raises the share of both variants by `lift`."""
    n = proposed.n
    if not n or not incumbent.n:
        return proposed
    ones = round(n * float(proposed.mean[0]))
    share = (ones + incumbent.n * float(incumbent.mean[0])) / (n + incumbent.n)
    if share * (1 + lift) > 1:
        return None
    if lift < 0:
        ones = int(rng.binomial(ones, 1 + lift))
    elif share < 1:
        ones += int(rng.binomial(n - ones, share * lift / (1 - share)))
    p = ones / n
    return Moments(
        n,
        np.array([p]),
        np.array([[n * p * (1 - p)]]),
        np.array([[[n * p * (1 - p) * (1 - 2 * p)]]]),
    )
