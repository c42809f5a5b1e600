"""The summary that a table of aggregates is already: moments of one column without skewness."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from abimpact.read.log import Log
from abimpact.spec.aggregates import Cell
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import MetricSummary, Moments, Summary


def summarise_aggregates(log: Log, looks: Mapping[str, Sequence[Sequence[Cell]]]) -> Summary:
    """The summary of the last look of every metric."""
    metrics = []
    for metric in log.metrics:
        moments = tuple(_moments(cell) for cell in looks[metric.name][-1])
        metrics.append(
            MetricSummary(
                metric=replace(metric, kind=metric.kind or MetricKind.MEAN),
                variants=log.variants,
                covariates=(),
                moments=moments,
                bins=None,
                ranks=None,
                extremes=tuple(np.zeros(0) for _ in moments),
                nonzero=tuple(m.n for m in moments),
            )
        )
    return Summary(variants=log.variants, units=log.units, metrics=tuple(metrics))


def _moments(cell: Cell) -> Moments:
    second = np.full((1, 1), (cell.variance or 0.0) * max(cell.n - 1, 0))
    return Moments(cell.n, np.array([cell.mean]), second, np.zeros((1, 1, 1)))
