"""Order statistics without sorting a column: count in bins, look closer where many values share one, fetch the rest."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.summarise.summary import Floats, Ranks

BINS = 4096
# Values that may be fetched at once for one rank; more are counted in finer bins first.
FETCHED = 100_000
# From an engine elsewhere, hardly any.
FETCHED_FROM_AFAR = 500


@dataclass(frozen=True, slots=True)
class _Slice:
    """The values of variant `arm` from `low` to `high`, both taken; `below` of its values are smaller."""

    arm: int
    low: float
    high: float
    below: int
    count: int


def ranks(engine: Engine, relation: str, column: Column, wanted: Sequence[Sequence[int]]) -> tuple[Ranks, ...]:
    """For each variant, the values of `column` at the 1-based ranks `wanted` among its units with a value."""
    name = column.name
    histogram = _histogram(engine, relation, name, f"{name} IS NOT NULL", column.low, column.high)
    slices = {(arm, rank): _holding(histogram, arm, rank) for arm, its in enumerate(wanted) for rank in its}
    most = FETCHED_FROM_AFAR if engine.is_remote else FETCHED
    while large := {s for s in slices.values() if s.low < s.high and s.count > most}:
        finer = {s: _histogram(engine, relation, name, _condition(name, [s]), s.low, s.high, s.below) for s in large}
        slices = {(arm, rank): _holding(finer[s], arm, rank) if s in large else s for (arm, rank), s in slices.items()}
    fetched = _fetch(engine, relation, name, {s for s in slices.values() if s.low < s.high})
    return tuple(
        Ranks(
            sum(s.count for s in histogram if s.arm == arm),
            {rank: _value(slices[arm, rank], fetched, rank) for rank in its},
        )
        for arm, its in enumerate(wanted)
    )


def _histogram(
    engine: Engine, relation: str, name: str, condition: str, low: float, high: float, below: int = 0
) -> list[_Slice]:
    """The non-empty bins of each variant's values in order, when `below` values are smaller than all of them."""
    # Halved before the difference is taken, which may overflow; never 0, by which nothing can be divided.
    width = max((high / 2 - low / 2) / (BINS / 2), math.ulp(0.0))
    table = engine.query(
        f"SELECT arm, CAST(least(floor(({name} - {low!r}) / {width!r}), {BINS - 1}) AS INTEGER) AS bin, "
        f"count(*) AS n, min({name}) AS low, max({name}) AS high FROM {relation} WHERE {condition} "
        "GROUP BY ALL ORDER BY arm, bin"
    )
    found: list[_Slice] = []
    for arm, n, its_low, its_high in zip(*(table[c].tolist() for c in ("arm", "n", "low", "high")), strict=True):
        last = found[-1] if found and found[-1].arm == arm else None
        found.append(_Slice(arm, its_low, its_high, last.below + last.count if last else below, n))
    return found


def _holding(histogram: Iterable[_Slice], arm: int, rank: int) -> _Slice:
    return next(s for s in histogram if s.arm == arm and s.below < rank <= s.below + s.count)


def _condition(name: str, slices: Iterable[_Slice]) -> str:
    return " OR ".join(f"(arm = {s.arm} AND {name} BETWEEN {s.low!r} AND {s.high!r})" for s in slices)


def _fetch(engine: Engine, relation: str, name: str, slices: set[_Slice]) -> dict[int, Floats]:
    """The sorted values in any of the slices, by variant."""
    if not slices:
        return {}
    table = engine.query(f"SELECT arm, {name} AS v FROM {relation} WHERE {_condition(name, slices)}")
    return {s.arm: np.sort(np.asarray(table["v"], dtype=float)[table["arm"] == s.arm]) for s in slices}


def _value(holding: _Slice, fetched: dict[int, Floats], rank: int) -> float:
    if holding.low == holding.high:
        return holding.low
    values = fetched[holding.arm]
    return float(values[np.searchsorted(values, holding.low) + rank - holding.below - 1])
