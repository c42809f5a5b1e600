"""What each file of a log holds, in numbers that can be held against someone else's report."""

from collections.abc import Mapping
from dataclasses import dataclass

from abimpact.read.engine import Engine
from abimpact.read.loaded import FILE, Loaded
from abimpact.read.log import Log
from abimpact.read.reading import ARM
from abimpact.spec.events import Events
from abimpact.spec.expression import literal, quote
from abimpact.spec.metric import MetricKind

# Digits that a total is rounded to: the order in which an engine adds up is not always the same.
DIGITS = 12
# What the sums of a metric's value, or numerator, and of its denominator are called behind its name.
PARTS = ("", " (denominator)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTotals:
    """One file: all its `rows`; its units and the sums of metrics over rows of a known unit and a compared variant.

    Of an event log, sums are over all events of a known unit.

    `units` is None without a unit column. A ratio has the sums of both its parts, as "name" and "name (denominator)".
    """

    rows: int
    units: int | None
    sums: Mapping[str, float | None]


def totals_by_file(engine: Engine, loaded: Loaded, log: Log, known: Mapping[str, float]) -> dict[str, FileTotals]:
    """The totals of every file, by its path; a single one has the sums that are `known` of all rows."""
    rows = dict(engine.rows(f"SELECT {FILE}, count(*) FROM {loaded.relation} GROUP BY {FILE}"))
    if not log.raw:
        return {path: FileTotals(rows=n, units=None, sums={}) for path, n in rows.items()}
    sums = _sums_of_events(log, log.experiment.events) if log.experiment.events else sums_of(log)
    unit = log.experiment.unit
    if len(rows) == 1 and known.keys() >= sums.keys():
        units = sum(log.units) if unit else None
        return {p: FileTotals(rows=n, units=units, sums={k: rounded(known[k]) for k in sums}) for p, n in rows.items()}
    conditions = [] if log.events else [f"{ARM} IS NOT NULL"]
    where = " AND ".join(conditions + ([f"{quote(unit)} IS NOT NULL"] if unit else [])) or "TRUE"
    parts = [_units(log, len(rows)) if unit else "NULL", *(total_sql(sql) for sql in sums.values())]
    found = engine.rows(f"SELECT {FILE}, {', '.join(parts)} FROM {log.rows} WHERE {where} GROUP BY {FILE}")
    by_file = {row[0]: row[1:] for row in found}
    empty = (0 if unit else None, *[None] * len(sums))
    return {
        path: FileTotals(
            rows=n,
            units=by_file.get(path, empty)[0],
            sums={name: rounded(x) for name, x in zip(sums, by_file.get(path, empty)[1:], strict=True)},
        )
        for path, n in rows.items()
    }


def sums_of(log: Log) -> dict[str, str]:
    """SQL over the raw rows of everything that can be added up: the metrics' values, a ratio's two parts."""
    found = {}
    for metric in log.metrics:
        parts = () if metric.kind is MetricKind.QUANTILE else log.row_sql.get(metric.name, ())
        for part, sql in zip(PARTS, parts, strict=False):
            found[metric.name + part] = sql
    return found


def _sums_of_events(log: Log, events: Events) -> dict[str, str]:
    """SQL over the events of what adds up: counts and sums of events after exposure, whichever window they are in."""
    by_sql = {quote(a.column): a for a in events.aggregates if a.function in ("sum", "count") and not a.is_before}
    found = {}
    for metric in log.metrics:
        for part, expression in zip(PARTS, (metric.value, metric.denominator), strict=True):
            a = by_sql.get(expression.sql) if expression else None
            if a is None or (a.value and any(log.families.get(c) == "text" for c in a.value.columns)):
                continue
            conditions = [f"{quote(events.name)} = {literal(a.event)}"] if a.event and events.name else []
            conditions += [f"({a.condition.sql})"] if a.condition else []
            value = f"CAST({a.value.sql} AS DOUBLE)" if a.value else "1.0"
            found[metric.name + part] = f"CASE WHEN {' AND '.join(conditions) or 'TRUE'} THEN {value} END"
    return found


def total_sql(sql: str) -> str:
    """The aggregate that adds up the finite values of an expression."""
    return f"fsum(CASE WHEN isfinite({sql}) THEN {sql} END)"


def rounded(total: float | None) -> float | None:
    """A total without the digits that the order of adding up decides."""
    return None if total is None else float(f"{total:.{DIGITS}g}")


def _units(log: Log, n_files: int) -> str:
    """How units are counted: what the log has shown of them may save counting distinct ones."""
    events, counts = log.events, log.unit_counts
    if events and n_files == 1 and not events.without_time:
        return str(events.units + events.unexposed_units)
    if not events and counts and not (counts.in_both or counts.repeated):
        return "count(*)"
    if not events and counts and n_files == 1:
        return str(counts.total)
    return f"count(DISTINCT {quote(log.experiment.unit or '')})"
