"""All units, whatever their variant, dealt at random into small blocks: what is needed to randomise them again.

A random half of the blocks is a random half of the units, and its moments are sums of the blocks' sums, so a test is
randomised again at the price of a product of matrices. With B blocks the variance of a mean over random units is kept
to within a share of sqrt(2 / B); a log of fewer units than blocks has (nearly) every unit in a block of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abimpact.read.engine import Engine
from abimpact.read.log import Column, Log
from abimpact.summarise.scan import TERMS_PER_QUERY, Plan, moments_of, plan_of
from abimpact.summarise.summary import Floats, Moments

BLOCKS = 16_384
# Equal shares of a column's sorted values that stand for it where ranks are dealt again.
SHARES = 2_048


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
    """One column's sorted values in equal shares: `n` units, and `edges` (SHARES + 1,) from least to largest."""

    n: int
    edges: Floats


def scan_shares(engine: Engine, relation: str, column: Column) -> Shares:
    """The shares of a column that has a value in at least one unit."""
    levels = ", ".join(repr(i / SHARES) for i in range(SHARES + 1))
    n, edges = engine.rows(
        f"SELECT count({column.name}), quantile_disc({column.name}, [{levels}]) FROM {relation} "
        f"WHERE {column.name} IS NOT NULL"
    )[0]
    return Shares(int(n), np.asarray(edges, dtype=float))
