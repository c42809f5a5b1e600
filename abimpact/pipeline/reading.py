"""From a request to an opened log, with what else runs while the engine scans."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb

from abimpact.errors import ConfigError, UsageError
from abimpact.pipeline.provenance import Sources, digest, read_sources
from abimpact.pipeline.threads import threads
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import failure
from abimpact.read.filling import files_of, filled, survey_fills, with_fills
from abimpact.read.joining import log_columns
from abimpact.read.loaded import Filled, Loaded
from abimpact.read.loading import load, load_frame
from abimpact.read.log import Log
from abimpact.read.opening import Opener
from abimpact.read.outcomes import PLACE, Outcomes, survey_outcomes, with_outcome_columns, with_outcomes
from abimpact.read.sources import InputFile, expand, expand_within
from abimpact.read.survey import survey
from abimpact.read.totals import totals_by_file
from abimpact.read.unchanged import unchanged
from abimpact.spec.aggregates import Cell
from abimpact.spec.experiment import Experiment
from abimpact.spec.request import Request
from abimpact.spec.resolve import resolve

LooksByMetric = Mapping[str, Sequence[Sequence[Cell]]]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a run uses the machine; none of it changes a number.

    `memory_limit` as DuckDB writes it (4GB); `progress` is told the stage and the share of it that is done.
    """

    memory_limit: str | None = None
    threads: int | None = None
    progress: Callable[[str, float], None] = lambda *_: None


def opened(
    request: Request,
    frame: object,
    running: Running,
    finish: Callable[[Log, LooksByMetric, Sources], Result],
    beside: Callable[[], None] | None = None,
) -> Result:
    """What `finish` makes of the opened log; `beside` runs while the log is read."""
    if frame is None and request.engine:
        from abimpact.pipeline.engines import opened_on_engine

        return opened_on_engine(request, running, finish, beside)
    if frame is None and not request.sources:
        raise UsageError("What is to be read?", "Name files, or an engine with --engine and --table or --query.")
    declared = request.outcomes
    of_outcomes = expand_within(declared.file, declared.within, "[data.outcomes]") if declared else ()
    of_fills = (*files_of(request.fill), of_outcomes)
    filling = {Path(f.path).resolve() for group in of_fills for f in group}
    # A folder of the log may hold the files that columns are filled in from.
    named = expand(request.sources) if frame is None else ()
    files = tuple(f for f in named if Path(f.path).resolve() not in filling) or named
    every_file = tuple({f.path: f for group in (files, *of_fills) for f in group}.values())
    with unchanged(every_file), threads(2) as pool:
        # Both run beside the engine's scans: imports that only the second half needs, and hashing.
        if beside:
            pool.submit(beside)
        digests = {file.path: pool.submit(digest, file) for file in every_file}
        engine = DuckDBEngine(memory_limit=running.memory_limit, threads=running.threads)
        engine.stop_if_fails(digests.values())
        try:
            return finish(*_read(engine, files, of_fills, frame, request, digests))
        except duckdb.Error as error:
            raise failure(error, [file.path for file in every_file]) from error
        finally:
            engine.close()


def _read(
    engine: DuckDBEngine,
    files: tuple[InputFile, ...],
    of_fills: tuple[tuple[InputFile, ...], ...],
    frame: object,
    request: Request,
    digests: Mapping[str, Future[str]],
) -> tuple[Log, LooksByMetric, Sources]:
    """The opened log, the looks of a table of aggregates, and the sources once their digests are there."""
    engine.lock([file.path for group in (files, *of_fills) for file in group])
    fillings = survey_fills(engine, request.fill, of_fills[:-1])
    outcomes = survey_outcomes(engine, request.outcomes, of_fills[-1], request.pick)
    if frame is not None:
        loaded = load_frame(engine, frame)
        families = with_fills(engine.describe(loaded.relation), fillings)
        experiment = resolve(request, with_outcome_columns(families, outcomes))
        loaded = filled(engine, loaded, fillings, _texts(experiment))
        return *_open(engine, loaded, families, experiment, outcomes), lambda _: ()
    seen = survey(engine, files, request.pick)
    families = with_fills(seen.families, fillings)
    experiment = resolve(request, with_outcome_columns(families, outcomes))
    texts = _texts(experiment)
    identifiers = [name for name in (experiment.unit, experiment.cluster) if name]
    numbers = _numbers(experiment)
    loaded = load(engine, seen, texts=texts, numbers=numbers, time=experiment.time, identifiers=identifiers)
    loaded = filled(engine, loaded, fillings, texts)
    # Whether a column is text may come to light only beyond the first rows, or by what it is needed for.
    found = log_columns(engine, loaded)
    families = {name: found[name] if "text" in (found[name], family) else family for name, family in families.items()}
    log, looks = _open(engine, loaded, families, experiment, outcomes)
    totals = partial(totals_by_file, engine, loaded, log)
    return log, looks, partial(read_sources, files, of_fills, totals, _fills(log, request), digests)


def _fills(log: Log, request: Request) -> tuple[Filled, ...]:
    """What each further file fills in: the columns of outcomes come last."""
    if request.outcomes is None:
        return log.fills
    columns = ", ".join(log.outcomes.columns) if log.outcomes else "events"
    return (*log.fills, Filled(column=columns, path=request.outcomes.file, by="", missing=0, found=0))


def opened_each(
    request: Request, running: Running, finish: Callable[[str, Log, LooksByMetric, Sources], Result]
) -> tuple[list[Result], dict[str, str]]:
    """What `finish` makes of every experiment of a table of aggregates, and why others cannot be analysed."""
    from abimpact.read.aggregates import open_experiments

    if not (request.aggregates or {}).get("experiment"):
        raise ConfigError(
            f"{request.sources[0]}: is no report, and no table of experiments is declared.",
            'Give result.json files, or a config with kind = "aggregates" and [data.aggregates] experiment = "…".',
        )
    files = expand(request.sources)
    results: list[Result] = []
    failed: dict[str, str] = {}
    sources: Sources | None = None
    with unchanged(files), threads(1) as pool:
        digests = {file.path: pool.submit(digest, file) for file in files}
        engine = DuckDBEngine(memory_limit=running.memory_limit, threads=running.threads)
        engine.stop_if_fails(digests.values())
        try:
            engine.lock([file.path for file in files])
            seen = survey(engine, files, request.pick)
            experiment = resolve(request, seen.families)
            assert experiment.aggregates is not None
            texts = [name for name in (experiment.variant, experiment.aggregates.experiment) if name]
            loaded = load(engine, seen, texts=texts, numbers=(), time=None)
            for i, (name, found) in enumerate(open_experiments(engine, loaded, seen.families, experiment)):
                running.progress(f"experiment {i + 1}", 0.0)
                if isinstance(found, str):
                    failed[name] = found
                    continue
                # All experiments come from the same files.
                sources = sources or partial(
                    read_sources, files, (), partial(totals_by_file, engine, loaded, found.log), (), digests
                )
                results.append(finish(name, found.log, found.looks, sources))
            return results, failed
        except duckdb.Error as error:
            raise failure(error, [file.path for file in files]) from error
        finally:
            engine.close()


def _open(
    engine: DuckDBEngine,
    loaded: Loaded,
    families: Mapping[str, str],
    experiment: Experiment,
    outcomes: Outcomes | None,
) -> tuple[Log, LooksByMetric]:
    """A log of rows, or a table of aggregates with its looks."""
    if outcomes and experiment.aggregates is None:
        texts = [name for name in _texts(experiment) if name in outcomes.survey.families]
        loaded, counts = with_outcomes(engine, loaded, outcomes, experiment, texts, _numbers(experiment))
        families = {**log_columns(engine, loaded), **families}
        families.pop(PLACE, None)
        return replace(Opener(engine, loaded, families, experiment).open(), outcomes=counts), {}
    if experiment.aggregates is None:
        return Opener(engine, loaded, families, experiment).open(), {}
    from abimpact.read.aggregates import open_aggregates

    opened = open_aggregates(engine, loaded, families, experiment)
    return opened.log, opened.looks


def _texts(experiment: Experiment) -> list[str]:
    """The columns whose values keep the spelling of the files."""
    named = (experiment.unit, experiment.cluster, experiment.variant, *experiment.segments, *experiment.strata)
    return [name for name in named if name]


def _numbers(experiment: Experiment) -> list[str]:
    """The columns that metrics need as numbers."""
    if experiment.events:
        values = [a.value for a in experiment.events.aggregates if a.value]
        return [v.text for v in values if v.columns == (v.text,)]
    expressions = [e for m in experiment.metrics for e in (m.value, m.denominator) if e is not None]
    bare = [e.text for e in expressions if e.columns == (e.text,)]
    return [*bare, *(covariate for m in experiment.metrics for covariate in m.covariates)]
