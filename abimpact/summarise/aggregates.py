"""The summary that a table of aggregates is already: moments of one column without skewness."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from abimpact.read.log import Log
from abimpact.spec.aggregates import Cell
from abimpact.spec.metric import Metric, MetricKind
from abimpact.summarise.segments import Segment
from abimpact.summarise.summary import MetricSummary, Moments, Summary


def summarise_aggregates(log: Log, looks: Mapping[str, Sequence[Sequence[Cell]]]) -> Summary:
    """The summary of the last look of every metric."""
    metrics = tuple(_metric(log, metric, looks[metric.name][-1]) for metric in log.metrics)
    return Summary(variants=log.variants, units=log.units, metrics=metrics)


def summarise_cells_by_segment(log: Log) -> tuple[Segment, ...]:
    """The segments that a table of aggregates has rows for."""
    table = log.experiment.aggregates
    if table is None or table.segment is None:
        return ()
    return tuple(
        Segment(
            by=table.segment,
            value=value,
            units=tuple(cell.n for cell in next(iter(cells.values()))),
            metrics=tuple(_metric(log, m, cells[m.name]) for m in log.metrics if m.name in cells),
        )
        for value, cells in log.segment_cells.items()
        if cells
    )


def _metric(log: Log, metric: Metric, cells: Sequence[Cell]) -> MetricSummary:
    moments = tuple(map(_moments, cells))
    return MetricSummary(
        metric=replace(metric, kind=metric.kind or MetricKind.MEAN),
        variants=log.variants,
        covariates=(),
        moments=moments,
        bins=None,
        ranks=None,
        extremes=tuple(np.zeros(0) for _ in moments),
        nonzero=tuple(m.n for m in moments),
    )


def _moments(cell: Cell) -> Moments:
    second = np.full((1, 1), (cell.variance or 0.0) * max(cell.n - 1, 0))
    return Moments(cell.n, np.array([cell.mean]), second, np.zeros((1, 1, 1)))
