"""Composes the rooms: from a request to a report. Nothing is computed here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from abimpact.check.table import run_checks
from abimpact.decide.report import Arm, MetricResult, Report
from abimpact.findings import Finding
from abimpact.pipeline.detail import with_courses, with_simultaneous
from abimpact.pipeline.money import capacities_of, values_of
from abimpact.pipeline.parts import parted, with_distributions
from abimpact.pipeline.planned import plan_of
from abimpact.pipeline.provenance import Sources, provenance
from abimpact.pipeline.reading import LooksByMetric, Running, opened, opened_each
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

if TYPE_CHECKING:
    from abimpact.estimate.estimate import Estimate
    from abimpact.estimate.monitor import Monitor

# What estimates and decides; scipy takes longer to import than a small log takes to read.
SECOND_HALF = ("abimpact.estimate.table", "abimpact.decide.verdict")


def run_report(
    request: Request,
    *,
    command: str = "",
    frame: object = None,
    running: Running | None = None,
    with_distribution: bool = False,
) -> Report:
    """Read the log that `request` names (or the table `frame`), compare its variants and decide.

    `with_distribution` also counts the values of primary metrics, which pictures show and numbers need not.
    """
    running = running or Running()

    def finish(log: Log, looks: LooksByMetric, sources: Sources) -> Report:
        found = _report(log, looks, request, sources, command, running.progress)
        if with_distribution and not looks:
            found = replace(found, metrics=with_distributions(log, found.metrics))
        return found

    return opened(request, frame, running, finish, _import_second_half)


def run_reports(
    request: Request, *, command: str = "", running: Running | None = None
) -> tuple[list[Report], dict[str, str]]:
    """A report on every experiment of a table of aggregates, titled by its name, and why others have none."""
    running = running or Running()

    def finish(name: str, log: Log, looks: LooksByMetric, sources: Sources) -> Report:
        named = replace(request, presentation=replace(request.presentation, title=name))
        found = _report(log, looks, named, sources, command, lambda *_: None)
        config = {**found.provenance.config, "experiment": name}
        return replace(found, provenance=replace(found.provenance, config=config))

    _import_second_half()
    return opened_each(request, running, finish)


def _import_second_half() -> None:
    """Import what estimates and decides, without numpy.f2py.

    scipy imports every name that numpy lists, and so a compiler of Fortran that takes longer than all the rest.
    """
    import numpy as np

    is_hidden = "f2py" not in vars(np)
    if is_hidden:
        np.f2py = None  # type: ignore[assignment]
    try:
        for module in SECOND_HALF:
            import_module(module)
    finally:
        if is_hidden and vars(np).get("f2py", 0) is None:
            del np.f2py


def _report(
    log: Log,
    looks: LooksByMetric,
    request: Request,
    sources: Sources,
    command: str,
    progress: Callable[[str, float], None],
) -> Report:
    from abimpact.decide.simplicity import keep_simpler
    from abimpact.decide.verdict import decide, overall

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
    from abimpact.estimate.quantile import ranks_by_cluster, ranks_wanted

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
    from abimpact.decide.caveats import with_caveats
    from abimpact.decide.families import adjust_pvalues
    from abimpact.decide.novelty import novelty
    from abimpact.decide.plausible import too_good
    from abimpact.decide.segments import with_segments
    from abimpact.decide.simpson import simpson
    from abimpact.decide.still_moving import still_moving
    from abimpact.decide.triggered import with_triggered
    from abimpact.estimate.diagnose import diagnose
    from abimpact.estimate.looks import compare_looks, peeking

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


def _estimates(summary: MetricSummary, proposed: int, *, experiment: Experiment) -> "tuple[Estimate, ...]":
    """All estimates but the bootstrap's, the chosen one last."""
    from abimpact.estimate.table import estimate

    return estimate(summary, proposed, level=experiment.level, n_resamples=0, seed=experiment.seed).estimates


def _monitor(log: Log) -> "Monitor | None":
    """How this look is analysed; None for a test with one look."""
    from abimpact.estimate.monitor import monitor_of

    days, end = log.days, log.experiment.planned_end
    share = None
    if days.start and days.end and end and end > days.start:
        share = ((days.end - days.start).days + 1) / ((end - days.start).days + 1)
    return monitor_of(log.experiment, sum(log.units), share)


def _results(summary: Summary, experiment: Experiment, monitor: "Monitor | None") -> list[MetricResult]:
    """Every metric for every proposed variant."""
    pairs = [(metric, proposed) for proposed in range(1, len(summary.variants)) for metric in summary.metrics]
    # Resampling releases the interpreter lock; every metric has its own random stream, so order does not matter.
    with threads() as pool:
        return list(pool.map(lambda pair: _result(pair[0], pair[1], experiment, monitor), pairs))


def _result(summary: MetricSummary, proposed: int, experiment: Experiment, monitor: "Monitor | None") -> MetricResult:
    from abimpact.estimate.table import estimate

    found = estimate(
        summary,
        proposed,
        level=experiment.level,
        n_resamples=experiment.resamples,
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
