"""SQL of the numbers that are made of a unit's events."""

from collections.abc import Sequence

from abimpact.read.reading import PLACE
from abimpact.spec.events import EventAggregate, Events
from abimpact.spec.expression import literal, quote

SECONDS = 86_400
# Aggregates of a value; first and last go by time, then by the order in the files.
FUNCTIONS = {
    "sum": "fsum({value})",
    "mean": "favg({value})",
    "max": "max({value})",
    "min": "min({value})",
    "first": "arg_min({value}, {order})",
    "last": "arg_max({value}, {order})",
}


def aggregate_sql(aggregate: EventAggregate, value: str, name: str | None, *also: str) -> str:
    """The aggregate over events that meet its own conditions and `also` ("" is none), 0 or null without any."""
    conditions = [condition for condition in also if condition]
    if aggregate.event is not None and name is not None:
        conditions.append(f"{quote(name)} = {literal(aggregate.event)}")
    if aggregate.condition is not None:
        conditions.append(f"({aggregate.condition.sql})")
    if aggregate.function in FUNCTIONS:
        conditions.append(f"({value}) IS NOT NULL")
    where = f" FILTER ({' AND '.join(conditions)})" if conditions else ""
    if aggregate.function == "count":
        count = f"count(*){where}"
        return count if aggregate.is_zero else f"nullif({count}, 0)"
    if aggregate.function == "any":
        seen = f"count(*){where} > 0"
        return seen if aggregate.is_zero else f"CASE WHEN {seen} THEN true END"
    order = f"struct_pack(t := e_t, p := {PLACE})"
    found = FUNCTIONS[aggregate.function].format(value=value, order=order) + where
    return f"coalesce({found}, 0)" if aggregate.is_zero else found


def nothing_sql(aggregate: EventAggregate) -> str:
    """What a unit without such events has."""
    return ("false" if aggregate.function == "any" else "0") if aggregate.is_zero else "NULL"


def picked(columns: Sequence[str], condition: str, place: str, *, is_remote: bool) -> list[str]:
    """The `columns` of the first row for which `condition` holds, as x0, x1, …; nulls stay nulls.

    Elsewhere than on DuckDB structs have no fields to take, and `arg_min` leaves no null out.
    """
    if not columns:
        return []
    if is_remote:
        order = f"struct_pack(t := e_t, p := {place})"
        return [f"arg_min({quote(c)}, {order}) FILTER ({condition}) AS x{i}" for i, c in enumerate(columns)]
    packed = ", ".join(f"x{i} := {quote(c)}" for i, c in enumerate(columns))
    first = f"arg_min(struct_pack({packed}), struct_pack(t := e_t, p := {place})) FILTER ({condition})"
    return [f"{first}.x{i} AS x{i}" for i in range(len(columns))]


def window_sql(events: Events, start: str) -> str:
    """The first moment that no longer counts for a unit that began at `start`; "" if all do."""
    return "" if events.window_days is None else f"{start} + INTERVAL {round(events.window_days * SECONDS)} SECOND"
