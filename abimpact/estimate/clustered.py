"""Clusters that were randomised: an arm's value is a ratio of cluster sums, its spread that over clusters.

With Y_g the sum of a cluster's values and X_g its units (of a ratio: its denominator), R = sum Y / sum X and Var(R) is
that of (Y_g - R X_g) / mean(X) over the G clusters of the arm, divided by G (Deng, Knoblich & Lu 2018): the
cluster-robust variance of a regression on the variant with each arm's own G / (G - 1). For clusters of one size that is
CR2 with the degrees of freedom of Bell & McCaffrey (2002), which are Welch's. Clusters that hold both arms
(switchbacks, panels) make the arms dependent: their products are the covariance, and there are no more df than clusters
less one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import ClusterSums, Floats, MetricSummary, Moments


@dataclass(frozen=True, slots=True)
class Clustered(Moments):
    """Moments over the clusters of variant `arm`.

    For each other variant `shared` has the covariance (d, d) of both arms' means (this one's rows), `either` the number
    of clusters that hold one of them.
    """

    arm: int
    shared: Mapping[int, Floats]
    either: Mapping[int, int]


def by_cluster(summary: MetricSummary, proposed: int) -> MetricSummary:
    """`summary` as a ratio of cluster sums, for the incumbent and variant `proposed`; as it is without clusters."""
    sums = summary.clusters
    if sums is None:
        return summary
    moments = list(sums.moments)
    moments[0], moments[proposed] = _paired(sums, 0, proposed), _paired(sums, proposed, 0)
    return replace(
        summary,
        metric=replace(summary.metric, kind=MetricKind.RATIO),
        moments=tuple(moments),
        bins=sums.bins,
        clusters=None,
    )


def of_arms(sums: ClusterSums, arms: tuple[int, int]) -> ClusterSums:
    """The sums of two variants, as the only ones."""
    first, second = arms
    pair = (min(arms), max(arms))
    cross = sums.cross.get(pair)
    if cross is not None and first > second:
        cross = cross.T
    return ClusterSums(
        moments=(sums.moments[first], sums.moments[second]),
        bins=None,
        cross={} if cross is None else {(0, 1): cross},
        both={(0, 1): sums.both[pair]} if pair in sums.both else {},
    )


def covariance_of_means(t: Clustered, c: Clustered) -> Floats:
    """The covariance (d, d) of the means of two variants, `t`'s in the rows."""
    return t.shared[c.arm]


def most_df(t: Moments, c: Moments) -> float:
    """The degrees of freedom that clusters leave at most: one less than there are in either arm."""
    if isinstance(t, Clustered) and isinstance(c, Clustered):
        return t.either[c.arm] - 1
    return float("inf")


def _paired(sums: ClusterSums, arm: int, other: int) -> Clustered:
    mine, its = sums.moments[arm], sums.moments[other]
    pair = (min(arm, other), max(arm, other))
    cross = sums.cross.get(pair)
    shared = np.zeros((len(mine.mean), len(its.mean)))
    if cross is not None and min(mine.n, its.n) > 1:
        # The geometric mean of both arms' n (n - 1), so that variances and covariance stay those of one matrix.
        scale = float(np.sqrt(mine.n * (mine.n - 1.0) * its.n * (its.n - 1.0)))
        shared = (cross if arm < other else cross.T) / scale
    either = mine.n + its.n - sums.both.get(pair, 0)
    return Clustered(mine.n, mine.mean, mine.second, mine.third, arm, {other: shared}, {other: either})
