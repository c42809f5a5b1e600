"""Random experiments as the sums that abimpact computes from: blocks of repetitions, never one unit at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abimpact.spec.expression import column
from abimpact.spec.metric import Better, Metric, MetricKind, Role, Tolerance
from abimpact.summarise.summary import MetricSummary, Moments

Floats = NDArray[np.float64]
# Numbers drawn at a time.
BLOCK = 4_000_000
# Given the generator and how many repetitions, one arm's rows: (repetitions, units, columns).
Rows = Callable[[np.random.Generator, int], Floats]


@dataclass(frozen=True, slots=True)
class Arms:
    """One variant in R repetitions: `n` units, moments of d columns, the largest value and how many are not 0."""

    n: int
    mean: Floats
    second: Floats
    third: Floats
    largest: Floats
    nonzero: NDArray[np.int64]

    def moments(self, i: int) -> Moments:
        """The moments of repetition `i`."""
        return Moments(self.n, self.mean[i], self.second[i], self.third[i])

    def scaled(self, factor: float) -> "Arms":
        """Every unit's value times `factor`."""
        return Arms(
            self.n,
            self.mean * factor,
            self.second * factor**2,
            self.third * factor**3,
            self.largest * factor,
            self.nonzero,
        )


def from_rows(rng: np.random.Generator, reps: int, n: int, d: int, rows: Rows) -> Arms:
    """Arms whose units are drawn in full."""
    step = max(BLOCK // (n * d), 1)
    parts = [_moments(rows(rng, min(step, reps - start))) for start in range(0, reps, step)]
    mean, second, third, largest, nonzero = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Arms(n, mean, second, third, largest, nonzero)


def _moments(x: Floats) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.int64]]:
    mean = x.mean(axis=1)
    away = x - mean[:, None, :]
    d = x.shape[2]
    third = np.empty((len(x), d, d, d))
    for i in range(d):
        third[:, i] = np.matmul(np.swapaxes(away * away[:, :, i : i + 1], 1, 2), away)
    return mean, np.matmul(np.swapaxes(away, 1, 2), away), third, x[:, :, 0].max(axis=1), (x[:, :, 0] != 0).sum(axis=1)


@dataclass(frozen=True, slots=True)
class Revenue:
    """Zero for most units; a share `buyers` spends a lognormal amount. `whales` of these are larger by `factor`."""

    buyers: float
    mu: float
    sigma: float
    whales: float = 0.0
    factor: float = 1.0

    @property
    def mean(self) -> float:
        """The expected revenue of a unit."""
        lifted = 1 + self.whales * (self.factor - 1)
        return float(self.buyers * np.exp(self.mu + self.sigma**2 / 2) * lifted)

    @property
    def variance(self) -> float:
        """The variance of a unit's revenue."""
        lifted = 1 + self.whales * (self.factor**2 - 1)
        return float(self.buyers * np.exp(2 * self.mu + 2 * self.sigma**2) * lifted - self.mean**2)

    def arms(self, rng: np.random.Generator, reps: int, n: int) -> Arms:
        """Arms of n units; only buyers are drawn."""
        counts = rng.binomial(n, self.buyers, reps)
        parts = [self._block(rng, counts[rows]) for rows in _blocks(counts)]
        sums = np.concatenate(parts, axis=1)
        mean = sums[0] / n
        second = np.maximum(sums[1] - n * mean**2, 0.0)
        third = sums[2] - 3 * mean * sums[1] + 2 * n * mean**3
        return Arms(
            n, mean[:, None], second[:, None, None], third[:, None, None, None], sums[3], counts.astype(np.int64)
        )

    def _block(self, rng: np.random.Generator, counts: NDArray[np.int64]) -> Floats:
        """Sums of x, x^2, x^3 and the largest x of each repetition."""
        total = int(counts.sum())
        x = rng.lognormal(self.mu, self.sigma, total)
        if self.whales:
            x = np.where(rng.random(total) < self.whales, x * self.factor, x)
        x = np.append(x, 0.0)
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        sums = np.stack([np.add.reduceat(x**k, starts) for k in (1, 2, 3)] + [np.maximum.reduceat(x, starts)])
        sums[:, counts == 0] = 0.0
        return sums


def _blocks(counts: NDArray[np.int64]) -> Iterator[slice]:
    start, filled = 0, 0
    for i, count in enumerate(counts):
        if filled + count > BLOCK and i > start:
            yield slice(start, i)
            start, filled = i, 0
        filled += int(count)
    yield slice(start, len(counts))


def shares(rng: np.random.Generator, reps: int, n: int, p: float) -> Arms:
    """Arms of n units with 0 or 1."""
    x = rng.binomial(n, p, reps)
    q = x / n
    second, third = n * q * (1 - q), n * q * (1 - q) * (1 - 2 * q)
    largest = (x > 0).astype(float)
    return Arms(n, q[:, None], second[:, None, None], third[:, None, None, None], largest, x.astype(np.int64))


def summary(
    kind: MetricKind, arms: tuple[Arms, Arms], i: int, *, covariates: int = 0, margin: Tolerance | None = None
) -> MetricSummary:
    """Repetition `i` of (incumbent, proposed) as abimpact summarises a log."""
    names = tuple(f"x{k}" for k in range(covariates))
    metric = Metric(
        name="kpi",
        kind=kind,
        role=Role.PRIMARY,
        better=Better.HIGHER,
        value=column("kpi"),
        covariates=names,
        margin=margin,
    )
    return MetricSummary(
        metric=metric,
        variants=("rules", "ml"),
        covariates=names,
        moments=(arms[0].moments(i), arms[1].moments(i)),
        bins=None,
        ranks=None,
        extremes=tuple(a.largest[i : i + 1] for a in arms),
        nonzero=tuple(int(a.nonzero[i]) for a in arms),
    )
