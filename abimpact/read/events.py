"""From one row per event to one per unit: its first exposure, and the aggregates of its events since (or before).

One pass aggregates all events of every unit. That is exact for a unit whose events all lie in its window and name one
variant, which are most units of most logs; the others are aggregated again, event by event against their own exposure.
A join of all events with all exposures would cost three times as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from abimpact.errors import DataError, nearest
from abimpact.read.event_sql import aggregate_sql, nothing_sql, picked, window_sql
from abimpact.read.event_windows import closed_sql, count_events
from abimpact.read.loaded import FILE, Loaded
from abimpact.read.log import EventCounts
from abimpact.read.numbers_in_text import number_sql
from abimpact.read.reading import PLACE, Reading
from abimpact.spec.events import EventAggregate, Events
from abimpact.spec.expression import literal, quote

# Variants that an event log may have at most; a column with more is none of variants.
MOST_VARIANTS = 1_000
MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class _Sources:
    """What both passes read: the relation of `events` (unit, t, v, is_exposure, place, then the log's columns).

    `variants` are the names that the numbers v stand for; `attributes` the columns taken from the first exposure,
    `outcome` the condition of events that count, "" if all do.
    """

    events: str
    variants: tuple[str, ...]
    attributes: tuple[str, ...]
    outcome: str


def units_of_events(reading: Reading) -> tuple[Reading, EventCounts]:
    """`reading` with one row per exposed unit instead of its events, and what was met on the way."""
    events = reading.experiment.events
    assert events is not None
    sources = _sources(reading, events)
    _check_names(reading, events, sources)
    aggregates = [(a, _value_sql(reading, a)) for a in events.aggregates]
    _first_pass(reading, events, sources, aggregates)
    _second_pass(reading, events, sources, aggregates)
    _union(reading, events, sources)
    counts = count_events(reading)
    closed = " WHERE is_closed" if events.complete_windows else ""
    columns = ", ".join(
        [
            f"unit AS {quote(reading.experiment.unit or '')}",
            f"start AS {quote(reading.experiment.time or '')}",
            f"{_names_sql(sources.variants)} AS {quote(reading.experiment.variant)}",
            *(f"{quote(f'a{i}')} AS {quote(a.column)}" for i, a in enumerate(events.aggregates)),
            *(f"{quote(f'x{i}')} AS {quote(c)}" for i, c in enumerate(sources.attributes)),
        ]
    )
    relation = f"(SELECT {columns} FROM event_units{closed})"
    families = {**reading.families, **reading.engine.describe(relation)}
    loaded = Loaded(
        relation=relation,
        order="0",
        guesses=reading.loaded.guesses,
        fills=reading.loaded.fills,
        identifiers=reading.loaded.identifiers,
    )
    experiment = replace(reading.experiment, where=None, derive={})
    return Reading(reading.engine, loaded, families, experiment), counts


def _sources(reading: Reading, events: Events) -> _Sources:
    """The view of events with a unit and a time, and what is needed of them."""
    experiment, engine = reading.experiment, reading.engine
    aliases = "".join(f", {quote(c)} AS {quote(word)}" for word, c in events.names.items())
    where = f" WHERE {experiment.where.sql}" if experiment.where else ""
    relation = f"(SELECT *{aliases} FROM {reading.derived}{where})"
    name = f"CAST({quote(experiment.variant)} AS VARCHAR)"
    exposed = f"({events.exposure.sql}) IS TRUE" if events.exposure else "true"
    is_outcome = "true"
    if reading.loaded.assignments:
        # Assignments need not say that they are exposures; outcomes never are, and assignments are no outcomes.
        is_assignment = f"{FILE} IN ({', '.join(map(literal, reading.loaded.assignments))})"
        declared = f" AND ({events.exposure.sql}) IS NOT FALSE" if events.exposure else ""
        exposed, is_outcome = f"({is_assignment}{declared})", f"NOT {is_assignment}"
    found = engine.rows(
        f"SELECT {name}, count_if({exposed}) FROM {relation} GROUP BY 1 ORDER BY 1 NULLS LAST LIMIT {MOST_VARIANTS + 1}"
    )
    variants = tuple(v for v, n in found if v and n)
    if len(found) > MOST_VARIANTS:
        raise DataError(f"Column {experiment.variant!r} has more than {MOST_VARIANTS:,} values.", "Name the variant's.")
    if not variants:
        shown = events.exposure.text if events.exposure else "any"
        raise DataError(
            f"No event is an exposure ({shown!r}) that names a variant.", "Check exposure and name in [data.events]."
        )
    cases = " ".join(f"WHEN {literal(v)} THEN {i}" for i, v in enumerate(variants))
    time = _time_sql(reading, relation)
    engine.execute(
        f"CREATE TEMP VIEW events AS SELECT *, {reading.unit} AS e_unit, {time} AS e_t, "
        f"CAST(CASE {name} {cases} END AS SMALLINT) AS e_v, {exposed} AS e_is_exposure, "
        f"{is_outcome} AS e_is_outcome FROM {relation}"
    )
    own = {a.column for a in events.aggregates}
    more = (experiment.cluster, experiment.met_by)
    wanted = dict.fromkeys([*experiment.segments, *experiment.strata, *(c for c in more if c)])
    decided = (experiment.decisions.incumbent, experiment.decisions.proposed) if experiment.decisions else ()
    read = [*decided, *(e for m in experiment.metrics for e in (m.value, m.denominator) if e)]
    wanted |= dict.fromkeys(c for expression in read for c in expression.columns)
    wanted |= dict.fromkeys(c for m in experiment.metrics for c in m.covariates)
    keys = (experiment.unit, experiment.time, experiment.variant)
    attributes = tuple(c for c in wanted if c not in own and c not in keys)
    return _Sources("events", variants, attributes, "e_is_outcome" if reading.loaded.assignments else "")


def _time_sql(reading: Reading, relation: str) -> str:
    column = quote(reading.experiment.time or "")
    family = reading.engine.describe(f"(SELECT {column} AS moment FROM {relation})")["moment"]
    if family == "text":
        return f"CAST(CAST({column} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return column if family == "timestamp" else f"CAST({column} AS TIMESTAMP)"


def _check_names(reading: Reading, events: Events, sources: _Sources) -> None:
    """An event that never happens is a word that was misspelled."""
    asked = {a.event for a in events.aggregates if a.event is not None}
    if not asked or events.name is None:
        return
    name = f"CAST({quote(events.name)} AS VARCHAR)"
    known = [row[0] for row in reading.engine.rows(f"SELECT DISTINCT {name} FROM {sources.events} LIMIT {MOST_NAMES}")]
    for event in sorted(asked):
        if event not in known and len(known) < MOST_NAMES:
            raise DataError(
                f"No event is called {event!r} in column {events.name!r}.", nearest(event, [k for k in known if k])
            )


def _value_sql(reading: Reading, aggregate: EventAggregate) -> str:
    """SQL of the number that an aggregate is made of."""
    value = aggregate.value
    if value is None:
        return ""
    if value.columns == (value.text,) and reading.families.get(value.text) == "text":
        return number_sql(reading.engine, reading.loaded, value.text)[0]
    return f"CAST({value.sql} AS DOUBLE)"


def _first_pass(
    reading: Reading, events: Events, sources: _Sources, aggregates: Sequence[tuple[EventAggregate, str]]
) -> None:
    """The table `event_pass`: every unit with its exposure, its extremes, and aggregates of all its events."""
    parts = [
        "e_unit AS unit",
        "min(e_t) FILTER (e_is_exposure AND e_v IS NOT NULL) AS start",
        "min(e_t) AS lo",
        "max(e_t) AS hi",
        "min(e_v) AS v",
        "max(e_v) AS v_hi",
        "count(*) AS n",
    ]
    # Where this pass is right nothing lies before the exposure.
    parts += [
        f"{aggregate_sql(a, value, events.name, sources.outcome)} AS a{i}"
        for i, (a, value) in enumerate(aggregates)
        if not a.is_before
    ]
    is_remote = reading.engine.is_remote
    row = picked(sources.attributes, "e_is_exposure AND e_v IS NOT NULL", PLACE, is_remote=is_remote)
    reading.engine.execute(
        f"CREATE TEMP TABLE event_pass AS SELECT {', '.join([*parts, *row])} FROM {sources.events} "
        "WHERE e_unit IS NOT NULL AND e_t IS NOT NULL GROUP BY e_unit"
    )


def _second_pass(
    reading: Reading, events: Events, sources: _Sources, aggregates: Sequence[tuple[EventAggregate, str]]
) -> None:
    """The table `event_again`: the units for which the first pass may be wrong, aggregated within their windows."""
    end = window_sql(events, "start")
    beyond = f" OR hi >= {end}" if end else ""
    reading.engine.execute(
        "CREATE TEMP VIEW event_unclear AS SELECT unit, start, v, v_hi FROM event_pass "
        f"WHERE start IS NOT NULL AND (lo < start OR v <> v_hi{beyond})"
    )
    inside = "e_t >= x.start" + (f" AND e_t < {window_sql(events, 'x.start')}" if end else "")
    joined = (
        f"(SELECT e.*, x.start AS e_start, {inside} AS e_inside, e_t < x.start AS e_before FROM {sources.events} AS e "
        "JOIN event_unclear AS x ON e.e_unit = x.unit WHERE e_t IS NOT NULL)"
    )
    parts = [
        "e_unit AS unit",
        "count_if(e_inside) AS n_inside",
        "count_if(e_before) AS n_before",
    ]
    parts += [
        f"{aggregate_sql(a, value, events.name, sources.outcome, 'e_before' if a.is_before else 'e_inside')} AS a{i}"
        for i, (a, value) in enumerate(aggregates)
    ]
    reading.engine.execute(f"CREATE TEMP TABLE event_again AS SELECT {', '.join(parts)} FROM {joined} GROUP BY e_unit")
    first = f"arg_min(e.e_v, struct_pack(t := e.e_t, p := e.{PLACE}))"
    reading.engine.execute(
        f"CREATE TEMP TABLE event_crossed AS SELECT x.unit, {first} AS v FROM {sources.events} AS e "
        "JOIN event_unclear AS x ON e.e_unit = x.unit WHERE x.v <> x.v_hi AND e.e_is_exposure AND e.e_v IS NOT NULL "
        "AND e.e_t IS NOT NULL GROUP BY x.unit"
    )


def _union(reading: Reading, events: Events, sources: _Sources) -> None:
    """The table `event_units`: every exposed unit, from the pass that is right for it."""
    closed = closed_sql(reading, events)
    attributes = "".join(f", p.x{i}" for i in range(len(sources.attributes)))
    plain = [nothing_sql(a) if a.is_before else f"p.a{i}" for i, a in enumerate(events.aggregates)]
    again = ", ".join(f"CASE WHEN g.unit IS NULL THEN {sql} ELSE g.a{i} END AS a{i}" for i, sql in enumerate(plain))
    reading.engine.execute(
        f"CREATE TEMP TABLE event_units AS SELECT p.unit, p.start, coalesce(c.v, p.v) AS v, {closed} AS is_closed, "
        "p.v <> p.v_hi AS is_in_both, p.n, coalesce(g.n_inside, p.n) AS n_inside, coalesce(g.n_before, 0) AS n_before"
        f"{', ' if again else ''}{again}{attributes} FROM event_pass AS p LEFT JOIN event_again AS g USING (unit) "
        "LEFT JOIN event_crossed AS c USING (unit) WHERE p.start IS NOT NULL"
    )


def _names_sql(variants: Sequence[str]) -> str:
    return "CASE v " + " ".join(f"WHEN {i} THEN {literal(v)}" for i, v in enumerate(variants)) + " END"
