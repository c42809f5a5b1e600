"""Thresholds worth trying: order statistics of a score, dense where few rows lie above, found without a sort."""

from collections.abc import Sequence

import numpy as np

from abimpact.errors import DataError
from abimpact.read.engine import Engine
from abimpact.read.log import Column
from abimpact.summarise.quantiles import ranks

# A score with at most so many values is tried at every one of them.
FEW = 200
# Shares of rows above a threshold: so many evenly spread, so many by powers down to the last rows.
EVEN, POWERS, FEWEST = 50, 110, 10


def grid(engine: Engine, relation: str, name: str) -> tuple[float, ...]:
    """Rising thresholds of the score `name` of `relation`; the first one is its least value."""
    values = [row[0] for row in engine.rows(f"SELECT DISTINCT {name} FROM {relation} LIMIT {FEW + 1}")]
    if len(values) <= FEW:
        return tuple(sorted(values))
    n, low, high = engine.rows(f"SELECT count(*), min({name}), max({name}) FROM {relation}")[0]
    above = {round(n * share) for share in np.linspace(0.02, 0.98, EVEN)}
    above |= {round(x) for x in np.geomspace(min(FEWEST, n), n / 2, POWERS)}
    wanted = sorted({n - k + 1 for k in above if 1 <= k <= n})
    found = ranks(engine, relation, _column(name, low, high), [wanted])[0].values
    return tuple(sorted({low, *found.values(), high}))


def _column(name: str, low: float, high: float) -> Column:
    """A column of finite numbers between two."""
    return Column(
        name=name, text=name, missing=(0,), nonfinite=(0,), low=low, high=high, centre=0.0, is_binary=False,
        is_whole=False,
    )  # fmt: skip


def ranked(engine: Engine, relation: str, name: str, groups: int) -> tuple[float, ...]:
    """The values of a score that part `relation` into about equal `groups`."""
    values = [row[0] for row in engine.rows(f"SELECT DISTINCT {name} FROM {relation} LIMIT {groups + 1}")]
    if len(values) <= groups:
        return tuple(sorted(values))
    n, low, high = engine.rows(f"SELECT count(*), min({name}), max({name}) FROM {relation}")[0]
    wanted = sorted({max(n * i // groups, 1) for i in range(1, groups)})
    return tuple(sorted(set(ranks(engine, relation, _column(name, low, high), [wanted])[0].values.values())))


def place_sql(name: str, thresholds: Sequence[float]) -> str:
    """SQL of how many of the rising `thresholds` a score reaches, by bisection."""
    if not thresholds:
        return "0"

    def nested(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        return (
            f"CASE WHEN {name} < {thresholds[middle]!r} THEN {nested(low, middle)} ELSE {nested(middle + 1, high)} END"
        )

    return nested(0, len(thresholds))


def check_score(engine: Engine, relation: str, name: str, what: str) -> None:
    """DataError for a score that cannot order anything."""
    low, high = engine.rows(f"SELECT min({name}), max({name}) FROM {relation}")[0]
    if low == high:
        raise DataError(f"The score {what!r} is {low:g} in every row.", "Name another column, or give a threshold.")
