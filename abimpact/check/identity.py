"""Is each row what it claims to be: one unit, in one known variant?"""

from collections.abc import Mapping
from dataclasses import replace

from abimpact.check.events import BLOCK_SHARE, crossed_over
from abimpact.findings import Finding, Severity
from abimpact.read.log import Log
from abimpact.read.reading import ARM
from abimpact.spec.expression import quote
from abimpact.spec.private import may_name_somebody

CURRENCY_NAMES = frozenset("currency ccy currency_code currencycode waehrung währung devise moneda valuta".split())
# A column whose values repeat this often without ever changing variant did not do so by chance (2^-20).
REPEATS_NEEDED = 20
# Other values of the variant's column that are told apart.
MOST_UNKNOWN = 50


def units_in_both_arms(log: Log) -> list[Finding]:
    """Units that met several variants: excluded, and too many of them block."""
    if log.events:
        return crossed_over(log.events)
    counts = log.unit_counts
    # What is met in several clusters counts once in each: clusters were randomised, not units.
    if counts is None or log.clusters:
        return []
    share = counts.in_both / counts.total if counts.total else 0.0
    data = {"units": counts.in_both, "share": share, "rows": counts.in_both_rows}
    if not counts.in_both:
        return [_passed("units_in_both_arms", "No unit was in more than one variant.", data)]
    return [
        Finding(
            code="units_in_both_arms",
            severity=Severity.BLOCK if share > BLOCK_SHARE else Severity.WARN,
            message=f"{counts.in_both:,} units ({share * 100:.2f} %) with {counts.in_both_rows:,} rows were in more "
            "than one variant and were excluded.",
            why="What they did cannot be put down to one variant, and who changes variant is rarely a random few.",
            do="Find why the assignment changes (cookies, devices, late logging), or name the unit randomised.",
            data=data,
        )
    ]


def duplicate_rows(log: Log) -> list[Finding]:
    """Units with several rows, and what was done with them; many without a declared rule block."""
    counts = log.unit_counts
    if counts is None:
        return []
    data = {"rows": counts.extra_rows, "units": counts.repeated, "rule": counts.rule}
    if not counts.repeated:
        return [_passed("duplicate_rows", "Every unit has one row.", data)]
    remaining = counts.total - counts.in_both
    share = counts.repeated / remaining
    declared = log.experiment.several_rows
    is_much = declared is None and share >= BLOCK_SHARE
    severity = Severity.BLOCK if is_much else Severity.INFO if declared else Severity.WARN
    by = "in time" if log.experiment.time else "by value" if log.engine.is_remote else "in file order"
    done = (
        f"the {counts.rule} row ({by}) was taken"
        if counts.rule in ("first", "last")
        else f"their {counts.rule} was taken"
    )
    return [
        Finding(
            code="duplicate_rows",
            severity=severity,
            message=f"{counts.repeated:,} units ({share * 100:.2f} %) have several rows, {counts.extra_rows:,} beyond "
            f"their first; {done}.",
            why="A unit counted twice makes intervals too narrow; taking one row of many may lose what it did."
            if not declared
            else "",
            do="Say what several rows of a unit mean: --several-rows sum, mean, max, min, first or last."
            if not declared
            else "",
            data=data,
        )
    ]


def missing_unit(log: Log) -> list[Finding]:
    """Rows without a unit."""
    if log.experiment.unit is None:
        return []
    rows = log.events.without_unit if log.events else log.row_counts.missing_unit
    return [_left_out("missing_unit", rows, log, "unit")]


def missing_variant(log: Log) -> list[Finding]:
    """Rows without a variant."""
    return [_left_out("missing_variant", log.row_counts.missing_variant, log, "variant")]


def filtered_rows(log: Log) -> list[Finding]:
    """Rows that the filter left out, and those outside the days that count."""
    counts, calendar = log.row_counts, log.experiment.calendar
    findings = []
    if log.experiment.where is not None or (log.events and log.events.read > log.events.kept):
        rows = counts.read - counts.kept - counts.outside
        if log.events:
            counts, rows = replace(counts, read=log.events.read), log.events.read - log.events.kept
        findings.append(
            Finding(
                code="filtered_rows",
                severity=Severity.INFO,
                message=f"{rows:,} of {counts.read:,} rows were left out by the filter.",
                why="A filter on what happened after the assignment compares units that are no longer alike.",
                do="Filter only by what was known before.",
                data={"rows": rows, "read": counts.read},
            )
        )
    if calendar.first or calendar.last:
        seen, what = (log.row_counts.read, "units" if log.events else "rows")
        bounds = " ".join(f"{w} {d.isoformat()}" for w, d in (("from", calendar.first), ("to", calendar.last)) if d)
        findings.append(
            Finding(
                code="outside_period",
                severity=Severity.INFO if counts.outside else Severity.PASS,
                message=f"{counts.outside:,} of {seen:,} {what} lie outside the days {bounds} and were left out.",
                data={
                    "rows": counts.outside,
                    "read": seen,
                    "from": calendar.first and calendar.first.isoformat(),
                    "to": calendar.last and calendar.last.isoformat(),
                },
            )
        )
    return findings


def _left_out(code: str, rows: int, log: Log, what: str) -> Finding:
    if not rows:
        return _passed(code, f"Every row names a {what}.", {"rows": 0})
    return Finding(
        code=code,
        severity=Severity.WARN,
        message=f"{rows:,} of {log.events.kept if log.events else log.row_counts.kept:,} rows name no {what} and were "
        "left out.",
        why="If they were lost more often in one variant, the comparison is biased.",
        do="Find out where the value gets lost.",
        data={"rows": rows},
    )


def unknown_variant(log: Log) -> list[Finding]:
    """Rows of variants that are not compared."""
    unknown = log.row_counts.unknown
    rows = sum(unknown.values())
    # Identifiers may have slipped into the column.
    shown = {name: n for name, n in unknown.items() if not may_name_somebody(name)}
    shown = dict(sorted(shown.items(), key=lambda item: -item[1])[:MOST_UNKNOWN])
    if rest := rows - sum(shown.values()):
        shown["(other)"] = rest
    data = {"rows": rows, "values": shown}
    if not rows:
        return [_passed("unknown_variant", "All rows belong to a compared variant.", data)]
    what = "units" if log.events else "rows"
    listed = ", ".join(f"{name} {n:,}" for name, n in list(shown.items())[:5])
    return [
        Finding(
            code="unknown_variant",
            severity=Severity.INFO,
            message=f"{rows:,} {what} belong to variants that are not compared ({listed}) and were left out.",
            why="They say nothing about the variants compared.",
            do="If they should be compared, name them with --proposed.",
            data=data,
        )
    ]


def looks_like_unit(log: Log) -> list[Finding]:
    """A column that repeats and never changes variant, while each row is taken as a unit."""
    if log.experiment.unit is not None or log.clusters:
        return []
    used = {e for m in log.metrics for x in (m.value, m.denominator) if x for e in x.columns}
    used |= {c for m in log.metrics for c in m.covariates} | set(log.experiment.segments)
    used |= {log.experiment.variant, log.experiment.time or "", ARM}
    candidates = [c for c, f in log.families.items() if f in ("integer", "text") and c not in used]
    return [finding for c in candidates if (finding := _repeats_in_one_variant(log, c))]


def _repeats_in_one_variant(log: Log, column: str) -> Finding | None:
    values, rows, changing = log.engine.rows(
        f"SELECT count(*), sum(n), count_if(lo <> hi) FROM (SELECT count(*) AS n, min({ARM}) AS lo, max({ARM}) AS hi "
        f"FROM {log.raw} WHERE {ARM} IS NOT NULL AND {quote(column)} IS NOT NULL GROUP BY {quote(column)} HAVING n > 1)"
    )[0]
    if changing or values < REPEATS_NEEDED:
        return None
    return Finding(
        code="looks_like_unit",
        severity=Severity.WARN,
        message=f"Each row was taken as a unit, but {values:,} values of {column!r} come in several rows "
        f"({int(rows):,} in all) and never change variant.",
        why="If that column is what was randomised, its rows are not independent and the intervals are too narrow.",
        do=f"If it is the unit: --unit {column!r} --several-rows sum (or mean).",
        data={"column": column, "values": values, "rows": int(rows)},
    )


def guessed(log: Log) -> list[Finding]:
    """What the program assumed because nobody said it."""
    return [
        Finding(
            code="guessed",
            severity=Severity.INFO,
            message=g,
            do="Say otherwise with a flag or in the config if it is wrong.",
        )
        for g in log.guesses
    ]


def _passed(code: str, message: str, data: Mapping[str, object]) -> Finding:
    return Finding(code=code, severity=Severity.PASS, message=message, data=data)


def mixed_currency(log: Log) -> list[Finding]:
    """A column of currencies with several of them, while amounts are averaged."""
    from abimpact.spec.metric import MetricKind

    named = [c for c, family in log.families.items() if family == "text" and c.casefold() in CURRENCY_NAMES]
    if not named or all(m.kind is MetricKind.PROPORTION for m in log.metrics):
        return []
    name = quote(named[0])
    rows = log.engine.rows(
        f"SELECT CAST({name} AS VARCHAR), count(*) FROM {log.raw} WHERE {ARM} IS NOT NULL AND {name} IS NOT NULL "
        f"GROUP BY {name} ORDER BY count(*) DESC LIMIT 20"
    )
    found = dict(rows)
    if len(found) < 2:
        return [_passed("mixed_currency", "All amounts are in one currency.", {"column": named[0], "rows": found})]
    listed = ", ".join(f"{n:,} {value}" for value, n in list(found.items())[:5])
    return [
        Finding(
            code="mixed_currency",
            severity=Severity.WARN,
            message=f"Column {named[0]!r} names {len(found)} currencies ({listed} rows).",
            why="Amounts in different currencies cannot be added up: the mean has no unit, and its mix may differ "
            "between variants.",
            do="Convert amounts in an expression, or take one currency with --where.",
            data={"column": named[0], "rows": found},
        )
    ]
