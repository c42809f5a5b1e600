"""The day of a row, by the time zone that was declared, and the part of the test that the day belongs to."""

from datetime import date

import duckdb

from abimpact.errors import ConfigError, DataError, nearest
from abimpact.read.engine import Engine
from abimpact.read.log import StratumNames
from abimpact.read.reading import Reading
from abimpact.spec.calendar import Calendar
from abimpact.spec.expression import literal, quote

# "2026-03-01": a text no longer than this is a day, which no zone moves.
DAY_LENGTH = 10


def day_sql(reading: Reading, relation: str) -> tuple[str, tuple[str, ...]]:
    """SQL for the day of a row of `relation`, and what was assumed of its time."""
    name, zone = reading.experiment.time, reading.experiment.calendar.timezone
    assert name is not None
    return day_of(reading.engine, relation, name, reading.families.get(name), zone)


def day_of(
    engine: Engine, relation: str, name: str, family: str | None, zone: str | None
) -> tuple[str, tuple[str, ...]]:
    """SQL for the day of the column `name` of `relation` in a time zone, and what was assumed."""
    if family not in ("date", "timestamp", "text", None):
        raise DataError(f"--time: column {name!r} holds no dates.", "Name a column of dates or times.")
    column = quote(name)
    as_written = f"CAST({column} AS DATE)"
    if zone is None:
        return as_written, ()
    _check_zone(engine, zone)
    kind = engine.describe(f"(SELECT {column} AS moment FROM {relation})")["moment"]
    if kind == "date":
        return as_written, ()
    moved = f"CAST(CAST({column} AS TIMESTAMPTZ) AT TIME ZONE {literal(zone)} AS DATE)"
    if kind == "text":
        return f"CASE WHEN length(trim({column})) <= {DAY_LENGTH} THEN {as_written} ELSE {moved} END", ()
    if _has_zone(engine, relation, column):
        return moved, ()
    if not has_times(engine, relation, column):
        return as_written, (f"{name!r} holds days without times, which are taken as days of {zone}.",)
    return moved, (f"The times in {name!r} have no zone and are taken as UTC; their days are those of {zone}.",)


def period_sql(calendar: Calendar, day: str) -> str:
    """The condition that the SQL `day` lies between the first and the last day; "" if all days count."""
    bounds = [(">=", calendar.first), ("<=", calendar.last)]
    return " AND ".join(f"{day} {sign} {_literal(bound)}" for sign, bound in bounds if bound)


def phases_of(calendar: Calendar) -> tuple[StratumNames, str] | None:
    """The strata that a schedule makes, with SQL for a unit's stratum from its `day`; None without a schedule.

    Units from before the schedule, and those without a day, have a stratum each: no split was planned for them.
    """
    if not calendar.phases:
        return None
    first = calendar.phases[0].start
    names = (f"before {first.isoformat()}", *(p.name for p in calendar.phases), "without a day")
    later = " ".join(f"WHEN day < {_literal(p.start)} THEN {i}" for i, p in enumerate(calendar.phases))
    sql = f"CASE WHEN day IS NULL THEN {len(names) - 1} {later} ELSE {len(names) - 2} END"
    return StratumNames(by="phase", names=names, phases=tuple(range(len(names)))), sql


def _literal(day: date) -> str:
    return f"{literal(day.isoformat())}::DATE"


def has_times(engine: Engine, relation: str, column: str) -> bool:
    """Whether a column of times has any but midnights."""
    return bool(
        engine.rows(f"SELECT count(*) > 0 FROM {relation} WHERE {column} <> date_trunc('day', {column}) LIMIT 1")[0][0]
    )


def _has_zone(engine: Engine, relation: str, column: str) -> bool:
    """Whether the type of a column of times has a zone; elsewhere all times are taken as UTC."""
    if engine.is_remote:
        return False
    type_name = engine.rows(f"DESCRIBE SELECT {column} FROM {relation}")[0][1]
    return bool(type_name == "TIMESTAMP WITH TIME ZONE")


def _check_zone(engine: Engine, zone: str) -> None:
    if engine.is_remote:
        from zoneinfo import available_timezones

        if zone not in available_timezones():
            raise ConfigError(f"[data] timezone = {zone!r} is not known.", nearest(zone, available_timezones()))
        return
    try:
        engine.rows(f"SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' AT TIME ZONE {literal(zone)}")
    except duckdb.Error as error:
        known = [row[0] for row in engine.rows("SELECT name FROM pg_timezone_names()")]
        raise ConfigError(f"[data] timezone = {zone!r} is not known.", nearest(zone, known)) from error
