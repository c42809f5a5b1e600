"""Is a log one of events, and which numbers of a unit can be made of them?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abimpact.spec import words
from abimpact.spec.expression import literal, quote
from abimpact.spec.facts import ColumnFacts, LogFacts
from abimpact.spec.kpis import Kpi

NAMES = frozenset("event events action activity".split())
EXPOSURES = frozenset("exposure exposed expose assignment assigned enrolled enrolment enrollment impression".split())
GOALS = frozenset(
    "order ordered purchase purchased payment paid booking booked conversion checkout sale signup".split()
)
# Events a unit has at least on average, and kinds of events that become metrics.
ROWS_PER_UNIT, MOST_KINDS = 1.2, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """The keys of `[data.events]`, and the metrics that its events suggest."""

    keys: Mapping[str, str]
    metrics: tuple[Kpi, ...]


def find_events(facts: LogFacts, unit: str | None, time: str | None, taken: Sequence[str]) -> EventLog | None:
    """How the log's events are to be read, if it has several rows a unit and a column that says what each one is."""
    if unit is None or time is None or facts.rows < ROWS_PER_UNIT * facts.columns[unit].distinct:
        return None
    named = [
        c
        for c in facts.columns.values()
        if c.family == "text" and len(c.values) > 1 and c.name not in taken and _is_of_events(c)
    ]
    if not named:
        return None
    column = named[0]
    exposure = next((v for v in column.values if words.has(v, EXPOSURES)), None)
    numbers = [c for c in facts.columns.values() if c.is_number and not c.is_binary and c.name not in taken]
    values = [c.name for c in numbers if c.name.casefold() == "value" or words.has(c.name, words.MONEY)]
    value = values[0] if values else None
    keys = {"name": column.name} | ({"value": value} if value else {}) | ({"exposure": exposure} if exposure else {})
    kinds = sorted((v for v in column.values if v != exposure), key=lambda v: not words.has(v, GOALS))[:MOST_KINDS]
    metrics = [kpi for kind in kinds for kpi in _metrics(column.name, kind, value)]
    if metrics:
        metrics[0] = Kpi(keys={**metrics[0].keys, "role": "primary"}, why=metrics[0].why)
    return EventLog(keys=keys, metrics=tuple(metrics))


def _is_of_events(column: ColumnFacts) -> bool:
    return words.has(column.name, NAMES) or any(words.has(v, EXPOSURES) for v in column.values)


def _metrics(column: str, kind: str, value: str | None) -> list[Kpi]:
    """What a unit's events of one kind come to."""
    is_goal, is_bad = words.has(kind, GOALS), words.has(kind, words.LOWER)
    direction = {"better": "lower"} if is_bad else {}
    condition = f"{_named(column)} = {literal(kind)}"
    called = kind if kind.replace("_", "").isalnum() else f"* where {condition}"
    found = []
    if is_goal and value:
        keys = {"name": f"{value} of {kind}", "value": f"sum of {_named(value)} where {condition}"}
        found.append(Kpi(keys=keys, why=f"what a unit's events called {kind} add up to"))
    if is_goal:
        any_of = f"any {kind}" if called == kind else f"any * where {condition}"
        found.append(
            Kpi(keys={"name": f"any {kind}", "value": any_of}, why=f"whether a unit has an event called {kind}")
        )
    why = f"how many events called {kind} a unit has"
    return [*found, Kpi(keys={"name": f"count of {kind}", "value": f"count of {called}", **direction}, why=why)]


def _named(column: str) -> str:
    """A column as expressions write it."""
    return column if column.isidentifier() and column.isascii() else quote(column)
