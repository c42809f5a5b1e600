"""What a reader must know of the rows before believing a difference."""

from collections.abc import Sequence

from abimpact.backtest.pay import Priced
from abimpact.backtest.result import Outcome
from abimpact.backtest.rows import LEFT_OUT, Rows
from abimpact.findings import Finding, Severity
from abimpact.spec.backtest import Backtest

# Fewer effective rows, or a row with a larger share of all weight: a warning, and no estimate to build on.
FEW_EFFECTIVE, HEAVY = 200.0, 0.01
TOO_FEW_EFFECTIVE, TOO_HEAVY = 30.0, 0.05
# Rows left out beyond this share want a look.
MANY_LEFT_OUT = 0.05
# So few disagreements say little.
FEW_DISAGREEMENTS = 30


def why_none(rows: Rows) -> str:
    """Why not one row can be used."""
    worst = max(rows.left_out, key=lambda code: rows.left_out[code], default="")
    return f"{rows.left_out[worst]:,} have {LEFT_OUT[worst]}." if worst else "The log is empty."


def check_rows(rows: Rows, asked: Backtest, priced: Priced) -> list[Finding]:
    """Rows left out, units with several rows, copies, and what rests on too few disagreements."""
    found = [_left_out(rows)]
    if rows.outside:
        found.append(
            Finding(
                code="assumed",
                severity=Severity.INFO,
                message=f"{rows.outside:,} rows are of days outside those that count.",
                why="from and to in [data] leave them out.",
                do="Nothing, if that is meant.",
                data={"rows": rows.outside},
            )
        )
    if rows.repeated:
        found.append(
            Finding(
                code="several_rows",
                severity=Severity.INFO,
                message=f"{rows.repeated:,} of {rows.units:,} units have several rows.",
                why="Their differences are added up, and intervals are over units, since rows of one unit are alike.",
                do="Nothing, if a unit may be decided on several times.",
                data={"units": rows.repeated, "rows": rows.rows},
            )
        )
    if rows.duplicates:
        found.append(
            Finding(
                code="duplicate_rows",
                severity=Severity.WARN,
                message=f"{rows.duplicates:,} rows are exact copies of another row of their unit.",
                why="If they are copies and not repetitions, their decisions count twice.",
                do="Look at how the log was joined; remove copies.",
                data={"rows": rows.duplicates},
            )
        )
    if priced.lacks_other_payoff:
        found.append(
            Finding(
                code="wrong_labels",
                severity=Severity.INFO,
                message=f"{priced.lacks_other_payoff:,} rows lack an amount that their decision would earn with the "
                "other outcome.",
                why="What wrong outcomes would change can't be computed from them.",
                do="Give payoffs that have a value for every row to see it.",
                data={"rows": priced.lacks_other_payoff},
            )
        )
    found += [
        Finding(
            code="assumed", severity=Severity.INFO, message=said, why="It is part of every amount here.", do="Check it."
        )
        for said in (*asked.assumed, *rows.guesses)
    ]
    return found


def _left_out(rows: Rows) -> Finding:
    total = sum(rows.left_out.values())
    if not total:
        return Finding(
            code="missing_values", severity=Severity.PASS, message="Every row could be used.", data={"rows": 0}
        )
    told = ", ".join(f"{n:,} with {LEFT_OUT[code]}" for code, n in rows.left_out.items())
    return Finding(
        code="missing_values",
        severity=Severity.WARN if total > MANY_LEFT_OUT * (rows.rows + total) else Severity.INFO,
        message=f"{total:,} of {rows.rows + total:,} rows were left out: {told}.",
        why="The difference is about the other rows.",
        do="Find out why they lack it.",
        data={"rows": total, **rows.left_out},
    )


def check_overlap(outcomes: Sequence[Outcome]) -> list[Finding]:
    """Whether weights rest on enough rows (Kish's effective sample size, the largest weight)."""
    found = []
    for outcome in outcomes:
        o = outcome.overlap
        if o is None:
            continue
        is_weak = o.effective < FEW_EFFECTIVE or o.largest_share > HEAVY
        is_none = o.effective < TOO_FEW_EFFECTIVE or o.largest_share > TOO_HEAVY
        severity = Severity.BLOCK if is_none else Severity.WARN if is_weak else Severity.PASS
        found.append(
            Finding(
                code="overlap",
                severity=severity,
                message=f"{outcome.name}: {o.rows:,} rows speak for it, worth {o.effective:,.0f} of equal weight; the "
                f"largest weight is {o.largest:,.1f}, {o.largest_share:.1%} of all.",
                why="" if severity is Severity.PASS else "A few rows decide the estimate, so its interval is too sure.",
                do="" if severity is Severity.PASS else "Log more of what the proposed variant would do.",
                data={
                    "proposed": outcome.name,
                    "rows": o.rows,
                    "effective": o.effective,
                    "largest": o.largest,
                    "largest_share": o.largest_share,
                },
            )
        )
    return found
