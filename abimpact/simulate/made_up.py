"""A log drawn from a plan's assumptions: what a test would look like if the effect were what the plan looks for.

Proportions are 0 or 1. Other values are gamma distributed, skewed as amounts are, with the mean and the standard
deviation of the plan; normal where the mean is not above 0. A ratio has 1 + Poisson(2) in its denominator. A covariate
explains the primary metric as well as the plan says.
"""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abimpact.errors import ConfigError
from abimpact.spec.calendar import parse_split
from abimpact.spec.metric import MetricKind, Role
from abimpact.spec.planning import PlanTerms, plan_terms
from abimpact.spec.request import MetricRequest, Request
from abimpact.summarise.summary import Floats

if TYPE_CHECKING:
    import pyarrow as pa

# What stands in a plan from numbers alone for names that it does not have.
UNIT, VARIANT, VARIANTS, DAY = "unit", "variant", ("incumbent", "proposed"), "day"
MEAN_OF_DENOMINATOR = 3.0
# A standard deviation this near to that of a proportion is one.
PROPORTION = 1e-6
PLAIN = re.compile(r"[^\W\d]\w*")


def made_up(request: Request, seed: int) -> "tuple[pa.Table, Request]":
    """The log that the plan of `request` describes, and the request that reads it; ConfigError for what it lacks."""
    import pyarrow as pa

    if request.plan is None:
        raise ConfigError("There is no [plan] in this file.", "abimpact plan … -o plan.toml writes one.")
    terms = plan_terms(request, {})
    if request.planned_units is None:
        raise ConfigError("The plan does not say how many units.", "Give planned_units in [data].")
    names = (request.incumbent or VARIANTS[0], *(request.proposed or VARIANTS[1:]))
    rng = np.random.default_rng(seed)
    arms = _arms(request, len(names), rng)
    columns: dict[str, Any] = {
        request.unit or UNIT: np.arange(1, len(arms) + 1),
        request.variant or VARIANT: np.array(names)[arms],
        request.time or DAY: pa.array(_days(terms, len(arms))),
    }
    for metric in request.metrics:
        assert isinstance(metric, MetricRequest)
        columns |= _drawn(metric, terms, arms, rng)
    for segment in request.segments:
        columns.setdefault(segment, np.array(["a", "b", "c"])[rng.integers(0, 3, len(arms))])
    reads = replace(
        request,
        unit=request.unit or UNIT,
        variant=request.variant or VARIANT,
        time=request.time or DAY,
        incumbent=names[0],
        proposed=names[1:],
        sources=(),
    )
    return pa.table(columns), reads


def _arms(request: Request, n_variants: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The variant of each unit: 0 the incumbent."""
    split = np.array(parse_split(request.split) if request.split else (1.0,) * n_variants, dtype=float)
    assert request.planned_units is not None
    return rng.choice(n_variants, size=request.planned_units, p=split / split.sum())


def _days(terms: PlanTerms, units: int) -> list[date]:
    """The day of each unit: as many on each as the plan expects, all on one if it does not say."""
    start = terms.start or date(2026, 1, 1)
    a_day = terms.daily_units * terms.traffic_share if terms.daily_units else units
    calendar = [start + timedelta(days=i) for i in range(int((units - 1) // a_day) + 1)]
    return [calendar[i] for i in (np.arange(units) // a_day).astype(int).tolist()]


def _drawn(
    metric: MetricRequest, terms: PlanTerms, arms: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, Any]:
    """The columns of a metric; its effect is the plan's if it is primary, else there is none."""
    name = metric.name or metric.spec or ""
    known = terms.known.get(name)
    if known is None:
        raise ConfigError(f"The plan does not say what {name!r} is today.", "Give it a [[plan.kpi]] with its baseline.")
    baseline, sd = known
    lift = _lift(terms, baseline) if metric.role is Role.PRIMARY else 0.0
    raised = np.where(arms > 0, 1 + lift * np.sign(baseline or 1.0), 1.0)
    if metric.kind is MetricKind.RATIO:
        bottom = 1.0 + rng.poisson(MEAN_OF_DENOMINATOR - 1, len(arms))
        noise = rng.normal(0.0, (sd or 0.0) * MEAN_OF_DENOMINATOR, len(arms))
        top = baseline * raised * bottom + noise
        return {_column(metric.numerator, name): top, _column(metric.denominator, name): bottom}
    column = _column(metric.value, name)
    if sd is None or (0 < baseline < 1 and abs(sd**2 - baseline * (1 - baseline)) < PROPORTION):
        return {column: (rng.random(len(arms)) < np.clip(baseline * raised, 0, 1)).astype(np.int8)}
    values = _values(baseline, sd, len(arms), rng)
    return {column: values * raised, **_covariates(metric, terms, values, (baseline, sd), rng)}


def _lift(terms: PlanTerms, baseline: float) -> float:
    """The relative effect that the plan looks for; none where it looks for none."""
    if terms.lift is not None:
        return terms.lift
    return terms.effect / abs(baseline) if terms.effect is not None and baseline else 0.0


def _values(mean: float, sd: float, n: int, rng: np.random.Generator) -> Floats:
    if mean <= 0:
        return rng.normal(mean, sd, n)
    return np.round(rng.gamma((mean / sd) ** 2, sd**2 / mean, n), 4)


def _covariates(
    metric: MetricRequest, terms: PlanTerms, values: Floats, moments: tuple[float, float], rng: np.random.Generator
) -> dict[str, Floats]:
    """What was known before: the first covariate has the plan's correlation with the values, others none."""
    mean, sd = moments
    found = {}
    for place, name in enumerate(metric.covariates):
        rho = (terms.correlation or 0.0) if place == 0 else 0.0
        noise = rng.normal(0.0, sd, len(values))
        found[name] = mean + rho * (values - mean) + np.sqrt(1 - rho**2) * noise
    return found


def _column(text: str | None, metric: str) -> str:
    """The column that a metric is read from; an expression cannot be turned round."""
    if text is None or PLAIN.fullmatch(text):
        return text or metric
    raise ConfigError(
        f"Metric {metric!r} is computed from {text!r}, which no made-up log can be drawn for.",
        "In the plan, let its value be a single column.",
    )
