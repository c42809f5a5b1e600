"""Order statistics without sorting a column: count in bins, then look into the few bins that matter."""

from collections.abc import Sequence

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.summarise.summary import Ranks

BINS = 4096


def ranks(engine: Engine, relation: str, column: Column, wanted: Sequence[Sequence[int]]) -> tuple[Ranks, ...]:
    """For each variant, the values of `column` at the 1-based ranks `wanted` among its units with a value."""
    width = (column.high - column.low) / BINS
    name = column.name
    bin_sql = f"CAST(least(floor(({name} - {column.low!r}) / {width!r}), {BINS - 1}) AS INTEGER)" if width else "0"
    table = engine.query(
        f"SELECT arm, {bin_sql} AS bin, count(*) AS n FROM {relation} WHERE {name} IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    arms, bins, counts = (np.asarray(table[c], dtype=np.int64) for c in ("arm", "bin", "n"))
    found = []
    for arm, its_ranks in enumerate(wanted):
        mine = arms == arm
        below = np.cumsum(counts[mine]) - counts[mine]
        places = {r: int(np.searchsorted(below, r, side="left")) - 1 for r in its_ranks}
        values = {
            rank: _value(
                engine,
                f"SELECT {name} AS v FROM {relation} WHERE arm = {arm} AND {bin_sql} = {bins[mine][at]}",
                rank - int(below[at]),
            )
            for rank, at in places.items()
        }
        found.append(Ranks(int(counts[mine].sum()), values))
    return tuple(found)


def _value(engine: Engine, values_sql: str, rank: int) -> float:
    """The value at a 1-based rank of a query's values, ties counted once."""
    return float(
        engine.rows(
            "SELECT v FROM (SELECT v, sum(count(*)) OVER (ORDER BY v) AS up_to FROM "
            f"({values_sql}) GROUP BY v) WHERE up_to >= {rank} ORDER BY v LIMIT 1"
        )[0][0]
    )
