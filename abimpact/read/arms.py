"""Which rows are whose: derived columns, the filter, and the variants that are compared."""

from abimpact.errors import DataError, UsageError
from abimpact.read.log import RowCounts
from abimpact.read.reading import ARM, PLACE, Reading
from abimpact.spec.expression import literal, quote
from abimpact.spec.variants import resolve_variants

# What the units of a log without variants are called.
ALL = "all"


def assign_arms(reading: Reading) -> tuple[tuple[str, ...], RowCounts, tuple[str, ...]]:
    """Make the view `rows` (derived columns, filter, arm) and settle which variants are compared."""
    experiment, engine, loaded = reading.experiment, reading.engine, reading.loaded
    relation = f"(SELECT *, {loaded.order} AS {PLACE} FROM {loaded.relation})"
    for name, expression in experiment.derive.items():
        relation = f"(SELECT *, {expression.sql} AS {quote(name)} FROM {relation})"
    if experiment.where:
        relation = f"(SELECT * FROM {relation} WHERE {experiment.where.sql})"
    # A log of what was before any test has no column of variants: all of it is one.
    name_sql = f"CAST({quote(experiment.variant)} AS VARCHAR)" if experiment.variant else literal(ALL)
    counts, with_unit = _rows_by_variant(reading, relation, name_sql)
    kept = sum(counts.values())
    read = engine.rows(f"SELECT count(*) FROM {loaded.relation}")[0][0] if experiment.where else kept
    if not kept:
        raise DataError(
            f"The log has {read:,} rows" + (" and the filter --where keeps none." if read else "."),
            "Loosen the filter." if read else "Check the export that wrote it.",
        )
    missing = counts.pop("", 0)
    if experiment.is_history and len(counts) == 1:
        variants: tuple[str, ...] = tuple(counts)
        guesses: tuple[str, ...] = ()
    else:
        incumbent, proposed, guesses = resolve_variants(counts, experiment.incumbent, experiment.proposed)
        variants = (incumbent, *proposed)
    if experiment.split and len(experiment.split) != len(variants):
        raise UsageError(
            f"--split has {len(experiment.split)} parts for {len(variants)} variants ({', '.join(variants)}).",
            "Give one number a variant, the incumbent's first.",
        )
    cases = " ".join(f"WHEN {literal(v)} THEN {i}" for i, v in enumerate(variants))
    engine.execute(
        f"CREATE TEMP VIEW rows AS SELECT *, CAST(CASE {name_sql} {cases} END AS TINYINT) AS {ARM} FROM {relation}"
    )
    unknown = {name: n for name, n in counts.items() if name not in variants}
    found = RowCounts(
        read=read,
        kept=kept,
        missing_variant=missing,
        missing_unit=sum(counts[v] - with_unit[v] for v in variants),
        compared=sum(with_unit[v] for v in variants),
        unknown=unknown,
    )
    return variants, found, guesses


def _rows_by_variant(reading: Reading, relation: str, name_sql: str) -> tuple[dict[str, int], dict[str, int]]:
    """Rows, and rows with a unit, by the variant's text; those without a variant under the empty text."""
    rows: dict[str, int] = {}
    with_unit: dict[str, int] = {}
    unit = reading.unit if reading.experiment.unit else "*"
    group = quote(reading.experiment.variant) if reading.experiment.variant else "ALL"
    query = f"SELECT {name_sql}, count(*), count({unit}) FROM {relation} GROUP BY {group}"
    for name, n, n_units in sorted(reading.engine.rows(query), key=lambda row: row[0] or ""):
        rows[name or ""] = rows.get(name or "", 0) + n
        with_unit[name or ""] = with_unit.get(name or "", 0) + n_units
    return rows, with_unit
