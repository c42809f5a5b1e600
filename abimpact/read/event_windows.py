"""Which windows of an event log are over, and what lies outside them."""

from abimpact.read.event_sql import window_sql
from abimpact.read.log import EventCounts
from abimpact.read.reading import Reading
from abimpact.spec.events import Events
from abimpact.spec.expression import literal

# The moment up to which the log tells, unless as_of says: that of its last event.
UNTIL = "(SELECT max(hi) FROM event_pass)"


def closed_sql(reading: Reading, events: Events) -> str:
    """Whether a unit's days are over: by the day on which the log was drawn, else by its last event."""
    if events.window_days is None:
        return "true"
    if reading.experiment.as_of:
        last = f"{literal(reading.experiment.as_of.isoformat())}::DATE"
        zone = reading.experiment.calendar.timezone
        moment = f"CAST(p.start AS TIMESTAMPTZ) AT TIME ZONE {literal(zone)}" if zone else "p.start"
        if reading.families.get(reading.experiment.time or "") == "date":
            moment = "p.start"
        return f"{window_sql(events, f'CAST(CAST({moment} AS DATE) AS TIMESTAMP)')} <= {last}"
    return f"{window_sql(events, 'p.start')} <= {UNTIL}"


def count_events(reading: Reading) -> EventCounts:
    """What became of the events, from the relations that made units of them."""
    experiment, engine = reading.experiment, reading.engine
    rows, no_unit, no_time = engine.rows(
        "SELECT count(*), count_if(e_unit IS NULL), count_if(e_unit IS NOT NULL AND e_t IS NULL) FROM events"
    )[0]
    read = rows
    if experiment.where:
        read = engine.rows(f"SELECT count(*) FROM {reading.loaded.relation}")[0][0]
    unexposed, of_unexposed = engine.rows("SELECT count(*), coalesce(sum(n), 0) FROM event_pass WHERE start IS NULL")[0]
    units, before, after, in_both, in_both_rows, is_open = engine.rows(
        "SELECT count(*), coalesce(sum(n_before), 0), coalesce(sum(n - n_inside - n_before), 0), count_if(is_in_both), "
        "coalesce(sum(n) FILTER (is_in_both), 0), count_if(NOT is_closed) FROM event_units"
    )[0]
    last = experiment.as_of or engine.rows(f"SELECT CAST({UNTIL} AS DATE)")[0][0]
    return EventCounts(
        read=int(read),
        kept=int(rows),
        without_unit=int(no_unit),
        without_time=int(no_time),
        unexposed_units=int(unexposed),
        unexposed_rows=int(of_unexposed),
        units=int(units),
        before=int(before),
        after=int(after),
        in_both=int(in_both),
        in_both_rows=int(in_both_rows),
        open_units=int(is_open),
        until=last,
    )
