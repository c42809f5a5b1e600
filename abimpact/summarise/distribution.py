"""How a metric's values are spread in each variant: counts in common bins, for a picture."""

import math
from dataclasses import dataclass

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.summarise.summary import Moments

BINS = 40
# From this skewness on, values that are never negative are shown on a logarithmic scale, zeros apart.
SKEWED = 2.0
# How many standard deviations from the mean an even scale reaches; what lies beyond is counted at its ends.
REACH = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Units by value: `counts` has a tuple a variant, incumbent first, with one number for each of the bins.

    `edges` are the bins' limits, one more than bins. On a scale that `is_log` units with the value 0 are not in a bin
    but in `zeros`; on an even one the first and the last bin hold what lies beyond them too.
    """

    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    zeros: tuple[int, ...]
    is_log: bool


def scan_distribution(
    engine: Engine, relation: str, column: Column, moments: tuple[Moments, ...]
) -> Distribution | None:
    """The distribution of a column with its first `moments` by variant; None where nothing varies."""
    pooled = sum(moments[1:], start=moments[0])
    if pooled.n < 2 or pooled.second[0, 0] <= 0:
        return None
    name, mean, sd = column.name, float(pooled.mean[0]), math.sqrt(float(pooled.covariance[0, 0]))
    is_log = column.low >= 0 and float(pooled.third[0, 0, 0]) / pooled.n > SKEWED * sd**3
    if is_log:
        least = float(engine.rows(f"SELECT min({name}) FROM {relation} WHERE {name} > 0")[0][0])
        low, high, number = math.log(least), math.log(column.high), f"ln({name})"
    else:
        low, high, number = max(column.low, mean - REACH * sd), min(column.high, mean + REACH * sd), name
    if not high > low:
        return None
    place = f"floor(({number} - {low!r}) * {BINS / (high - low)!r})"
    condition = f"{name} > 0" if is_log else f"{name} IS NOT NULL"
    table = engine.query(
        f"SELECT arm, CAST(least(greatest({place}, 0), {BINS - 1}) AS INTEGER) AS bin, count(*) AS n "
        f"FROM {relation} WHERE {condition} GROUP BY arm, bin"
    )
    counts = np.zeros((len(moments), BINS), dtype=int)
    counts[np.asarray(table["arm"], dtype=int), np.asarray(table["bin"], dtype=int)] = np.asarray(table["n"])
    edges = np.linspace(low, high, BINS + 1)
    return Distribution(
        edges=tuple((np.exp(edges) if is_log else edges).tolist()),
        counts=tuple(tuple(row) for row in counts.tolist()),
        zeros=tuple(int(m.n - row.sum()) if is_log else 0 for m, row in zip(moments, counts, strict=True)),
        is_log=is_log,
    )
