"""Composes the rooms that look at an unknown log and propose a config for it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import duckdb

from abimpact.errors import UsageError
from abimpact.pipeline.reading import Running
from abimpact.read.compressed import check_compressed
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import failure
from abimpact.read.facts import look_at, look_at_groups, share_in_one_variant
from abimpact.read.loaded import Loaded
from abimpact.read.loading import load
from abimpact.read.sources import expand
from abimpact.read.survey import survey
from abimpact.read.unchanged import unchanged
from abimpact.spec.engine_url import is_address
from abimpact.spec.event_logs import find_events
from abimpact.spec.expression import find_column
from abimpact.spec.facts import GroupFacts, LogFacts
from abimpact.spec.kpis import propose_kpis
from abimpact.spec.request import Request
from abimpact.spec.roles import Choice, choose_incumbent, choose_time, choose_unit, choose_variant, unit_candidates
from abimpact.spec.starting import Start, find_aggregates, rule_for
from abimpact.spec.variants import find_variant

# A column that tells the variant of this share of rows says nothing about whom the variant suits.
FOLLOWS = 0.9
NAMED = "as you said"


@dataclass(frozen=True, slots=True)
class _Look:
    engine: DuckDBEngine
    loaded: Loaded
    facts: LogFacts
    request: Request


def run_init(request: Request, *, command: str = "", running: Running | None = None) -> Start:  # noqa: ARG001 - as its siblings
    """What the log that `request` names seems to hold; what `request` says of it is not guessed."""
    running = running or Running()
    if any(map(is_address, request.sources)):
        raise UsageError(
            "init looks at files, not at an engine.", "Export a part of the table to Parquet, and run init on that."
        )
    files = expand(request.sources)
    for file in files:
        check_compressed(file)
    made = DuckDBEngine(memory_limit=running.memory_limit, threads=running.threads)
    with unchanged(files), closing(made) as engine:
        engine.lock([file.path for file in files])
        try:
            loaded = load(engine, survey(engine, files, request.pick))
            look = _Look(engine, loaded, look_at(engine, loaded), request)
            aggregates = find_aggregates(look.facts)
            return _of_aggregates(look, aggregates) if aggregates else _of_rows(look)
        except duckdb.Error as error:
            raise failure(error, [file.path for file in files]) from error


def _named(name: str | None, facts: LogFacts, flag: str) -> Choice | None:
    return None if name is None else Choice(name=find_column(name, _families(facts), flag), why=NAMED)


def _families(facts: LogFacts) -> dict[str, str]:
    return {c.name: c.family for c in facts.columns.values()}


def _of_rows(look: _Look) -> Start:
    facts, request = look.facts, look.request
    variant = _named(request.variant, facts, "--variant") or choose_variant(facts)
    if variant is None:
        few = [f"{c.name!r} ({len(c.values)} values)" for c in facts.columns.values() if 2 <= len(c.values) <= 12]
        raise UsageError(
            "No column looks like the variant: two or more values with a name like variant, group or control.",
            f"Say --variant COLUMN; columns with few values: {', '.join(few[:12]) or 'none'}.",
        )
    counts = facts.columns[variant.name].values
    if len(counts) < 2:
        raise UsageError(
            f"--variant: {variant.name!r} has no two variants, or too many values.", "Name another column."
        )
    time = _named(request.time, facts, "--time") or choose_time(facts)
    candidates = [c for c in unit_candidates(facts, variant.name) if time is None or c != time.name]
    unit = _named(request.unit, facts, "--unit")
    candidates = [unit.name] if unit else candidates
    groups: Mapping[str, GroupFacts] = look_at_groups(look.engine, look.loaded, candidates, variant.name)
    unit = unit or choose_unit(facts, groups)
    taken = [variant.name, *(c.name for c in (unit, time) if c)]
    few = [c.name for c in facts.columns.values() if c.name not in taken and c.family == "text" and len(c.values) > 1]
    shares = {c: share_in_one_variant(look.engine, look.loaded, c, variant.name) for c in few}
    following = {c: share for c, share in shares.items() if share > FOLLOWS}
    events = find_events(facts, unit.name if unit else None, time.name if time else None, taken)
    kpis = propose_kpis(facts, taken, list(following))
    return Start(
        variant=variant,
        incumbent=_incumbent(request, counts),
        counts=counts,
        unit=unit,
        several_rows="" if events else request.several_rows or rule_for(unit, groups),
        time=time,
        metrics=events.metrics if events else kpis.metrics,
        segments=tuple(request.segments)
        or tuple(s for s in kpis.segments if not (events and s == events.keys["name"])),
        left=() if events else kpis.left,
        following=following,
        events=events.keys if events else {},
    )


def _of_aggregates(look: _Look, keys: dict[str, str]) -> Start:
    facts, request = look.facts, look.request
    rest = replace(look.facts, columns={n: c for n, c in facts.columns.items() if n not in keys.values()})
    variant = _named(request.variant, facts, "--variant") or choose_variant(rest)
    if variant is None:
        called = [c for c in rest.columns if "variant" in c.casefold()]
        variant = Choice(name=called[0], why="by its name") if called else None
    has_both = any(key.startswith("incumbent_") for key in keys)
    if variant is None and not has_both:
        raise UsageError(
            "No column looks like the variant.", f"Say --variant; the table has: {', '.join(rest.columns)}."
        )
    counts = facts.columns[variant.name].values if variant else {}
    named = Choice(name="control", why="its numbers stand in the same rows as the proposed variant's")
    experiments = (
        look.engine.rows(
            f'SELECT DISTINCT CAST("{keys["experiment"]}" AS VARCHAR) AS e FROM {look.loaded.relation} ORDER BY e'
        )
        if "experiment" in keys
        else []
    )
    return Start(
        variant=variant,
        incumbent=named if has_both and not request.incumbent else _incumbent(request, counts),
        counts=counts,
        unit=None,
        aggregates=keys,
        experiments=tuple(str(e) for (e,) in experiments if e is not None),
    )


def _incumbent(request: Request, counts: Mapping[str, int]) -> Choice:
    if request.incumbent is None:
        return choose_incumbent(counts)
    return Choice(
        name=find_variant(request.incumbent, counts, "--incumbent") if counts else request.incumbent, why=NAMED
    )
