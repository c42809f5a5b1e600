"""Whether the variants reach each other through others that meet units of both: customers, shops, drivers."""

from abimpact.findings import Finding, Severity
from abimpact.read.log import Log
from abimpact.read.reading import ARM
from abimpact.spec.expression import quote

# Shares of rows whose other met both variants: worth a warning, and too many to turn an effect into money.
SOME, LARGE = 0.01, 0.1


def interference(log: Log) -> list[Finding]:
    """How many values of the column `met_by` met several variants."""
    by = log.experiment.met_by
    if by is None:
        return []
    name = quote(by)
    others, both, rows, rows_both = log.engine.rows(
        "SELECT count(*), count_if(lo <> hi), coalesce(sum(n), 0), coalesce(sum(n) FILTER (lo <> hi), 0) FROM "
        f"(SELECT count(*) AS n, min({ARM}) AS lo, max({ARM}) AS hi FROM {log.raw} "
        f"WHERE {ARM} IS NOT NULL AND {name} IS NOT NULL GROUP BY {name})"
    )[0]
    share = int(rows_both) / int(rows) if rows else 0.0
    data = {
        "by": by,
        "others": others,
        "met_both": both,
        "share": both / others if others else 0.0,
        "rows": int(rows),
        "rows_share": share,
        "is_large": share > LARGE,
    }
    seen = f"{both:,} of {others:,} values of {by!r} met both variants, in {share * 100:.2g} % of the rows."
    if share <= SOME:
        return [Finding(code="interference", severity=Severity.PASS, message=seen, data=data)]
    why = "What one variant does to them reaches the other, so the difference is not that of all on one or the other."
    if share > LARGE:
        why += " With so many, no money is computed from it."
    return [
        Finding(
            code="interference",
            severity=Severity.WARN,
            message=seen,
            why=why,
            do=f"Randomise groups that do not meet, and name them with --cluster; or randomise {by!r} itself.",
            data=data,
        )
    ]
