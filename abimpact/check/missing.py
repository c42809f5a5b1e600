"""Are values missing or unusable, and more often in one variant?"""

from collections.abc import Sequence

import numpy as np

from abimpact.check.split import SMALLEST_PVALUE
from abimpact.findings import Finding, Severity, by_chance
from abimpact.read.log import Column, Log

ATTRITION_BELOW = 0.01


def shares_differ(missing: Sequence[int], units: Sequence[int]) -> float | None:
    """P-value of Pearson's chi-square test that the shares of missing values are equal; None if it has no cells."""
    from scipy.special import chdtrc

    table = np.array([missing, np.subtract(units, missing)], dtype=float)
    if (table.sum(axis=1) == 0).any() or (table.sum(axis=0) == 0).any():
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return max(float(chdtrc(len(units) - 1, ((table - expected) ** 2 / expected).sum())), SMALLEST_PVALUE)


def _outcomes(log: Log) -> list[tuple[str, Column]]:
    """Each metric's name with its outcome columns; covariates are handled by the adjustment."""
    return [
        (metric.name, column)
        for metric in log.metrics
        for column in log.columns[metric.name][: 1 + (metric.denominator is not None)]
    ]


def missing_values(log: Log) -> list[Finding]:
    """Units without a value, by metric and variant: a difference between variants is attrition."""
    zero = {m.name for m in log.metrics if m.missing_is_zero}
    findings = [_missing(log, name, column, name in zero) for name, column in _outcomes(log) if any(column.missing)]
    return findings or [Finding(code="missing_values", severity=Severity.PASS, message="No metric has missing values.")]


def _missing(log: Log, name: str, column: Column, is_zero: bool) -> Finding:
    counts = dict(zip(log.variants, column.missing, strict=True))
    # In clusters values go missing together, which this test takes as independent.
    pvalue = None if log.clusters else shares_differ(column.missing, log.units)
    listed = ", ".join(f"{n:,} of {u:,} {v}" for (v, n), u in zip(counts.items(), log.units, strict=True))
    done = "count as zero, as declared" if is_zero else "are left out of it"
    is_uneven = pvalue is not None and pvalue < ATTRITION_BELOW
    test = f" ({by_chance(pvalue)})" if pvalue is not None else ""
    return Finding(
        code="missing_values",
        severity=Severity.WARN if is_uneven else Severity.INFO,
        message=f"{name}: units without {column.text!r} {done}: {listed}{test}.",
        why="Values get lost more often in one variant, so those that are left are not comparable."
        if is_uneven
        else "",
        do="Find the loss; if no value means zero, say --missing zero." if is_uneven else "",
        data={"metric": name, "missing": counts, "pvalue": pvalue, "counted_as_zero": is_zero},
    )


def capped(log: Log) -> list[Finding]:
    """Values beyond a declared quantile, which count as that quantile: how many in each variant."""
    findings = []
    for name, cap in log.caps.items():
        counts = dict(zip(log.variants, cap.units, strict=True))
        pvalue = shares_differ(cap.units, log.units)
        listed = ", ".join(f"{n:,} of {u:,} {v}" for (v, n), u in zip(counts.items(), log.units, strict=True))
        findings.append(
            Finding(
                code="capped",
                severity=Severity.INFO,
                message=f"{name}: values beyond {cap.value:,.6g} count as that: {listed}.",
                why="The mean of capped values is another question than the mean of all.",
                data={"metric": name, "cap": cap.value, "units": counts, "pvalue": pvalue},
            )
        )
    return findings


def nonfinite_values(log: Log) -> list[Finding]:
    """Values that are NaN or infinite: no mean can hold them."""
    findings = [
        Finding(
            code="nonfinite_values",
            severity=Severity.WARN,
            message=f"{name}: {sum(column.nonfinite):,} values of {column.text!r} are NaN or infinite, and left out.",
            why="They come from a division by zero or an overflow before the log was written.",
            do="Correct the export, or say in an expression what such a value means.",
            data={"metric": name, "rows": sum(column.nonfinite)},
        )
        for name, column in _outcomes(log)
        if any(column.nonfinite)
    ]
    return findings or [
        Finding(code="nonfinite_values", severity=Severity.PASS, message="All values are finite numbers.")
    ]
