"""Is it an experiment at all, or does something else decide who gets which variant?"""

import math
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from abimpact.check.phases import phase_of_days
from abimpact.findings import Finding, Severity
from abimpact.read.log import Days, Log

# Shares of their days that two variants have in common.
BLOCK_OVERLAP, WARN_OVERLAP = 0.1, 0.5
# Share of units that a rule "each value has one variant" may miss and still count as the rule.
EXCEPTIONS = 0.001
# A value seen on fewer units says nothing about how variants were assigned.
UNITS_PER_VALUE = 20
UNITS_PER_PERIOD = 5
PART_ROWS = 20_000


def overlap(first: Sequence[int], second: Sequence[int]) -> float:
    """The part of two distributions over the same days that they share, from 0 to 1.

    Days are taken together until both variants can be expected to have `UNITS_PER_PERIOD` units in each period: chance
    alone keeps a few units on different days.
    """
    a, b = sum(first), sum(second)
    if not a or not b:
        return 0.0
    periods = max(min(a, b) // UNITS_PER_PERIOD, 1)
    shares: dict[int, list[float]] = {}
    before = 0
    for x, y in zip(first, second, strict=True):
        share = shares.setdefault(before * periods // (a + b), [0.0, 0.0])
        share[0] += x / a
        share[1] += y / b
        before += x + y
    return math.fsum(min(share) for share in shares.values())


def immature(log: Log) -> list[Finding]:
    """Units too young for a metric whose outcome takes time: left out, and the day on which all are old enough."""
    findings = []
    for metric in log.metrics:
        counts = log.immature.get(metric.name)
        if counts is None or metric.matures_after is None or log.days.end is None:
            continue
        young, total = sum(counts), sum(log.units)
        last = max(log.days.end, log.experiment.planned_end or log.days.end)
        answer_on = last + timedelta(days=metric.matures_after)
        data = {
            "metric": metric.name,
            "units": dict(zip(log.variants, counts, strict=True)),
            "share": young / total if total else 0.0,
            "matures_after_days": metric.matures_after,
            "answer_on": answer_on.isoformat(),
        }
        told = f"{metric.name} is known {metric.matures_after} days after a unit's start"
        findings.append(
            Finding(
                code="immature",
                severity=Severity.INFO,
                message=f"{told}: {young:,} of {total:,} units ({young / total:.0%}) are too young and left out of it.",
                why="What is still to come may differ from what has come.",
                do=f"The answer is in on {answer_on.day} {answer_on:%b %Y}.",
                data=data,
            )
            if young
            else Finding(code="immature", severity=Severity.PASS, message=f"{told}; all units are.", data=data)
        )
    return findings


def not_concurrent(log: Log) -> list[Finding]:
    """The variants hardly share days: the calendar and the variant cannot be told apart."""
    days = log.clusters.days if log.clusters else log.days
    if not days.days:
        return []
    by_variant = list(zip(*days.counts, strict=True))
    of_days = phase_of_days(log, days)
    shared = {
        v: _overlap(by_variant[0], counts, of_days) for v, counts in zip(log.variants[1:], by_variant[1:], strict=True)
    }
    least = min(shared, key=lambda v: shared[v])
    severity = (
        Severity.BLOCK
        if shared[least] < BLOCK_OVERLAP
        else Severity.WARN
        if shared[least] < WARN_OVERLAP
        else Severity.PASS
    )
    ran = {v: _span(days, counts) for v, counts in zip(log.variants, by_variant, strict=True)}
    data = {"overlap": shared, "days": ran}
    if severity is Severity.PASS:
        return [
            Finding(code="not_concurrent", severity=severity, message="The variants ran at the same time.", data=data)
        ]
    when = "; ".join(f"{v} from {days[0]} to {days[1]}" for v, days in ran.items() if days)
    return [
        Finding(
            code="not_concurrent",
            severity=severity,
            message=f"{log.variants[0]} and {least} share {shared[least] * 100:.0f} % of their days: {when}.",
            why="Whatever changed with the calendar (season, prices, campaigns) looks like an effect of the variant.",
            do="Run both at once and let chance decide who gets which.",
            data=data,
        )
    ]


def _overlap(first: Sequence[int], second: Sequence[int], phases: NDArray[np.int64]) -> float:
    """The overlap of two variants' days, phase by phase where they have phases: only within these are they compared."""
    pairs, parts = np.array([first, second]), np.unique(phases)
    found = [(pairs[:, phases == part].sum(), overlap(*pairs[:, phases == part].tolist())) for part in parts]
    compared = [(units, shared) for units, shared in found if shared > 0] or [(1, 0.0)]
    return float(math.fsum(units * shared for units, shared in compared) / sum(units for units, _ in compared))


def _span(days: Days, counts: Sequence[int]) -> list[str]:
    seen = [d for d, n in zip(days.days, counts, strict=True) if n]
    return [seen[0].isoformat(), seen[-1].isoformat()] if seen else []


def variant_follows(log: Log) -> list[Finding]:
    """A declared segment or covariate, or the day, determines the variant: groups are compared, not variants."""
    candidates = {name: f"s{j}" for j, name in enumerate(log.experiment.segments)}
    if log.experiment.time and len(log.days.days) > 1:
        candidates |= {log.experiment.time: "day"}
    for metric in log.metrics:
        covariates = log.columns[metric.name][-len(metric.covariates) :] if metric.covariates else ()
        candidates |= {c.text: c.name for c in covariates}
    if not candidates:
        return []
    findings = [f for name, column in candidates.items() if (f := _follows(log, name, column))]
    return findings or [
        Finding(code="variant_follows", severity=Severity.PASS, message="No declared column determines the variant.")
    ]


def _follows(log: Log, name: str, column: str) -> Finding | None:
    # Grouping a whole log by a number is dear; a first part of it acquits nearly every column.
    whole = log.relation
    if log.clusters:
        # A cluster has one variant, and may have one value: what counts is whether all clusters of a value share it.
        whole = f"(SELECT arm, {column} FROM {log.relation} GROUP BY cluster, arm, {column})"
    part = f"(SELECT arm, {column} FROM {whole} LIMIT {PART_ROWS})"
    for relation, slack in ((part, 10), (whole, 1)):
        values, units, majority, largest = log.engine.rows(
            "SELECT count(*), coalesce(sum(total), 0), coalesce(sum(most), 0), coalesce(max(total), 0) FROM "
            "(SELECT sum(n) AS total, max(n) AS most FROM "
            f"(SELECT {column} AS s, arm, count(*) AS n FROM {relation} GROUP BY ALL) GROUP BY s "
            f"HAVING total >= {UNITS_PER_VALUE})"
        )[0]
        if units - majority > slack * EXCEPTIONS * units:
            return None
    counts = log.clusters.counts if log.clusters else log.units
    total = sum(counts)
    if values < 2 or units < total / 2 or max(*counts, largest) >= (1 - EXCEPTIONS) * total:
        return None
    return Finding(
        code="variant_follows",
        severity=Severity.BLOCK,
        message=f"{name!r} determines the variant: each of its {values:,} values has one variant only.",
        why=f"The comparison is one between values of {name!r}; what the variant did cannot be told apart from it.",
        do="Randomise within each value, or make that column the unit if it is what was randomised.",
        data={"column": name, "values": values, "units": int(units)},
    )
