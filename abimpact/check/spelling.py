"""Are categories spelled alike?"""

from collections.abc import Sequence

from abimpact.check.listing import MOST_LISTED, files_of, more
from abimpact.findings import Finding, Severity
from abimpact.read.loaded import file_sql
from abimpact.read.log import Log
from abimpact.spec.expression import quote
from abimpact.spec.private import may_name_somebody

# Share of the rows spelled otherwise from which on a variant is not what it seems.
BLOCK_SHARE = 0.01
MOST_VALUES = 1_000


def respelled(log: Log) -> list[Finding]:
    """Categories whose spellings differ by case or spaces alone: never merged, but said."""
    direct = {log.experiment.variant, *log.experiment.segments}
    sources = {c for name in direct & set(log.experiment.derive) for c in log.experiment.derive[name].columns}
    names = [n for n in direct | sources if n and log.families.get(n, "text") == "text"]
    return [f for name in sorted(names) if (f := _spellings(log, name, is_direct=name in direct))]


def _spellings(log: Log, name: str, *, is_direct: bool) -> Finding | None:
    some, rows = files_of(log), _rows_by_spelling(log, name)
    counts: dict[str, dict[str, int]] = {}
    places: dict[str, list[str]] = {}
    for spelling, path, n in rows:
        of_value = counts.setdefault(" ".join(spelling.casefold().split()), {})
        of_value[spelling] = of_value.get(spelling, 0) + n
        places.setdefault(spelling, []).append(path)
    # A column of units is none of categories, whatever it is used for.
    if len(rows) == MOST_VALUES or any(map(may_name_somebody, counts)):
        return None
    several = {value: found for value, found in counts.items() if len(found) > 1}
    if not several:
        return None
    usual = {value: max(found, key=lambda s: found[s]) for value, found in several.items()}
    others = {s: n for value, found in several.items() for s, n in found.items() if s != usual[value]}
    is_variant = name == log.experiment.variant
    is_many = sum(others.values()) >= BLOCK_SHARE * sum(n for found in counts.values() for n in found.values())
    severity = Severity.INFO if not is_direct else Severity.BLOCK if is_variant and is_many else Severity.WARN
    listed = "; ".join(
        ", ".join(f"{s!r} ({n:,} rows{_in(some(places[s]))})" for s, n in sorted(found.items(), key=lambda i: -i[1]))
        for found in list(several.values())[:MOST_LISTED]
    )
    return Finding(
        code="schema_drift",
        severity=severity,
        message=f"{name!r} spells what may be one category in several ways: {listed}{more(len(several))}. "
        + ("They are taken for different ones." if is_direct else "A derived column reads them."),
        why="Rows spelled otherwise are missing from the category that they belong to." if is_direct else "",
        do=f"If they mean the same, derive a column, as [data.derive] spelled = 'lower(trim({quote(name)}))', and name "
        "that one."
        if is_direct
        else "",
        data={
            "kind": "spelling",
            "column": name,
            "spellings": several,
            "files": {s: places[s] for found in several.values() for s in found} if log.files else {},
            "rows": sum(others.values()),
        },
    )


def _rows_by_spelling(log: Log, name: str) -> Sequence[tuple[str, str, int]]:
    """Spellings of a category with the files that have them, and their rows."""
    if name == log.experiment.variant and not log.events:
        return log.row_counts.spellings[:MOST_VALUES]
    column = f"CAST({quote(name)} AS VARCHAR)"
    return log.engine.rows(
        f"SELECT {column} AS spelling, {file_sql(log.files)} AS file, count(*) AS n FROM {log.rows} "
        f"WHERE {column} IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {MOST_VALUES}"
    )


def _in(files: str) -> str:
    return f" in {files}" if files else ""
