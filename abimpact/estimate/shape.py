"""Findings on the shape of a metric's units: too skewed for its sizes, or other in one variant than in the other.

What no rule repairs is said: a small variant that does not hold its share of the largest values tells nothing of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.arm import ArmMean, contract
from abimpact.estimate.clustered import by_cluster
from abimpact.estimate.estimate import Interval, NotEstimated
from abimpact.estimate.linear import linearise
from abimpact.estimate.skewed import NOTE, Skew, skew_of
from abimpact.estimate.stratified import shared_covariance, weighed_alike
from abimpact.estimate.table import estimate
from abimpact.estimate.welch import difference
from abimpact.findings import Finding, Severity
from abimpact.spec.metric import MetricKind
from abimpact.summarise.extremes import SHARE as EXTREME
from abimpact.summarise.summary import SMALLEST_VARIANCE, Capped, Floats, MetricSummary, Moments

# One unit with more of its variant's sum of squares, or fewer units that are not 0, can hide or make a tail.
HEAVIEST, FEWEST_NONZERO = 0.1, 50
# From here on one unit is what decides.
DOUBTFUL = 0.3
# Among few units one always has a large share: of n normal values, one over this / n once in 10,000 times n.
NORMAL_HEAVIEST = 15.0
# A normal sample's skewness is beyond so many of its standard errors, sqrt(6 / n), once in 400 times.
CERTAIN = 3.0
# The most units that are left out.
MOST_UNITS = 10
# Sentences and numbers that stand beside a skewed effect.
Beside = Callable[[], tuple[list[str], dict[str, Any]]]


def shape_findings(
    metric: MetricSummary, capped: Capped | None = None, level: float = 0.95, *, is_blind: bool = False
) -> list[Finding]:
    """`skewed_metric` and `shapes_differ` of a mean or ratio for every proposed variant; nothing if `is_blind`."""
    found: list[Finding] = []
    for proposed in range(1, len(metric.variants)):
        shape = _shape(metric, proposed)
        if shape:
            found += _skewed(
                metric, proposed, shape, None if is_blind else partial(_beside, metric, proposed, capped, level)
            )
            found += _differ(metric, proposed, shape)
    return found


@dataclass(frozen=True, slots=True)
class _Shape:
    """The residuals of both variants, which decide the width of an interval, and the skewness of their difference."""

    t: ArmMean
    c: ArmMean
    skew: Skew


def _shape(metric: MetricSummary, proposed: int) -> _Shape | None:
    if metric.metric.kind not in (MetricKind.MEAN, MetricKind.RATIO):
        return None
    metric = by_cluster(metric, proposed)
    pooled, alike = _residuals(metric, proposed), _residuals(weighed_alike(metric, proposed), proposed)
    return _Shape(*pooled, skew_of(*alike, difference(*alike).se)) if pooled and alike else None


def _residuals(metric: MetricSummary, proposed: int) -> tuple[ArmMean, ArmMean] | None:
    """The units of (proposed, incumbent) as the chosen method sees them; None where it sees nothing that varies."""
    c, t = linearise(metric, 0), linearise(metric, proposed)
    if isinstance(c, NotEstimated) or isinstance(t, NotEstimated):
        return None
    arm_t, arm_c = (contract(a.moments, a.weights, a.value) for a in (t, c))
    shared = float(t.weights @ shared_covariance(t.moments, c.moments) @ c.weights)
    if not arm_t.variance + arm_c.variance or not difference(arm_t, arm_c, shared).se:
        return None
    adjustment = adjust(t, c, metric.covariates) if metric.covariates else None
    if isinstance(adjustment, Adjustment):
        arm_t, arm_c = adjustment.difference.residual_t, adjustment.difference.residual_c
    return (arm_t, arm_c) if arm_t.variance + arm_c.variance else None


def _skewed(metric: MetricSummary, proposed: int, shape: _Shape, beside: Beside | None) -> list[Finding]:
    gamma = shape.skew.gamma
    if abs(gamma) <= NOTE:
        return []
    t, c = shape.t, shape.c
    pooled = ((t.n - 1) * t.variance + (c.n - 1) * c.variance) / (t.n + c.n - 2)
    unit_skew = float((t.n * t.third + c.n * c.third) / (t.n + c.n) / pooled**1.5)
    name, variants, is_flagged = metric.metric.name, metric.variants, shape.skew.is_flagged
    data: dict[str, Any] = {
        "metric": name, "skewness": unit_skew, "gamma": gamma, "proposed": variants[proposed]
    }  # fmt: skip
    said = (
        f"{name} is so skewed (skewness {unit_skew:.3g}) that, at these sizes of {variants[0]} and "
        f"{variants[proposed]}, the usual interval "
    )
    said += "would miss the truth too often; a wider one was used." if is_flagged else "is a little too optimistic."
    if is_flagged and beside:
        sentences, numbers = beside()
        said, data = " ".join((said, *sentences)), data | numbers
    return [
        Finding(
            code="skewed_metric",
            severity=Severity.WARN if is_flagged else Severity.INFO,
            message=said,
            why="A small variant rarely holds its share of the largest values, so it seems steadier than it is."
            if is_flagged
            else "",
            do="Give the smaller variant more traffic, or agree on a cap before the next test." if is_flagged else "",
            data=data,
        )
    ]


def _beside(
    metric: MetricSummary, proposed: int, capped: Capped | None, level: float
) -> tuple[list[str], dict[str, Any]]:
    """The same comparison with the largest values capped, and without the units farthest from the mean."""
    said: list[str] = []
    data: dict[str, Any] = {}
    if metric.strata or metric.clusters:
        # Both would be of single units of all strata together, which is another comparison.
        return said, data
    if capped and (interval := _interval(capped.summary, proposed, level)):
        counts = {metric.variants[arm]: capped.units[arm] for arm in (0, proposed)}
        listed = ", ".join(f"{units:,} in {name}" for name, units in counts.items())
        said.append(f"Capped at {capped.cap:,.4g} ({listed} lie beyond), the effect is {_told(interval)}.")
        shares = {v: u / m.n for (v, u), m in zip(counts.items(), _pair(metric, proposed), strict=True)}
        data["capped"] = {"cap": capped.cap, "units": counts, "share": shares, **_numbers(interval)}
    rest, left_out = _without_largest(metric, proposed)
    if left_out and (interval := _interval(rest, proposed, level)):
        units = "unit" if left_out == 1 else f"{left_out} units"
        said.append(f"Without the {units} farthest from the mean it is {_told(interval)}.")
        data["without_top"] = {"units": left_out, **_numbers(interval)}
    return said, data


def _pair(metric: MetricSummary, proposed: int) -> tuple[Moments, Moments]:
    return metric.moments[0], metric.moments[proposed]


def _interval(metric: MetricSummary, proposed: int, level: float) -> Interval | None:
    """The absolute interval of the method that would be chosen."""
    found = estimate(replace(metric, bins=None), proposed, level=level, n_resamples=0, seed=0)
    return found.estimates[-1].absolute if found.estimates else None


def _numbers(interval: Interval) -> dict[str, float | None]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}


def _told(interval: Interval) -> str:
    estimate, low, high = (f"{x:,.3g}".replace("-", "−") for x in (interval.estimate, interval.low, interval.high))
    return f"{estimate} ({low} to {high})"


def _without_largest(metric: MetricSummary, proposed: int) -> tuple[MetricSummary, int]:
    """The summary without the units (at most `MOST_UNITS`) farthest from their mean, and how many they are.

    Distance counts and not weight, which would take them all from the smaller variant; so only distances beyond which
    the units of both variants are known. With covariates the units' other values are not, and none is left out.
    """
    if len(metric.moments[0].mean) > 1:
        return metric, 0
    moments = list(metric.moments)
    known = max(EXTREME * float(moments[arm].second[0, 0]) for arm in (0, proposed)) ** 0.5
    away = [(abs(x - moments[arm].mean[0]), arm, float(x)) for arm in (0, proposed) for x in metric.extremes[arm]]
    heaviest = sorted((unit for unit in away if unit[0] >= known), reverse=True)[:MOST_UNITS]
    for arm in (0, proposed):
        values = np.array([x for _, its, x in heaviest if its == arm])
        if len(values) and moments[arm].n > len(values) + 1:
            moments[arm] = _less(moments[arm], values)
    return replace(metric, moments=tuple(moments)), len(heaviest)


def _less(whole: Moments, values: Floats) -> Moments:
    """Moments of one column without some of its values: the merge of Chan, Golub & LeVeque (1983), backwards."""
    b, n = len(values), whole.n
    a, mean_b = n - b, float(values.mean())
    away = values - mean_b
    mean_a = (n * float(whole.mean[0]) - b * mean_b) / a
    gap = mean_b - mean_a
    second_b = float(away @ away)
    second = max(float(whole.second[0, 0]) - second_b - gap**2 * a * b / n, 0.0)
    lean = 3 * gap * (second_b / b - second / a) * a * b / n
    third = float(whole.third[0, 0, 0]) - float((away**3).sum()) - gap**3 * a * b * (a - b) / n**2 - lean
    return Moments(a, np.array([mean_a]), np.array([[second]]), np.array([[[third]]]))


def _differ(metric: MetricSummary, proposed: int, shape: _Shape) -> list[Finding]:
    """Signs that the variants' tails are not alike, or that one cannot be known."""
    signs, heaviest = [*_opposite(metric, proposed, shape)], 0.0
    for arm in (0, proposed) if metric.metric.kind is MetricKind.MEAN and not metric.clusters else ():
        signs += _hardly_any(metric, arm)
        share = _heaviest(metric, arm)
        if share:
            heaviest = max(heaviest, share)
            signs.append(f"one unit makes {share * 100:.0f} % of the spread in {metric.variants[arm]}")
    if not signs:
        return []
    name = metric.metric.name
    # A unit with a tenth is what any long tail has; it is worth knowing, and no reason to doubt.
    is_usual = all(s.startswith("one unit") for s in signs) and heaviest < DOUBTFUL
    return [
        Finding(
            code="shapes_differ",
            severity=Severity.INFO if is_usual else Severity.WARN,
            message=f"{name}: {'; '.join(signs)}.",
            why=f"{'If the' if is_usual else 'The'} arms' shapes differ{',' if is_usual else ';'} the interval may be "
            "too narrow, and no method can know what a variant did not show.",
            do="" if is_usual else "Wait for more units, split more evenly, or agree on a cap before the next test.",
            data={"metric": name, "proposed": metric.variants[proposed], "signs": signs, "heaviest": heaviest},
        )
    ]


def _opposite(metric: MetricSummary, proposed: int, shape: _Shape) -> Sequence[str]:
    """Each variant's own skewness counts once it is no accident and matters for its mean."""
    skews = [arm.third / arm.variance**1.5 if arm.variance else 0.0 for arm in (shape.c, shape.t)]
    matter = [
        abs(s) > max(NOTE * arm.n**0.5, CERTAIN * (6 / arm.n) ** 0.5)
        for s, arm in zip(skews, (shape.c, shape.t), strict=True)
    ]
    if not all(matter) or skews[0] * skews[1] > 0:
        return ()
    told = (f"{s:.2g}".replace("-", "−") for s in skews)
    names = (metric.variants[0], metric.variants[proposed])
    return ("skewness of opposite signs, " + " and ".join(f"{s} in {v}" for s, v in zip(told, names, strict=True)),)


def _heaviest(metric: MetricSummary, arm: int) -> float:
    """The share of an arm's sum of squares that its heaviest unit makes; 0 if that is nothing special."""
    moments, values = metric.moments[arm], metric.extremes[arm]
    total = float(moments.second[0, 0])
    if not len(values) or total <= SMALLEST_VARIANCE:
        return 0.0
    share = float(((values - moments.mean[0]) ** 2).max()) / total
    return share if share > max(HEAVIEST, NORMAL_HEAVIEST / moments.n) else 0.0


def _hardly_any(metric: MetricSummary, arm: int) -> Sequence[str]:
    if metric.nonzero is None or not metric.nonzero[arm] < min(FEWEST_NONZERO, metric.moments[arm].n):
        return ()
    return (f"only {metric.nonzero[arm]:,} units of {metric.variants[arm]} are not 0",)
