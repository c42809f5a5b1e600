"""Composes the rooms: from a request to a report. Nothing is computed here."""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from abimpact.check.table import run_checks
from abimpact.decide.report import Arm, CheckReport, MetricResult, Provenance, Report, Source
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loaded import Loaded
from abimpact.read.loading import load, load_frame, log_columns, rows_per_file
from abimpact.read.log import Days, Log
from abimpact.read.opening import Opener
from abimpact.read.sources import InputFile, expand
from abimpact.read.survey import survey
from abimpact.spec.aggregates import Cell
from abimpact.spec.experiment import Experiment
from abimpact.spec.request import Request
from abimpact.spec.resolve import resolve
from abimpact.summarise.aggregates import summarise_aggregates
from abimpact.summarise.segments import summarise_segments
from abimpact.summarise.summarise import summarise
from abimpact.summarise.summary import MetricSummary, Summary

if TYPE_CHECKING:
    from abimpact.decide.limits import Capacity
    from abimpact.decide.value import Contrast, Value
    from abimpact.estimate.estimate import Estimate
    from abimpact.estimate.monitor import Monitor

LooksByMetric = Mapping[str, Sequence[Sequence[Cell]]]
Sources = Callable[[], tuple[Source, ...]]
Result = TypeVar("Result")
# What estimates and decides; scipy takes longer to import than a small log takes to read.
SECOND_HALF = ("abimpact.estimate.table", "abimpact.decide.verdict")
PACKAGES = ("duckdb", "numpy", "scipy")
HASH_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a run uses the machine; none of it changes a number.

    `memory_limit` as DuckDB writes it (4GB); `progress` is told the stage and the share of it that is done.
    """

    memory_limit: str | None = None
    threads: int | None = None
    progress: Callable[[str, float], None] = lambda *_: None


def run_report(request: Request, *, command: str = "", frame: object = None, running: Running | None = None) -> Report:
    """Read the log that `request` names (or the table `frame`), compare its variants and decide."""
    running = running or Running()

    def finish(log: Log, looks: LooksByMetric, sources: Sources) -> Report:
        return _report(log, looks, request, sources, command, running.progress)

    return _opened(request, frame, running, finish, _import_second_half)


def run_check(
    request: Request, *, command: str = "", frame: object = None, running: Running | None = None
) -> CheckReport:
    """Read the log that `request` names (or the table `frame`) and check it; no outcome is compared."""

    def finish(log: Log, _: LooksByMetric, sources: Sources) -> CheckReport:
        return CheckReport(
            incumbent=log.variants[0],
            proposed=log.variants[1:],
            unit=log.experiment.unit,
            units=dict(zip(log.variants, log.units, strict=True)),
            split=log.experiment.split,
            start=log.days.start,
            end=log.days.end,
            findings=run_checks(log),
            presentation=request.presentation,
            provenance=_provenance(log, request, sources(), command),
        )

    return _opened(replace(request, needs_metrics=False), frame, running or Running(), finish)


def _opened(
    request: Request,
    frame: object,
    running: Running,
    finish: Callable[[Log, LooksByMetric, Sources], Result],
    beside: Callable[[], None] | None = None,
) -> Result:
    """What `finish` makes of the opened log; `beside` runs while the log is read."""
    files = expand(request.sources) if frame is None else ()
    with ThreadPoolExecutor(max_workers=2) as pool:
        # Both run beside the engine's scans: imports that only the second half needs, and hashing.
        if beside:
            pool.submit(beside)
        digests = {file.path: pool.submit(_digest, file) for file in files}
        engine = DuckDBEngine(memory_limit=running.memory_limit, threads=running.threads)
        try:
            return finish(*_read(engine, files, frame, request, digests))
        finally:
            pool.shutdown(cancel_futures=True)
            engine.close()


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


def _read(
    engine: DuckDBEngine,
    files: tuple[InputFile, ...],
    frame: object,
    request: Request,
    digests: Mapping[str, "Future[str]"],
) -> tuple[Log, LooksByMetric, Callable[[], tuple[Source, ...]]]:
    """The opened log, the looks of a table of aggregates, and the sources once their digests are there."""
    engine.lock([file.path for file in files])
    if frame is not None:
        loaded = load_frame(engine, frame)
        families = engine.describe(loaded.relation)
        experiment = resolve(request, families)
        return *_open(engine, loaded, families, experiment), tuple
    seen = survey(engine, files, request.pick)
    families = seen.families
    experiment = resolve(request, families)
    texts = [name for name in (experiment.unit, experiment.variant, *experiment.segments) if name]
    loaded = load(engine, seen, texts=texts, numbers=_numbers(experiment), time=experiment.time)
    # Whether a column is text may come to light only beyond the first rows, or by what it is needed for.
    found = log_columns(engine, loaded)
    families = {name: found[name] if "text" in (found[name], family) else family for name, family in families.items()}
    log, looks = _open(engine, loaded, families, experiment)
    rows = rows_per_file(engine, loaded)
    return log, looks, partial(_sources, files, rows, digests)


def _open(
    engine: DuckDBEngine, loaded: Loaded, families: Mapping[str, str], experiment: Experiment
) -> tuple[Log, LooksByMetric]:
    """A log of rows, or a table of aggregates with its looks."""
    if experiment.aggregates is None:
        return Opener(engine, loaded, families, experiment).open(), {}
    from abimpact.read.aggregates import open_aggregates

    opened = open_aggregates(engine, loaded, families, experiment)
    return opened.log, opened.looks


def _numbers(experiment: Experiment) -> list[str]:
    """The columns that metrics need as numbers."""
    expressions = [e for m in experiment.metrics for e in (m.value, m.denominator) if e is not None]
    bare = [e.text for e in expressions if e.columns == (e.text,)]
    return [*bare, *(covariate for m in experiment.metrics for covariate in m.covariates)]


def _sources(
    files: tuple[InputFile, ...], rows: Mapping[str, int], digests: Mapping[str, "Future[str]"]
) -> tuple[Source, ...]:
    return tuple(
        Source(path=f.path, bytes=f.bytes, rows=rows.get(f.path, 0), sha256=digests[f.path].result()) for f in files
    )


def _report(
    log: Log,
    looks: LooksByMetric,
    request: Request,
    sources: Callable[[], tuple[Source, ...]],
    command: str,
    progress: Callable[[str, float], None],
) -> Report:
    from abimpact.decide.families import adjust_pvalues
    from abimpact.decide.plausible import too_good
    from abimpact.decide.segments import with_segments
    from abimpact.decide.verdict import decide, overall
    from abimpact.estimate.diagnose import diagnose
    from abimpact.estimate.looks import compare_looks, peeking
    from abimpact.estimate.quantile import ranks_wanted

    experiment = log.experiment
    progress("checking", 0.0)
    findings = run_checks(log)
    if looks:
        summary = summarise_aggregates(log, looks)
    else:
        summary = summarise(
            log,
            with_bins=experiment.resamples > 0,
            ranks_wanted=partial(ranks_wanted, level=experiment.level),
            progress=partial(progress, "summarising"),
        )
    progress("estimating", 0.0)
    monitor = _monitor(log)
    results = adjust_pvalues(_results(summary, experiment, monitor))
    results = with_segments(
        results,
        summarise_segments(log, summary.metrics) if experiment.segments and not looks else (),
        partial(_estimates, experiment=experiment),
        experiment.level,
    )
    findings += tuple(peeking(compare_looks(looks), experiment.level, is_sequential=monitor is not None))
    findings += (*too_good(results), *(() if looks else diagnose(summary)))
    values, contrasts = _values(log, summary, results)
    worth = {v.proposed: v for v in values}
    limits = _capacities(log, summary)
    verdicts = tuple(
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
    return Report(
        incumbent=log.variants[0],
        proposed=log.variants[1:],
        unit=experiment.unit,
        units=dict(zip(log.variants, log.units, strict=True)),
        split=experiment.split,
        start=log.days.start,
        end=log.days.end,
        level=experiment.level,
        findings=findings,
        metrics=results,
        verdict=overall(verdicts, results, values=values, contrasts=contrasts, terms=experiment.value),
        verdicts=verdicts,
        terms=experiment.value,
        values=values,
        contrasts=contrasts,
        capacities=limits,
        provenance=_provenance(log, request, sources(), command),
        presentation=request.presentation,
    )


def _is_ended(log: Log) -> bool:
    """Whether the planned end, or the planned number of units, is reached."""
    experiment, today = log.experiment, log.experiment.as_of or log.days.end
    has_all_days = experiment.planned_end is not None and today is not None and today >= experiment.planned_end
    return has_all_days or (experiment.planned_units is not None and sum(log.units) >= experiment.planned_units)


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
    with ThreadPoolExecutor() as pool:
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


def _values(
    log: Log, summary: Summary, results: Sequence[MetricResult]
) -> "tuple[tuple[Value, ...], tuple[Contrast, ...]]":
    """What each proposed variant is worth, and how they compare; nothing where no money is asked for."""
    from abimpact.decide.worth import appraise, compare_values
    from abimpact.estimate.table import standard_error

    terms, level = log.experiment.value, log.experiment.level
    if terms is None:
        return (), ()
    values = appraise(results, terms, dict(zip(log.variants, log.units, strict=True)), _span(log.days), level)
    by_name = {m.metric.name: m for m in summary.metrics}

    def apart(one: str, other: str) -> float | None:
        metric = by_name[terms.costs_of(one).metric]
        return standard_error(metric, log.variants.index(one), log.variants.index(other), level)

    return compare_values(values, apart, level)


def _capacities(log: Log, summary: Summary) -> "tuple[Capacity, ...]":
    """The limits on totals, for the units of all traffic."""
    from abimpact.decide.limits import capacities
    from abimpact.decide.money import DAYS_PER_YEAR
    from abimpact.decide.worth import units_per_year
    from abimpact.estimate.arm import mean_interval

    experiment, days = log.experiment, log.days
    if not experiment.limits:
        return ()
    span = _span(days)
    per_day = units_per_year(experiment.value, sum(log.units), span) / DAYS_PER_YEAR
    totals = [sum(counts) for counts in days.counts]
    most = max(range(len(totals)), key=totals.__getitem__) if totals else None
    busiest = None if most is None or span is None else (days.days[most], totals[most] * per_day / sum(totals) * span)
    by_name = {m.metric.name: m.moments for m in summary.metrics}
    means = {x.name: [mean_interval(m, experiment.level) for m in by_name[x.name]] for x in experiment.limits}
    return capacities(experiment.limits, means, log.variants, per_day, busiest)


def _span(days: Days) -> int | None:
    """How many days the test ran, None if that is not known."""
    return (days.end - days.start).days + 1 if days.start and days.end else None


def _provenance(log: Log, request: Request, sources: tuple[Source, ...], command: str) -> Provenance:
    return Provenance(
        abimpact=version("abimpact"),
        python=".".join(map(str, sys.version_info[:3])),
        packages={name: version(name) for name in PACKAGES},
        engine=log.engine.name,
        command=command,
        config=request.to_dict(),
        sources=sources,
        seed=log.experiment.seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _digest(file: InputFile) -> str:
    """SHA-256 of a file's bytes."""
    with open(file.path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
