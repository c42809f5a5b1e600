"""What each proposed variant of a test is worth, and how they compare in money."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from abimpact.decide.money import DAYS_PER_YEAR, value
from abimpact.decide.report import MetricResult
from abimpact.decide.value import Contrast, Effect, Trial, Value
from abimpact.errors import ConfigError, nearest
from abimpact.estimate.estimate import Interval
from abimpact.spec.metric import Better
from abimpact.spec.value import ValueTerms

# Fewer days do not show how many units come in a year: weekdays differ.
LEAST_DAYS = 7
# Draws of all effects for the probability that each is best; its Monte-Carlo error is at most 0.0016.
DRAWS, SEED = 100_000, 0


def appraise(
    results: Sequence[MetricResult],
    terms: ValueTerms,
    units: Mapping[str, int],
    others: Mapping[str, int],
    days: int | None,
    level: float,
) -> tuple[Value, ...]:
    """The value of each proposed variant whose metric is estimated.

    `units` are counts per variant, incumbent first, `others` those of variants in the log that are not compared; `days`
    is how long the test ran, None if that is not known.
    """
    proposed = list(units)[1:]
    for name in (*terms.costs, *terms.simplest_first):
        if name not in units and name not in others:
            raise ConfigError(f"[value]: no variant is called {name!r}.", nearest(name, (*units, *others)))
    total = sum(units.values())
    per_year = units_per_year(terms, total + sum(others.values()), days)
    years = days / DAYS_PER_YEAR if days else total / per_year
    found = []
    for name in proposed:
        effect = _effect(results, terms.costs_of(name).metric, name)
        if effect is not None:
            # The rest of all traffic, in the test or not, stays with the incumbent while one waits.
            share = min(units[name] / (per_year * years), units[name] / total)
            trial = Trial(units=total, share=share, years=years)
            found.append(value(effect, terms, name, per_year, level, trial))
    return tuple(found)


def units_per_year(terms: ValueTerms | None, units: int, days: int | None) -> float:
    """The user's volume, or the units of the log's days over the share of traffic that was in it."""
    if terms and terms.units_per_year is not None:
        return terms.units_per_year
    if days is None or days < LEAST_DAYS:
        raise ConfigError(
            f"The number of units a year cannot be taken from the log without dates of at least {LEAST_DAYS} days.",
            "Name their column with --time, or give units_per_year in [value].",
        )
    return units / days * DAYS_PER_YEAR / (terms.traffic_share if terms else 1.0)


def _effect(results: Sequence[MetricResult], metric: str, proposed: str) -> Effect | None:
    """The chosen effect on a metric, positive if better."""
    result = next(r for r in results if r.metric.name == metric and r.proposed.variant == proposed)
    chosen = result.chosen
    if chosen is None or chosen.absolute.estimate is None or not chosen.se:
        return None
    sign = 1 if result.metric.better is Better.HIGHER else -1
    resampled = next((e.absolute for e in result.estimates if e.method == "bootstrap"), None)
    return Effect(
        estimate=sign * chosen.absolute.estimate,
        se=chosen.se,
        incumbent=result.incumbent.value or None,
        sign=sign,
        resampled=resampled,
    )


def compare_values(
    values: Sequence[Value], apart: Callable[[str, str], float | None], level: float
) -> tuple[tuple[Value, ...], tuple[Contrast, ...]]:
    """`values` with the probability that each is best, and the contrasts of every two of them.

    `apart` gives the standard error of the effect between two proposed variants; with those against the incumbent it
    yields the covariance that a common incumbent makes, (se_i^2 + se_j^2 - se_ij^2) / 2.
    """
    if len(values) < 2:
        return tuple(values), ()
    n = len(values)
    scale = np.array([v.per_effect for v in values])
    net = scale * [v.mean for v in values] - np.array([v.fixed for v in values])
    weight = np.array([v.weight for v in values])
    spread = np.diag([v.sd**2 / v.weight for v in values])
    pairs = [(i, j) for i in range(n) for j in range(i)]
    for i, j in pairs:
        gap = apart(values[i].proposed, values[j].proposed) if values[i].metric == values[j].metric else None
        spread[i, j] = spread[j, i] = 0.0 if gap is None else (spread[i, i] + spread[j, j] - gap**2) / 2
    spread = np.where(np.eye(n) > 0, spread * weight, spread * np.outer(weight, weight))
    spread *= np.outer(scale, scale)
    drawn = np.random.default_rng(SEED).multivariate_normal(net, spread, DRAWS, method="eigh")
    best = np.where(drawn.max(axis=1) > 0, drawn.argmax(axis=1), -1)
    ranked = tuple(replace(v, probability_best=float((best == i).mean())) for i, v in enumerate(values))
    return ranked, tuple(
        _contrast(values[i], values[j], float(net[i] - net[j]), spread[i, i] + spread[j, j] - 2 * spread[i, j], level)
        for i, j in pairs
    )


def _contrast(one: Value, other: Value, gap: float, variance: float, level: float) -> Contrast:
    sd, z = math.sqrt(max(variance, 0.0)), float(ndtri(0.5 + level / 2))
    return Contrast(
        proposed=one.proposed,
        other=other.proposed,
        npv=Interval(estimate=gap, low=gap - z * sd, high=gap + z * sd, level=level),
        probability_better=float(ndtr(gap / sd)) if sd else float(gap > 0),
    )
