"""One scan that finds out about each number column what the later scans need to know."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from abimpact.read.engine import Engine
from abimpact.read.log import Column

# Bits to which a centre is rounded: few, so that whole numbers stay exact when it is subtracted from them.
CENTRE_BITS = 10


@dataclass(frozen=True, slots=True)
class Term:
    """A number that some metric needs: SQL over the log's columns, what the user wrote, its part in the metric."""

    sql: str
    text: str
    is_covariate: bool
    missing_is_zero: bool


def profile(
    engine: Engine, relation: str, terms: Sequence[Term], n_variants: int
) -> tuple[tuple[int, ...], tuple[Column, ...]]:
    """Units per variant and one `Column` a term, from columns `r0…` of `relation` (one row per unit)."""
    parts = ["arm", "count(*)"]
    for i in range(len(terms)):
        finite = f"FILTER (isfinite(r{i}))"
        parts += [
            f"count(r{i})",
            f"count(*) {finite}",
            f"count_if(isfinite(r{i}) AND r{i} <> 0 AND r{i} <> 1)",
            f"count_if(isfinite(r{i}) AND r{i} <> floor(r{i}))",
            *(f"{f}(r{i}) {finite}" for f in ("min", "max", "avg")),
        ]
    found = {row[0]: row[1:] for row in engine.rows(f"SELECT {', '.join(parts)} FROM {relation} GROUP BY arm")}
    empty = (0,) + (0, 0, 0, 0, None, None, None) * len(terms)
    arms = [found.get(arm, empty) for arm in range(n_variants)]
    units = tuple(int(row[0]) for row in arms)
    columns = tuple(_column(i, term, [(row[0], *row[1 + 7 * i : 8 + 7 * i]) for row in arms]) for i, term in enumerate(terms))
    return units, columns


def _column(index: int, term: Term, arms: Sequence[tuple]) -> Column:  # type: ignore[type-arg]
    filled = [a for a in arms if a[2]]
    n_missing = tuple(a[0] - a[1] for a in arms)
    zero = term.missing_is_zero and any(n_missing)
    low = min((a[5] for a in filled), default=0.0)
    high = max((a[6] for a in filled), default=0.0)
    n_finite = sum(a[2] for a in filled)
    mean = sum(a[7] * a[2] for a in filled) / n_finite if n_finite else 0.0
    return Column(
        name=f"v{index}",
        text=term.text,
        missing=n_missing,
        nonfinite=tuple(a[1] - a[2] for a in arms),
        low=min(low, 0.0) if zero else low,
        high=max(high, 0.0) if zero else high,
        centre=_centre(low, mean, high),
        is_binary=not any(a[3] for a in arms),
        is_whole=not any(a[4] for a in arms),
        indicator=f"v{index}_missing" if term.is_covariate and sum(a[0] - a[2] for a in arms) else None,
    )


def _centre(low: float, mean: float, high: float) -> float:
    """`mean` on a grid of powers of two, about a thousandth of the values' range apart."""
    if low == high:
        return low
    grid = 2.0 ** (math.frexp(high - low)[1] - CENTRE_BITS)
    return round(mean / grid) * grid


def canonical_sql(columns: Sequence[Column], terms: Sequence[Term]) -> list[str]:
    """Select expressions that make the canonical columns `v0…` of finite numbers or nulls from `r0…`.

    A missing covariate is 0 with an indicator beside it, so that its unit is never dropped (methods.md d).
    """
    selected = []
    for i, (column, term) in enumerate(zip(columns, terms, strict=True)):
        finite = f"CASE WHEN isfinite(r{i}) THEN r{i} END" if any(column.nonfinite) else f"r{i}"
        if column.indicator:
            selected.append(f"CAST({finite} IS NULL AS DOUBLE) AS {column.indicator}")
        fill = column.indicator or term.missing_is_zero
        if fill and term.missing_is_zero:
            # A null means zero by declaration; a value that is not finite stays missing.
            finite = f"CASE WHEN r{i} IS NULL THEN 0.0 ELSE {finite} END"
        elif fill:
            finite = f"coalesce({finite}, 0.0)"
        selected.append(f"{finite} AS {column.name}")
    return selected
