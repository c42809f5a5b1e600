"""What is simulated: shapes of data, sizes and splits of arms, and the method that each is meant for.

In `alike` regimes both arms have the same shape and there is no effect; in `mild` ones the proposed arm differs in
scale or spread as a real effect would make it; in `apart` ones no rule can know what the small arm does not hold.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from draws import Arms, Floats, Revenue, from_rows, shares

from abimpact.spec.metric import MetricKind

# Who is simulated: the incumbent's arm and the proposed one, in so many repetitions.
Draw = Callable[[np.random.Generator, int], tuple[Arms, Arms]]
MODERATE, HEAVY = Revenue(0.10, 3.0, 1.0), Revenue(0.05, 3.0, 1.5)
EFFECT = 1.959964 + 0.841621  # in standard errors: what a normal mean finds with 80 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """One line of the table.

    `truth` is the true difference and `lift` the true lift; `effect` is the difference at which power is asked for, in
    the units of the difference (0: not asked for).
    """

    family: str
    shape: str
    units: int
    split: str
    group: str
    kind: MetricKind
    draw: Draw
    truth: float = 0.0
    lift: float = 0.0
    effect: float = 0.0
    covariates: int = 0


SPLITS = {"50:50": 0.5, "90:10": 0.1, "99:1": 0.01, "10:90": 0.9}


def sizes(units: int, split: str) -> tuple[int, int]:
    """Units of the incumbent and of the proposed variant; a split is written incumbent:proposed."""
    proposed = round(units * SPLITS[split])
    return units - proposed, proposed


def _error(variance: float, units: int, split: str) -> float:
    n_c, n_t = sizes(units, split)
    return math.sqrt(variance * (1 / n_c + 1 / n_t))


def _pair(units: int, split: str, c: Callable[..., Arms], t: Callable[..., Arms]) -> Draw:
    n_c, n_t = sizes(units, split)
    return lambda rng, reps: (c(rng, reps, n_c), t(rng, reps, n_t))


def normal() -> Iterator[Regime]:
    """Normal means: where every textbook method is exact or nearly so."""

    def arms(rng: np.random.Generator, reps: int, n: int) -> Arms:
        return from_rows(rng, reps, n, 1, lambda g, r: g.normal(10.0, 3.0, (r, n, 1)))

    for units, split in ((40, "50:50"), (1_000, "50:50"), (1_000, "90:10"), (5_000, "99:1")):
        yield Regime(
            family="mean", shape="normal", units=units, split=split, group="alike", kind=MetricKind.MEAN,
            draw=_pair(units, split, arms, arms), effect=EFFECT * _error(9.0, units, split),
        )  # fmt: skip


def proportions() -> Iterator[Regime]:
    """0 and 1, rare and common; power with an effect of 2.8 standard errors."""
    for p in (0.005, 0.1, 0.5):
        for units, split in ((1_000, "50:50"), (1_000, "90:10"), (50_000, "90:10"), (50_000, "99:1")):
            step = EFFECT * _error(p * (1 - p), units, split)

            def arms(rng: np.random.Generator, reps: int, n: int, p: float = p) -> Arms:
                return shares(rng, reps, n, p)

            def lifted(rng: np.random.Generator, reps: int, n: int, p: float = p + step) -> Arms:
                return shares(rng, reps, n, p)

            base = Regime(
                family="proportion", shape=f"{p:.1%}", units=units, split=split, group="alike",
                kind=MetricKind.PROPORTION, draw=_pair(units, split, arms, arms),
            )  # fmt: skip
            yield base
            yield replace(base, group="effect", draw=_pair(units, split, arms, lifted), truth=step, lift=step / p)


def revenue() -> Iterator[Regime]:
    """Zero for most units, a long tail for the rest."""
    for shape, law in (("moderate tail", MODERATE), ("heavy tail", HEAVY)):
        for units in (500, 5_000, 50_000):
            for split in ("50:50", "90:10", "10:90", "99:1"):
                if min(sizes(units, split)) < 50:
                    continue
                effect = EFFECT * _error(law.variance, units, split)
                base = Regime(
                    family="mean", shape=shape, units=units, split=split, group="alike", kind=MetricKind.MEAN,
                    draw=_pair(units, split, law.arms, law.arms), effect=effect,
                )  # fmt: skip
                yield base
                yield from _differing(base, law)


def _differing(base: Regime, law: Revenue) -> Iterator[Regime]:
    """The same with a proposed arm of another shape."""

    def against(name: str, group: str, other: Revenue) -> Regime:
        gap = other.mean - law.mean
        draw = _pair(base.units, base.split, law.arms, other.arms)
        return replace(
            base, shape=f"{base.shape}, {name}", group=group, draw=draw, truth=gap, lift=gap / law.mean, effect=0.0
        )

    if base.units == 5_000:
        for factor in (0.8, 1.2):
            scaled = replace(law, mu=law.mu + math.log(factor))
            yield against(f"amounts × {factor}", "mild", scaled)
        yield against("buyers × 1.2", "mild", replace(law, buyers=1.2 * law.buyers))
        yield against("spread × 1.1", "mild", replace(law, sigma=1.1 * law.sigma))
        yield against("spread × 1.5", "apart", replace(law, sigma=1.5 * law.sigma))
        yield against("1 % whales × 20", "apart", replace(law, whales=0.01, factor=20.0))


def ratios() -> Iterator[Regime]:
    """Spend per session where sessions vary from unit to unit: the denominator carries much of the numerator."""

    def arms(rng: np.random.Generator, reps: int, n: int) -> Arms:
        def rows(g: np.random.Generator, r: int) -> Floats:
            sessions = 1 + g.poisson(3 * g.exponential(1.0, (r, n)))
            spend = sessions * (g.random((r, n)) < 0.3) * g.lognormal(1.0, 1.0, (r, n))
            return np.stack([spend, sessions], axis=2)

        return from_rows(rng, reps, n, 2, rows)

    for units, split in ((500, "50:50"), (5_000, "50:50"), (5_000, "90:10"), (5_000, "99:1")):
        yield Regime(
            family="ratio", shape="spend per session", units=units, split=split, group="alike", kind=MetricKind.RATIO,
            draw=_pair(units, split, arms, arms),
        )  # fmt: skip


def clusters() -> Iterator[Regime]:
    """Stores are randomised, baskets are logged: sums by store, stores of unequal size and level."""

    def arms(rng: np.random.Generator, reps: int, n: int) -> Arms:
        def rows(g: np.random.Generator, r: int) -> Floats:
            baskets = 20 + g.poisson(100 * g.gamma(2.0, 0.5, (r, n)))
            level = 10 + g.normal(0.0, 1.0, (r, n))
            return np.stack([baskets * level + np.sqrt(baskets) * g.normal(0.0, 5.0, (r, n)), baskets], axis=2)

        return from_rows(rng, reps, n, 2, rows)

    for units, split in ((20, "50:50"), (40, "50:50"), (100, "50:50"), (200, "90:10")):
        yield Regime(
            family="clusters", shape="baskets by store", units=units, split=split, group="alike",
            kind=MetricKind.RATIO, draw=_pair(units, split, arms, arms),
        )  # fmt: skip


def adjusted() -> Iterator[Regime]:
    """Means with what was known before: normal with many covariates for few units, and revenue in two periods."""

    def plain(rng: np.random.Generator, reps: int, n: int) -> Arms:
        def rows(g: np.random.Generator, r: int) -> Floats:
            x = g.normal(0.0, 1.0, (r, n, 5))
            y = 10 + x.sum(axis=2) + g.normal(0.0, 2.0, (r, n))
            return np.concatenate([y[:, :, None], x], axis=2)

        return from_rows(rng, reps, n, 6, rows)

    def spending(rng: np.random.Generator, reps: int, n: int) -> Arms:
        def rows(g: np.random.Generator, r: int) -> Floats:
            habit = g.normal(0.0, 1.0, (r, n))
            periods = [
                np.where(g.random((r, n)) < 0.1 + 0.1 * (habit > 0), np.exp(3 + 0.7 * habit + 0.7 * z), 0.0)
                for z in g.normal(0.0, 1.0, (2, r, n))
            ]
            return np.stack(periods, axis=2)

        return from_rows(rng, reps, n, 2, rows)

    for units, split in ((200, "50:50"), (200, "90:10")):
        yield Regime(
            family="adjusted", shape="normal, 5 covariates", units=units, split=split, group="alike",
            kind=MetricKind.MEAN, draw=_pair(units, split, plain, plain), covariates=5,
            effect=EFFECT * _error(4.0, units, split),
        )  # fmt: skip
    for units, split in ((5_000, "50:50"), (5_000, "90:10"), (5_000, "99:1")):
        yield Regime(
            family="adjusted", shape="revenue, revenue before", units=units, split=split, group="alike",
            kind=MetricKind.MEAN, draw=_pair(units, split, spending, spending), covariates=1,
        )  # fmt: skip


def all_regimes() -> list[Regime]:
    """Every line of the table."""
    return [*normal(), *proportions(), *revenue(), *ratios(), *clusters(), *adjusted()]
