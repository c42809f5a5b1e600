"""What a score earns at every threshold, from sums by day and bin: found on one half of the rows, paid on the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from abimpact.backtest.capacity import Capacity
from abimpact.backtest.grid import grid, place_sql
from abimpact.estimate.estimate import Interval
from abimpact.read.engine import Engine
from abimpact.summarise.exact import exact_sum
from abimpact.summarise.summary import Floats

FOUND, PAID = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One threshold of a score, None: it acts on no row.

    `acts` are rows of the half that is paid; `per_unit` the difference on it with its pointwise interval, `found` the
    difference on the half that thresholds are found on (None where nothing is). `needed` is what the acts need of each
    limit on an average period, `fits` whether that is within all of them. `unlimited` is the difference as if there
    were no limits.
    """

    threshold: float | None
    acts: int
    share: float
    per_unit: Interval
    found: float | None
    unlimited: Interval
    needed: tuple[float, ...]
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """All points of one score in rising order of thresholds.

    `best` is the place of the best one as found, `best_unlimited` that of the best one as if there were no limits.
    """

    score: str
    points: tuple[Point, ...]
    best: int
    best_unlimited: int


def curve(
    engine: Engine, score: str, place: int, capacity: Capacity, *, fixed: float | None, level: float, is_halved: bool
) -> Curve:
    """The curve of the score in column `c<place>` of `gained`; a `fixed` threshold is one of its points."""
    name = f"c{place}"
    thresholds = grid(engine, "gained", name)
    if fixed is not None:
        thresholds = tuple(sorted({*thresholds, fixed}))
    sums = _Sums.scan(engine, place_sql(name, thresholds), len(thresholds), capacity)
    steps: list[float | None] = [*thresholds, None]
    paid, unlimited = sums.half(PAID, capacity), sums.half(PAID, Capacity((), ()))
    found, found_unlimited = (sums.half(FOUND, c) if is_halved else None for c in (capacity, Capacity((), ())))
    points = tuple(
        Point(
            threshold=threshold,
            acts=int(paid.acts[k]),
            share=float(paid.acts[k] / paid.n) if paid.n else 0.0,
            per_unit=paid.interval(k, level),
            found=None if found is None else float(found.mean[k]),
            unlimited=unlimited.interval(k, level),
            needed=tuple(float(x[k]) for x in paid.needed),
            fits=all(x[k] <= limit.at_most for x, limit in zip(paid.needed, capacity.limits, strict=True)),
        )
        for k, threshold in enumerate(steps)
    )
    best, best_unlimited = (
        _best(side.mean) for side in ((found, found_unlimited) if found and found_unlimited else (paid, unlimited))
    )
    return Curve(score=score, points=points, best=best, best_unlimited=best_unlimited)


def _best(means: Floats) -> int:
    """The place of the largest mean; of equal ones the highest threshold, which acts least."""
    return int(len(means) - 1 - np.argmax(means[::-1]))


@dataclass(frozen=True, slots=True)
class _Half:
    """Sums over one half for each threshold: rows, acts, the difference's mean and variance, needs of each limit."""

    n: int
    acts: Floats
    mean: Floats
    variance: Floats
    needed: tuple[Floats, ...]

    def interval(self, k: int, level: float) -> Interval:
        """The difference per row at one threshold, by Student's t."""
        mean = float(self.mean[k])
        if self.n < 2:
            return Interval(estimate=mean, low=None, high=None, level=level)
        half = float(stdtrit(self.n - 1, 0.5 + level / 2) * np.sqrt(self.variance[k] / self.n))
        return Interval(estimate=mean, low=mean - half, high=mean + half, level=level)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of rows by half, day and bin: `cells` (terms, halves, days, bins + 1), `fixed` (halves, 3): n, b, b squared.

    Terms are the count, g, g squared, b times g (b = v0 - vi: the difference where nothing is done), and what each
    limit would need.
    """

    cells: Floats
    fixed: Floats

    @classmethod
    def scan(cls, engine: Engine, place: str, size: int, capacity: Capacity) -> "_Sums":
        """One scan of `gained`."""
        row = engine.rows("SELECT max(abs(g)), max(abs(v0 - vi)) FROM gained")[0]
        g, b = (float(x or 0.0) for x in row)
        terms = [exact_sum("g", g), exact_sum("g * g", g * g), exact_sum("(v0 - vi) * g", b * g)]
        terms += [(f"fsum(l{j})", 1.0) for j in range(len(capacity.limits))]
        day = "day" if capacity.limits else "NULL"
        table = engine.query(
            f"SELECT half, {day} AS day, {place} AS bin, count(*) AS n, "
            + ", ".join(f"CAST({sql} AS DOUBLE) AS s{i}" for i, (sql, _) in enumerate(terms))
            + " FROM gained GROUP BY ALL"
        )
        days = {np.datetime64(d): i for i, d in enumerate(capacity.days)} if capacity.limits else {}
        at = [days[d] for d in table["day"].astype("datetime64[D]")] if days else np.zeros(len(table["n"]), dtype=int)
        cells = np.zeros((len(terms) + 1, 2, max(len(days), 1), size + 1))
        index = (np.asarray(table["half"], dtype=int), at, np.asarray(table["bin"], dtype=int))
        cells[(0, *index)] = table["n"]
        for i, (_, factor) in enumerate(terms):
            cells[(i + 1, *index)] = np.asarray(table[f"s{i}"], dtype=float) * factor
        sums = [exact_sum("v0 - vi", b), exact_sum("(v0 - vi) * (v0 - vi)", b * b)]
        fixed = np.zeros((2, 3))
        for half, n, first, second in engine.rows(
            f"SELECT half, count(*), {sums[0][0]}, {sums[1][0]} FROM gained GROUP BY half"
        ):
            fixed[half] = n, float(first or 0) * sums[0][1], float(second or 0) * sums[1][1]
        return cls(cells, fixed)

    def half(self, half: int, capacity: Capacity) -> _Half:
        """The sums of one half if acts beyond the limits are left undone."""
        # From the highest bin down: rows at or above each threshold, and none for the last step.
        above = np.flip(np.cumsum(np.flip(self.cells, axis=3), axis=3), axis=3)
        above = np.concatenate([above[..., 1:], np.zeros_like(above[..., :1])], axis=3)
        count, g, gg, bg = (above[i, half] for i in range(4))
        needed: Sequence[Floats] = [above[4 + j].sum(axis=0) for j in range(len(capacity.limits))]
        done = capacity.done(list(needed)) if needed else np.ones_like(g)
        n, b, bb = self.fixed[half]
        n_ = max(n, 1.0)
        mean = (b + (done * g).sum(axis=0)) / n_
        second = bb + (2 * done * bg + done**2 * gg).sum(axis=0)
        variance = np.maximum(second - n * mean**2, 0.0) / max(n - 1, 1.0)
        mine = [above[4 + j, half].sum(axis=0) for j in range(len(capacity.limits))]
        spans = self.cells[0, half].sum(axis=1)
        days = max(int((spans > 0).sum()), 1)
        per = tuple(x * limit.days / days for x, limit in zip(mine, capacity.limits, strict=True))
        return _Half(int(n), count.sum(axis=0), mean, variance, per)
