"""Moments by segment: the values of a column that hold enough units, the rest pooled."""

from collections.abc import Sequence
from dataclasses import dataclass

from abimpact.read.log import Log
from abimpact.spec.expression import literal
from abimpact.spec.metric import MetricKind, Role
from abimpact.summarise.parts import summarise_by
from abimpact.summarise.summary import MetricSummary

# The most values of a column that are told apart; the largest ones are.
MOST_VALUES = 50
# Beyond so many segments of a column, resampling them would take longer than all the rest of a report.
MOST_RESAMPLED = 20
OTHER = "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The units with one value of the column `by` (None: without a value), by variant, and their metrics.

    Small values are pooled under `OTHER`. Quantiles are not summarised by segment.
    """

    by: str
    value: str | None
    units: tuple[int, ...]
    metrics: tuple[MetricSummary, ...]


def summarise_segments(log: Log, metrics: Sequence[MetricSummary]) -> tuple[Segment, ...]:
    """The segments of every declared column, each column in one scan.

    Where units are resampled, so are those of up to `MOST_RESAMPLED` segments, for primary metrics.
    """
    told = [m for m in metrics if m.metric.kind is not MetricKind.QUANTILE]
    found: list[Segment] = []
    for place, by in enumerate(log.experiment.segments):
        found += _segments(log, told, f"s{place}", by)
    return tuple(found)


def _segments(log: Log, metrics: Sequence[MetricSummary], name: str, by: str) -> list[Segment]:
    units: dict[str | None, list[int]] = {}
    for value, arm, n in log.engine.rows(f"SELECT {name}, arm, count(*) FROM {log.relation} GROUP BY {name}, arm"):
        units.setdefault(value, [0] * len(log.variants))[arm] = n
    large = sorted((v for v in units if v is not None), key=lambda v: (-sum(units[v]), v))[:MOST_VALUES]
    large = sorted(v for v in large if sum(units[v]) >= log.experiment.min_segment_units)
    named: list[str | None] = [*large, *([None] if sum(units.get(None, [0])) else [])]
    rest = [counts for value, counts in units.items() if value not in named]
    values = [*named, *([OTHER] if rest else [])]
    cases = "".join(f" WHEN {name} = {literal(v)} THEN {k}" for k, v in enumerate(named) if v is not None)
    missing = f" WHEN {name} IS NULL THEN {named.index(None)}" if None in named else ""
    key = f"CASE{cases}{missing} ELSE {len(named)} END" if named else "CAST(0 AS INTEGER)"
    is_resampled = log.experiment.resamples > 0 and len(values) <= MOST_RESAMPLED
    binned = [m.metric for m in metrics if is_resampled and m.metric.role is Role.PRIMARY]
    summaries = summarise_by(log, metrics, key, len(values), binned=binned)
    others = [sum(counts) for counts in zip(*rest, strict=True)] if rest else []
    return [
        Segment(
            by=by,
            value=value,
            units=tuple(units[value] if k < len(named) else others),
            metrics=summaries[k],
        )
        for k, value in enumerate(values)
    ]
