"""The few units that weigh most in a mean."""

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.summarise.summary import Floats, Moments

# A unit that holds less of its variant's centred sum of squares moves the mean by under a tenth of its standard error.
SHARE = 0.01


def extremes(engine: Engine, relation: str, column: Column, moments: tuple[Moments, ...]) -> tuple[Floats, ...]:
    """For each variant, the values of `column` that hold at least `SHARE` of its centred sum of squares.

    There can be no more than 1 / `SHARE` of them, and the column's extremes tell without a scan when there are none.
    """
    centre = [float(m.mean[0]) for m in moments]
    reach = [float(np.sqrt(SHARE * m.second[0, 0])) for m in moments]
    possible = [
        (arm, c, r)
        for arm, (c, r) in enumerate(zip(centre, reach, strict=True))
        if r > 0 and (column.high - c >= r or c - column.low >= r)
    ]
    found: list[list[float]] = [[] for _ in moments]
    if possible:
        # What every such value exceeds, said so plainly that whole blocks of a file need not be read.
        low, high = max(c - r for _, c, r in possible), min(c + r for _, c, r in possible)
        outer = f"{column.name} >= {high!r}" + (f" OR {column.name} <= {low!r}" if column.low <= low else "")
        condition = " OR ".join(f"(arm = {arm} AND abs({column.name} - {c!r}) >= {r!r})" for arm, c, r in possible)
        where = f"({outer}) AND ({condition})"
        for arm, value in engine.rows(f"SELECT arm, {column.name} FROM {relation} WHERE {where} ORDER BY ALL"):
            found[arm].append(value)
    return tuple(np.array(values) for values in found)
