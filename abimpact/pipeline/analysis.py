"""From an opened log to a report: checked, summarised, estimated, decided. Nothing is computed here.

Imported while the first scans run, since scipy takes longer to import than a small log takes to read.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from abimpact.check.table import run_checks
from abimpact.decide.caveats import with_caveats
from abimpact.decide.families import adjust_pvalues
from abimpact.decide.novelty import novelty
from abimpact.decide.plausible import too_good
from abimpact.decide.report import Arm, MetricResult, Report
from abimpact.decide.segments import with_segments
from abimpact.decide.simplicity import keep_simpler
from abimpact.decide.simpson import simpson
from abimpact.decide.still_moving import still_moving
from abimpact.decide.triggered import with_triggered
from abimpact.decide.verdict import decide, overall
from abimpact.estimate.diagnose import diagnose
from abimpact.estimate.estimate import Estimate
from abimpact.estimate.looks import compare_looks, peeking
from abimpact.estimate.monitor import Monitor, monitor_of
from abimpact.estimate.quantile import ranks_by_cluster, ranks_wanted
from abimpact.estimate.table import estimate
from abimpact.findings import Finding
from abimpact.pipeline.detail import with_courses, with_simultaneous
from abimpact.pipeline.money import capacities_of, values_of
from abimpact.pipeline.parts import parted
from abimpact.pipeline.planned import plan_of
from abimpact.pipeline.provenance import Sources, provenance
from abimpact.pipeline.reading import LooksByMetric
from abimpact.pipeline.threads import threads
from abimpact.read.log import Log
from abimpact.spec.experiment import Experiment
from abimpact.spec.request import Request
from abimpact.summarise.aggregates import summarise_aggregates, summarise_cells_by_segment
from abimpact.summarise.capped import capped
from abimpact.summarise.days import summarise_days
from abimpact.summarise.segments import Segment, summarise_segments
from abimpact.summarise.summarise import summarise
from abimpact.summarise.summary import Capped, MetricSummary, Summary
from abimpact.summarise.totals import known_totals


def report_on(
    log: Log,
    looks: LooksByMetric,
    request: Request,
    sources: Sources,
    command: str,
    progress: Callable[[str, float], None],
) -> Report:
    """The report on an opened log; `looks` are those of a table of aggregates, `progress` is told stage and share."""
    experiment = log.experiment
    progress("checking", 0.0)
    findings = run_checks(log)
    summary = _summary(log, looks, partial(progress, "summarising"))
    progress("estimating", 0.0)
    results, found = _compared(log, looks, summary)
    findings += found
    is_mixed = any(f.code == "interference" and f.data["is_large"] for f in findings)
    values, contrasts = ((), ()) if is_mixed else values_of(log, summary, results)
    worth = {v.proposed: v for v in values}
    limits = capacities_of(log, summary)
    decided = tuple(
        decide(
            findings,
            results,
            name,
            experiment.level,
            worth=worth.get(name),
            terms=experiment.value,
            capacities=limits,
            is_ended=_is_ended(log),
        )
        for name in log.variants[1:]
    )
    verdicts = keep_simpler(decided, contrasts, experiment.value)
    return Report(
        incumbent=log.variants[0],
        proposed=log.variants[1:],
        unit=experiment.unit,
        units=dict(zip(log.variants, log.units, strict=True)),
        split=experiment.split,
        start=log.days.start,
        end=log.days.end,
        timezone=log.experiment.calendar.timezone,
        cluster=log.experiment.cluster,
        clusters=dict(zip(log.variants, log.clusters.counts, strict=True)) if log.clusters else None,
        level=experiment.level,
        findings=findings,
        metrics=results,
        verdict=overall(verdicts, results, values),
        verdicts=verdicts,
        terms=experiment.value,
        values=values,
        contrasts=contrasts,
        capacities=limits,
        plan=plan_of(log, request),
        provenance=provenance(log.engine, request, sources(known_totals(log, summary)), command),
        presentation=request.presentation,
    )


def _summary(log: Log, looks: LooksByMetric, progress: Callable[[float], None]) -> Summary:
    """The summary of the log's rows, or of its table of aggregates."""
    if looks:
        return summarise_aggregates(log, looks)
    level = log.experiment.level
    return summarise(
        log,
        with_bins=log.experiment.resamples > 0,
        ranks_wanted=partial(ranks_wanted, level=level),
        ranks_by_cluster=partial(ranks_by_cluster, level=level),
        progress=progress,
    )


def _compared(log: Log, looks: LooksByMetric, summary: Summary) -> tuple[tuple[MetricResult, ...], tuple[Finding, ...]]:
    """Every metric compared, by segment and day too, and what there is to find in the numbers."""
    experiment, level = log.experiment, log.experiment.level
    monitor = _monitor(log)
    results = adjust_pvalues(_results(summary, experiment, monitor), experiment.corrections)
    results = with_simultaneous(results, summary, experiment) if monitor is None else results
    is_unfinished = bool(experiment.planned_end or experiment.planned_units) and not _is_ended(log)
    results = with_caveats(results, level, is_unfinished=is_unfinished, is_sequential=monitor is not None)
    results = with_segments(
        results,
        _segments(log, summary, is_aggregated=bool(looks)),
        partial(_estimates, experiment=experiment),
        level,
        experiment.corrections.segment,
        experiment.min_segment_units,
    )
    days = summarise_days(log, summary)
    results = with_courses(results, days, experiment, monitor)
    results, agreeing = with_triggered(results, parted(log, summary), level)
    findings = (
        *agreeing,
        *peeking(compare_looks(looks), level, is_sequential=monitor is not None),
        *too_good(results),
        *novelty(results),
        *simpson(results),
        *still_moving(results, days, experiment.as_of),
        *(() if looks else diagnose(summary, _capped(log, summary, results), level)),
    )
    return results, findings


def _segments(log: Log, summary: Summary, *, is_aggregated: bool) -> tuple[Segment, ...]:
    """The parts of the units to break effects down by."""
    if is_aggregated:
        return summarise_cells_by_segment(log)
    return summarise_segments(log, summary.metrics) if log.experiment.segments else ()


def _is_ended(log: Log) -> bool:
    """Whether the planned end, or the planned number of units, is reached."""
    experiment, today = log.experiment, log.experiment.as_of or log.days.end
    has_all_days = experiment.planned_end is not None and today is not None and today >= experiment.planned_end
    return has_all_days or (experiment.planned_units is not None and sum(log.units) >= experiment.planned_units)


def _capped(log: Log, summary: Summary, results: Sequence[MetricResult]) -> Mapping[str, Capped]:
    """The means that are skewed for any variant, with their largest values capped."""
    skewed = {r.metric.name for r in results if any(e.method == "skewed" for e in r.estimates)}
    return capped(log, [m for m in summary.metrics if m.metric.name in skewed])


def _estimates(summary: MetricSummary, proposed: int, *, experiment: Experiment) -> tuple[Estimate, ...]:
    """All estimates of a segment, the chosen one last."""
    found = estimate(
        summary,
        proposed,
        level=experiment.level,
        n_resamples=experiment.resamples if summary.bins or (summary.clusters and summary.clusters.bins) else 0,
        is_studentized=experiment.studentized,
        seed=experiment.seed,
    )
    return tuple(sorted(found.estimates, key=lambda e: e.method == found.chosen))


def _monitor(log: Log) -> Monitor | None:
    """How this look is analysed; None for a test with one look."""
    days, end = log.days, log.experiment.planned_end
    share = None
    if days.start and days.end and end and end > days.start:
        share = ((days.end - days.start).days + 1) / ((end - days.start).days + 1)
    return monitor_of(log.experiment, sum(log.units), share)


def _results(summary: Summary, experiment: Experiment, monitor: Monitor | None) -> list[MetricResult]:
    """Every metric for every proposed variant."""
    pairs = [(metric, proposed) for proposed in range(1, len(summary.variants)) for metric in summary.metrics]
    # Resampling releases the interpreter lock; every metric has its own random stream, so order does not matter.
    with threads() as pool:
        return list(pool.map(lambda pair: _result(pair[0], pair[1], experiment, monitor), pairs))


def _result(summary: MetricSummary, proposed: int, experiment: Experiment, monitor: Monitor | None) -> MetricResult:
    found = estimate(
        summary,
        proposed,
        level=experiment.level,
        n_resamples=experiment.resamples,
        is_studentized=experiment.studentized,
        seed=experiment.seed,
        monitor=monitor,
    )
    arms = [
        Arm(variant=summary.variants[arm], units=units, value=value)
        for arm, units, value in zip((0, proposed), found.units, found.values, strict=True)
    ]
    return MetricResult(
        metric=summary.metric,
        incumbent=arms[0],
        proposed=arms[1],
        chosen_method=found.chosen,
        estimates=found.estimates,
        not_estimated=found.not_estimated,
        guardrail=found.guardrail,
        equivalence=found.equivalence,
    )
