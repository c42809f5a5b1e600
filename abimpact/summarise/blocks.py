"""All units, whatever their variant, dealt at random into small blocks: what is needed to randomise them again.

A random half of the blocks is a random half of the units, and its moments are sums of the blocks' sums, so a test is
randomised again at the price of a product of matrices. With B blocks the variance of a mean over random units is kept
to within a share of sqrt(2 / B); a log of fewer units than blocks has (nearly) every unit in a block of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abimpact.read.engine import Engine
from abimpact.read.log import Column, Log
from abimpact.summarise.scan import TERMS_PER_QUERY, Plan, moments_of, plan_of
from abimpact.summarise.summary import Floats, Moments

BLOCKS = 16_384
# Equal shares of the sorted values around a quantile that stand for them where ranks are dealt again, and how many
# standard errors of the quantile they reach to either side.
SHARES, REACH = 4_096, 12.0


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sums of every metric by block: `sums` (B, K) has a column for each of the SQL sums `names` that `plans` refer to.

    `units` (B,) counts the units of each block.
    """

    units: Floats
    plans: tuple[Plan, ...]
    names: tuple[str, ...]
    sums: Floats

    def moments(self, weights: Floats) -> list[tuple[Moments, ...]]:
        """For each row of `weights` (R, B), how often each block is taken: the moments of all metrics."""
        totals = weights @ self.sums
        return [
            tuple(moments_of(plan, found) for plan in self.plans)
            for found in (dict(zip(self.names, row, strict=True)) for row in totals.tolist())
        ]


def scan_blocks(log: Log, metrics: Sequence[Sequence[Column]], seed: int) -> Blocks:
    """The blocks of a log that keeps its units' names; another `seed` deals the units otherwise."""
    aggregates: dict[str, float] = {}
    plans = tuple(plan_of(columns, aggregates) for columns in metrics)
    block = f"CAST(hash(unit, {seed}) % {BLOCKS} AS INTEGER)"
    units = log.engine.query(
        f"SELECT {block} AS block, count(*) AS n FROM {log.relation} GROUP BY block ORDER BY block"
    )
    parts = list(aggregates.items())
    sums = np.empty((len(units["n"]), len(parts)))
    for start in range(0, len(parts), TERMS_PER_QUERY):
        chunk = parts[start : start + TERMS_PER_QUERY]
        selected = ", ".join(f"{sql} AS x{i}" for i, (sql, _) in enumerate(chunk))
        found = log.engine.query(
            f"SELECT {block} AS block, {selected} FROM {log.relation} GROUP BY block ORDER BY block"
        )
        for i, (_, factor) in enumerate(chunk):
            sums[:, start + i] = np.ma.filled(np.ma.asarray(found[f"x{i}"], dtype=float), 0.0) * factor
    return Blocks(np.asarray(units["n"], dtype=float), plans, tuple(aggregates), sums)


@dataclass(frozen=True, slots=True)
class Shares:
    """One column's sorted values in shares: `held` (S,) units in each, `edges` (S + 1,) from least to largest."""

    held: NDArray[np.int64]
    edges: Floats


def scan_shares(engine: Engine, relation: str, column: Column, quantile: float, smallest: float) -> Shares:
    """The shares of a column that has a value in at least one unit, fine around its `quantile`.

    They reach as far as the quantile of `smallest` units or its limits could ever lie.
    """
    name = column.name
    reach = REACH * math.sqrt(quantile * (1 - quantile) / max(smallest, 1.0))
    fine = np.linspace(max(quantile - reach, 0.0), min(quantile + reach, 1.0), SHARES + 1)
    levels = np.unique([0.0, *fine, 1.0])
    listed = ", ".join(map(repr, levels.tolist()))
    n, edges = engine.rows(
        f"SELECT count({name}), quantile_disc({name}, [{listed}]) FROM {relation} WHERE {name} IS NOT NULL"
    )[0]
    ranks = np.ceil(levels * int(n) - 1e-9).astype(np.int64)
    return Shares(np.diff(ranks), np.asarray(edges, dtype=float))
