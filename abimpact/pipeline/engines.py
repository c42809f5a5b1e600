"""From a request to a log that lies on an engine elsewhere."""

from collections.abc import Callable
from dataclasses import replace

from abimpact.decide.provenance import Source
from abimpact.errors import UsageError
from abimpact.pipeline.provenance import Sources
from abimpact.pipeline.reading import LooksByMetric, Result, Running
from abimpact.read.engine_source import NO_ORDER, load_source
from abimpact.read.ibis_engine import IbisEngine
from abimpact.read.log import Log
from abimpact.read.opening import Opener
from abimpact.spec.engine_url import redacted
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.request import Request
from abimpact.spec.resolve import resolve


def opened_on_engine(
    request: Request,
    running: Running,
    finish: Callable[[Log, LooksByMetric, Sources], Result],
    beside: Callable[[], None] | None,
) -> Result:
    """What `finish` makes of the opened log, where that is a table or a query of an engine."""
    assert request.engine is not None
    _check(request, running)
    engine = IbisEngine(request.engine)
    try:
        # Ibis has loaded numpy and more already: a thread would win nothing.
        if beside:
            beside()
        log = _open(engine, request)
        return finish(log, {}, lambda _: _source(request, log.row_counts.read))
    finally:
        engine.close()


def _check(request: Request, running: Running) -> None:
    """Refuse what only files can be asked for."""
    asked = {
        "--sheet": request.sheet,
        "--memory-limit": running.memory_limit,
        "--threads": running.threads,
        "[data.columns]": request.columns,
        "[[data.fill]]": request.fill,
        'data.kind = "aggregates"': request.aggregates,
    }
    if request.keeps_units:
        raise UsageError(
            "Units are dealt out at random from files, not on an engine.", "Export the log to Parquet first."
        )
    for name, value in asked.items():
        if value:
            raise UsageError(f"{name} is for files, not for an engine.", "Leave it out, or do it in the --query.")


def _open(engine: IbisEngine, request: Request) -> Log:
    loaded, families = load_source(engine, request.table, request.query)
    experiment = resolve(request, families)
    log = Opener(engine, loaded, families, experiment).open()
    if log.unit_counts and log.unit_counts.rule in (SeveralRows.FIRST, SeveralRows.LAST) and not experiment.time:
        log = replace(log, guesses=(*log.guesses, NO_ORDER))
    return log


def _source(request: Request, rows: int) -> tuple[Source, ...]:
    """The table or query of an engine, without the engine's password."""
    place = redacted(request.engine or "")
    path = f"{place} --query {request.query}" if request.query else f"{place} --table {request.table or ''}".rstrip()
    return (Source(path=path, bytes=None, rows=rows, sha256=None),)
