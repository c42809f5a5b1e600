"""Effects by segment: compared as the whole is, held against each other, adjusted for being many."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from abimpact.decide.report import Heterogeneity, MetricResult, SegmentResult
from abimpact.estimate.estimate import Estimate
from abimpact.estimate.multiplicity import adjusted
from abimpact.estimate.segments import can_be_pooled, pool
from abimpact.spec.corrections import Correction
from abimpact.summarise.segments import Segment
from abimpact.summarise.summary import MetricSummary

# Estimates of one metric and proposed variant (its number), the chosen one last.
Compare = Callable[[MetricSummary, int], tuple[Estimate, ...]]


def with_segments(
    results: Sequence[MetricResult],
    segments: Sequence[Segment],
    compare: Compare,
    level: float,
    correction: Correction = Correction.BENJAMINI_HOCHBERG,
    least: int = 2,
) -> tuple[MetricResult, ...]:
    """`results` with the effects of all segments and, by column, whether they differ.

    What is left of a column beside its large segments is not shown by itself below `least` units.
    """
    if not segments:
        return tuple(results)
    found = [_by_metric(result, segments, compare, least) for result in results]
    # One family: whoever looks at all segments of all metrics finds something in one of them.
    places = [(i, j) for i, mine in enumerate(found) for j, s in enumerate(mine) if s.estimates]
    pvalues = adjusted([found[i][j].estimates[-1].pvalue for i, j in places], correction)
    for (i, j), pvalue in zip(places, pvalues, strict=True):
        segment = found[i][j]
        last = replace(segment.estimates[-1], pvalue_adjusted=pvalue)
        found[i][j] = replace(segment, estimates=(*segment.estimates[:-1], last))
    return tuple(_pooled(result, mine, level) for result, mine in zip(results, found, strict=True))


def _by_metric(result: MetricResult, segments: Sequence[Segment], compare: Compare, least: int) -> list[SegmentResult]:
    mine = []
    for segment in segments:
        summary = next((m for m in segment.metrics if m.metric.name == result.metric.name), None)
        if summary is None:
            continue
        proposed = summary.variants.index(result.proposed.variant)
        mine.append(
            SegmentResult(
                by=segment.by,
                value=segment.value,
                units=(summary.moments[0].n, summary.moments[proposed].n),
                estimates=compare(summary, proposed) if sum(segment.units) >= least else (),
                shrunken=None,
            )
        )
    return mine


def _pooled(result: MetricResult, mine: Sequence[SegmentResult], level: float) -> MetricResult:
    segments: list[SegmentResult] = []
    heterogeneity = []
    for by in dict.fromkeys(s.by for s in mine):
        group = [s for s in mine if s.by == by]
        last = [s.estimates[-1] for s in group if s.estimates]
        if not can_be_pooled([e.se for e in last]):
            segments += group
            continue
        pooled = pool([e.absolute.estimate or 0.0 for e in last], [e.se or 0.0 for e in last])
        heterogeneity.append(
            Heterogeneity(
                by=by,
                statistic=pooled.statistic,
                df=pooled.df,
                pvalue=pooled.pvalue,
                i2=pooled.i2,
                tau2=pooled.tau2,
            )
        )
        places = iter(range(len(last)))
        segments += [replace(s, shrunken=pooled.interval(next(places), level)) if s.estimates else s for s in group]
    return replace(result, segments=tuple(segments), heterogeneity=tuple(heterogeneity))
