"""Deals a log's units out again: in each repetition other units are the incumbent's, others the proposed variant's."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abimpact.estimate.quantile import ranks_wanted
from abimpact.estimate.table import Comparison, estimate
from abimpact.spec.metric import Metric, MetricKind
from abimpact.summarise.blocks import Blocks, Shares
from abimpact.summarise.summary import Floats, MetricSummary, Moments, Ranks

# A stream of random numbers of its own for each metric (and "" for the units), so that none depends on the others.
Streams = Callable[[str], np.random.Generator]
# Repetitions whose weights are held at once: 32 MB at 16,384 blocks.
AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """How units are dealt out: the expected share of the log that each variant (incumbent, proposed) gets.

    Together at most 1, units are drawn without replacement; a larger test than the log takes some of them again.
    """

    variants: tuple[str, str]
    shares: tuple[float, float]
    level: float

    def compare(self, summary: MetricSummary) -> Comparison:
        """What `report` would say of a repetition, without resampling."""
        return estimate(summary, 1, level=self.level, n_resamples=0, seed=0)

    @property
    def is_larger(self) -> bool:
        """Whether more units are asked for than there are."""
        return math.fsum(self.shares) > 1 + 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All units of a log: `blocks` for what moments tell, `shares` by the name of each quantile metric.

    `metrics` are in the order of the blocks' plans, each with the names of its covariates.
    """

    blocks: Blocks
    shares: Mapping[str, Shares]
    metrics: tuple[tuple[Metric, tuple[str, ...]], ...]


def dealt(population: Population, deal: Deal, repetitions: int, streams: Streams) -> Iterator[list[MetricSummary]]:
    """For each repetition the summaries of all metrics, in which the variants differ by chance alone."""
    rng = streams("")
    for start in range(0, repetitions, AT_ONCE):
        weights = _weights(len(population.blocks.units), deal, min(AT_ONCE, repetitions - start), rng)
        for c, t in zip(*map(population.blocks.moments, weights), strict=True):
            yield [
                _summary(metric, names, arms, population.shares.get(metric.name), deal, streams(metric.name))
                for (metric, names), *arms in zip(population.metrics, c, t, strict=True)
            ]


def _weights(n_blocks: int, deal: Deal, repetitions: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """How often each block is the incumbent's, and how often the proposed variant's: (R, B) each."""
    if deal.is_larger:
        size = (repetitions, n_blocks)
        incumbent, proposed = (rng.poisson(share, size).astype(float) for share in deal.shares)
        return incumbent, proposed
    drawn = rng.random((repetitions, n_blocks), dtype=np.float32)
    first, both = deal.shares[0], math.fsum(deal.shares)
    return (drawn < first).astype(float), ((drawn >= first) & (drawn < both)).astype(float)


def _summary(
    metric: Metric,
    covariates: tuple[str, ...],
    moments: Sequence[Moments],
    shares: Shares | None,
    deal: Deal,
    rng: np.random.Generator,
) -> MetricSummary:
    return MetricSummary(
        metric=metric,
        variants=deal.variants,
        covariates=covariates,
        moments=tuple(moments),
        bins=None,
        ranks=_ranks(metric, shares, deal, rng) if shares and metric.kind is MetricKind.QUANTILE else None,
        extremes=tuple(m.mean[:0] for m in moments),
    )


def _ranks(metric: Metric, shares: Shares, deal: Deal, rng: np.random.Generator) -> tuple[Ranks, ...]:
    """Order statistics of units drawn from the shares of the sorted values; values within a share are interpolated."""
    held, total = shares.held, int(shares.held.sum())
    assert metric.quantile is not None
    found = []
    for share in deal.shares:
        n = int(rng.poisson(total * share)) if deal.is_larger else int(rng.binomial(total, min(share, 1.0)))
        if deal.is_larger:
            counts = rng.multinomial(n, held / held.sum())
        else:
            n = min(n, int(held.sum()))
            counts = rng.multivariate_hypergeometric(held, n, method="marginals")
            held = held - counts
        wanted = ranks_wanted(n, metric.quantile, level=deal.level)
        found.append(Ranks(n, {rank: _value_at(shares, counts, rank) for rank in wanted}))
    return tuple(found)


def _value_at(shares: Shares, counts: NDArray[np.int64], rank: int) -> float:
    """The value of that 1-based rank among units of which each share has `counts`."""
    ends = np.cumsum(counts)
    place = int(np.searchsorted(ends, rank))
    j, n = rank - (ends[place] - counts[place]), counts[place]
    # The j-th of n units drawn from those of a share is, on average, at this place among them.
    inside = j * (shares.held[place] + 1) / (n + 1) / shares.held[place]
    low, high = shares.edges[place], shares.edges[place + 1]
    return float(low + min(inside, 1.0) * (high - low))
