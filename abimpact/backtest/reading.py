"""From a request to the loaded rows of a labelled history, with what else runs while the engine scans."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb

from abimpact.errors import UsageError
from abimpact.pipeline.provenance import Sources, digest, read_sources
from abimpact.pipeline.reading import Running
from abimpact.pipeline.threads import threads
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import failure
from abimpact.read.filling import files_of, filled, survey_fills, with_fills
from abimpact.read.joining import log_columns
from abimpact.read.loaded import FILE, Loaded
from abimpact.read.loading import load, load_frame
from abimpact.read.sources import expand
from abimpact.read.survey import survey
from abimpact.read.totals import FileTotals
from abimpact.read.unchanged import unchanged
from abimpact.spec.backtest import Backtest, resolve_backtest
from abimpact.spec.request import Request

Result = TypeVar("Result")
Finish = Callable[["History", Sources], Result]


@dataclass(frozen=True, slots=True)
class History:
    """The loaded rows of a log on an engine, the type families of its columns, and the backtest asked of them."""

    engine: DuckDBEngine
    loaded: Loaded
    families: Mapping[str, str]
    asked: Backtest


def opened(request: Request, frame: object, running: Running, finish: Finish[Result]) -> Result:
    """What `finish` makes of the history and its sources (a function: digests are made beside the scans)."""
    if frame is None and not request.sources:
        raise UsageError("What is to be read?", "Name files; a backtest reads no engine.")
    of_fills = files_of(request.fill)
    filling = {Path(f.path).resolve() for group in of_fills for f in group}
    # A folder of the log may hold the files that columns are filled in from.
    given = expand(request.sources) if frame is None else ()
    files = tuple(f for f in given if Path(f.path).resolve() not in filling) or given
    every_file = tuple({f.path: f for group in (files, *of_fills) for f in group}.values())
    with unchanged(every_file), threads(2) as pool:
        digests = {file.path: pool.submit(digest, file) for file in every_file}
        engine = DuckDBEngine(memory_limit=running.memory_limit, threads=running.threads)
        engine.stop_if_fails(digests.values())
        try:
            engine.lock([file.path for file in every_file])
            fillings = survey_fills(engine, request.fill, of_fills)
            if frame is not None:
                loaded = load_frame(engine, frame)
                families = with_fills(engine.describe(loaded.relation), fillings)
                asked = resolve_backtest(request, families)
                loaded = filled(engine, loaded, fillings, _texts(asked))
                return finish(History(engine, loaded, families, asked), lambda _: ())
            seen = survey(engine, files, request.pick)
            families = with_fills(seen.families, fillings)
            asked = resolve_backtest(request, families)
            texts, units = _texts(asked), [asked.unit] if asked.unit else []
            loaded = load(engine, seen, texts=texts, numbers=_numbers(asked), time=asked.time, identifiers=units)
            loaded = filled(engine, loaded, fillings, _texts(asked))
            # Whether a column is text may come to light only beyond the first rows, or by what it is needed for.
            found = log_columns(engine, loaded)
            families = {n: found[n] if "text" in (found[n], family) else family for n, family in families.items()}
            counts = dict(engine.rows(f"SELECT {FILE}, count(*) FROM {loaded.relation} GROUP BY ALL"))
            totals = {path: FileTotals(rows=n, units=None, sums={}) for path, n in counts.items()}
            sources = partial(read_sources, files, of_fills, lambda _: totals, loaded.fills, digests)
            return finish(History(engine, loaded, families, asked), sources)
        except duckdb.Error as error:
            raise failure(error, [file.path for file in files]) from error
        finally:
            engine.close()


def _texts(asked: Backtest) -> list[str]:
    """The columns whose values keep the spelling of the files."""
    return [name for name in (asked.unit, *asked.segments) if name]


def _numbers(asked: Backtest) -> list[str]:
    """The columns that are needed as numbers."""
    expressions = [*asked.payoff.values(), *(c.expression for c in asked.candidates if c.is_score)]
    return [e.text for e in expressions if e.columns == (e.text,)]
