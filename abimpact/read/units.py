"""From rows to units: who was met in several variants, who has several rows, and one row for each."""

from collections.abc import Sequence

from abimpact.read.engine import Engine
from abimpact.read.log import UnitCounts
from abimpact.spec.experiment import SeveralRows

AGGREGATES = {
    SeveralRows.SUM: "fsum({})",
    SeveralRows.MEAN: "favg({})",
    SeveralRows.MAX: "max({})",
    SeveralRows.MIN: "min({})",
}


def count_units(engine: Engine, relation: str, rule: SeveralRows | None) -> UnitCounts:
    """Count the units of `relation` (columns `unit`, `arm`) that repeat or were met in several variants."""
    per_unit = f"SELECT count(*) AS rows, min(arm) <> max(arm) AS is_in_both FROM {relation} GROUP BY unit"
    total, in_both, in_both_rows, repeated, extra_rows = engine.rows(
        "SELECT count(*), count_if(is_in_both), coalesce(sum(rows) FILTER (is_in_both), 0), "
        "count_if(rows > 1 AND NOT is_in_both), coalesce(sum(rows - 1) FILTER (NOT is_in_both), 0) "
        f"FROM ({per_unit})"
    )[0]
    return UnitCounts(
        total=total,
        in_both=in_both,
        in_both_rows=int(in_both_rows),
        repeated=repeated,
        extra_rows=int(extra_rows),
        rule=(rule or SeveralRows.FIRST) if repeated else None,
    )


def collapse(relation: str, rule: SeveralRows, outcomes: Sequence[str], attributes: Sequence[str]) -> str:
    """SQL that gives one row per unit of `relation`, without the units met in several variants.

    `outcomes` follow `rule`; `attributes` (covariates, segments, day) are those of the first row, by time (column
    `moment`) if there is one. A row without a time comes after those with one. Among rows of one time the place in the
    file (column `place`) tells which is first or last, where that is the rule; other rules know no order of rows, and
    then the values do.
    """
    by_rule = rule in AGGREGATES
    whole = [*([] if by_rule else outcomes), *attributes]
    packed = ", ".join(f"{c} := {c}" for c in whole)
    # A struct is never null, so that the picked row's own nulls are kept; in the order of structs nulls are last.
    ties = ", ".join(f"v{i} := {c}" for i, c in enumerate(attributes if by_rule else ["place"]))
    first = f"arg_min(struct_pack({{}}), struct_pack(t := moment, {ties}))"
    last = "arg_max(struct_pack({}), struct_pack(k := moment IS NOT NULL, t := moment, p := place))"
    row = f", {(last if rule is SeveralRows.LAST else first).format(packed)} AS picked" if whole else ""
    unpacked = "".join(f", picked.{c} AS {c}" for c in whole)
    kept = "".join(f", {c}" for c in outcomes) if by_rule else ""
    return (
        f"SELECT arm{kept}{unpacked} FROM (SELECT min(arm) AS arm{_sums(rule, outcomes)}{row} FROM {relation} "
        "GROUP BY unit HAVING min(arm) = max(arm))"
    )


def collapse_elsewhere(relation: str, rule: SeveralRows, outcomes: Sequence[str], attributes: Sequence[str]) -> str:
    """What `collapse` gives, in SQL that every engine has; DuckDB takes a sixth longer for it.

    Rows of one time are ordered by their values, as they have no place there: every run takes the same one.
    """
    whole = [*([] if rule in AGGREGATES else outcomes), *attributes]
    direction = " DESC" if rule is SeveralRows.LAST else ""
    order = ", ".join(f"{c}{direction} NULLS LAST" for c in ("moment", *whole))
    turn = f", row_number() OVER (PARTITION BY unit ORDER BY {order}) AS turn" if whole else ""
    picked = "".join(f", max(CASE WHEN turn = 1 THEN {c} END) AS {c}" for c in whole)
    return (
        f"SELECT min(arm) AS arm{_sums(rule, outcomes)}{picked} FROM (SELECT *{turn} FROM {relation}) "
        "GROUP BY unit HAVING min(arm) = max(arm)"
    )


def _sums(rule: SeveralRows, outcomes: Sequence[str]) -> str:
    return "".join(f", {AGGREGATES[rule].format(c)} AS {c}" for c in outcomes) if rule in AGGREGATES else ""
