"""Findings that need a summary: metrics that cannot be compared as they are, or only with care."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import stdtr

from abimpact.estimate.arm import contract
from abimpact.estimate.shape import shape_findings
from abimpact.estimate.stratified import shared_covariance, weighed_alike
from abimpact.estimate.welch import difference
from abimpact.findings import Finding, Severity, by_chance
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Capped, MetricSummary, Moments, Summary

# The most units that are left out in turn, and the shift (in standard errors) that is worth telling.
MOST_UNITS, SHIFT = 10, 0.5
# Nearer to their mean, in standard deviations, are those that any small sample has: ten of 200 normal values move the
# effect by half a standard error in every third test.
NEAR = 3.0
IMBALANCED_BELOW = 0.001


def diagnose(summary: Summary, capped: Mapping[str, Capped], level: float) -> tuple[Finding, ...]:
    """`constant_metric`, `skewed_metric`, `shapes_differ` and `outliers` for every metric and proposed variant.

    `capped` has skewed means with their largest values capped, by name.
    """
    findings: list[Finding] = []
    for metric in summary.metrics:
        findings += _constant(metric)
        findings += shape_findings(metric, capped.get(metric.metric.name), level)
        for proposed in range(1, len(summary.variants)):
            findings += _outliers(metric, summary.variants, proposed)
    return (*findings, *imbalance(summary), *_passed(findings, ("constant_metric", "skewed_metric", "outliers")))


def diagnose_blind(summary: Summary) -> tuple[Finding, ...]:
    """What can be said of metrics and covariates without comparing an outcome."""
    findings = [f for metric in summary.metrics for f in _constant(metric)]
    for metric in summary.metrics:
        findings += shape_findings(metric, is_blind=True)
    return (*findings, *imbalance(summary), *_passed(findings, ("constant_metric", "skewed_metric")))


def _passed(findings: Sequence[Finding], codes: Sequence[str]) -> list[Finding]:
    """A finding that all is fine for each of `codes` that nothing was found of."""
    seen = {f.code for f in findings}
    messages = {
        "constant_metric": "Every metric varies.",
        "skewed_metric": "No mean or ratio is too skewed for its sample.",
        "outliers": "No few units carry an effect.",
    }
    return [Finding(code=c, severity=Severity.PASS, message=messages[c]) for c in codes if c not in seen]


def imbalance(summary: Summary) -> list[Finding]:
    """Covariates that differ between variants: randomisation failed, or they were not known before."""
    found: dict[tuple[str, str], Finding] = {}
    for metric in summary.metrics:
        start = len(metric.moments[0].mean) - len(metric.covariates)
        places = [start + i for i, column in enumerate(metric.covariates) if not column.endswith("_missing")]
        for place, name in zip(places, metric.metric.covariates, strict=False):
            for arm in range(1, len(summary.variants)):
                if (name, summary.variants[arm]) not in found:
                    found[name, summary.variants[arm]] = _imbalance(metric, place, name, arm)
    warned = [f for f in found.values() if f.severity is Severity.WARN]
    return warned or list(found.values())[:1]


def _imbalance(metric: MetricSummary, place: int, name: str, arm: int) -> Finding:
    """The test of the covariate in column `place` of the moments; by cluster it stands as far from their end."""
    means = [float(metric.moments[a].mean[place]) for a in (0, arm)]
    place -= len(metric.moments[0].mean)
    metric = weighed_alike(metric, arm)
    incumbent, other = metric.moments[0], metric.moments[arm]
    pvalue, proposed = 1.0, metric.variants[arm]
    if min(incumbent.n, other.n) > 1:
        axis = np.eye(len(incumbent.mean))[place]
        t, c = (contract(m, axis, float(m.mean[place])) for m in (other, incumbent))
        if t.variance + c.variance > 0:
            diff = difference(t, c, float(shared_covariance(other, incumbent)[place, place]))
            pvalue = float(2 * stdtr(diff.df, -abs(diff.estimate) / diff.se)) if diff.se else 1.0
    data = {"covariate": name, "proposed": proposed, "pvalue": pvalue}
    if pvalue >= IMBALANCED_BELOW:
        said = "What was known before is alike in all variants."
        return Finding(code="pre_period_imbalance", severity=Severity.PASS, message=said, data=data)
    told = f"{means[0]:.4g} in {metric.variants[0]}, {means[1]:.4g} in {proposed}"
    return Finding(
        code="pre_period_imbalance",
        severity=Severity.WARN,
        message=f"{name}, declared as known before the test, differs between variants: {told} ({by_chance(pvalue)}).",
        why="Either it is not from before the test, or chance did not decide who got which variant; nothing is "
        "adjusted by it.",
        do="Check when the column was measured, and how units were assigned.",
        data=data,
    )


def _constant(metric: MetricSummary) -> list[Finding]:
    filled = [m for m in metric.moments if m.n]
    values = {float(m.mean[0]) for m in filled}
    if not filled or len(values) > 1 or any(m.second[0, 0] > 0 for m in filled):
        return []
    name = metric.metric.name
    return [
        Finding(
            code="constant_metric",
            severity=Severity.WARN,
            message=f"{name} is {values.pop():g} for every unit.",
            why="A value that never changes cannot differ between variants.",
            do="Check the column, the filter and the export.",
            data={"metric": name},
        )
    ]


def _outliers(metric: MetricSummary, variants: Sequence[str], proposed: int) -> list[Finding]:
    """The fewest far units (at most `MOST_UNITS`) without which the effect moves by `SHIFT` standard errors."""
    incumbent, other = metric.moments[0], metric.moments[proposed]
    if metric.metric.kind is not MetricKind.MEAN or metric.clusters or min(incumbent.n, other.n) <= MOST_UNITS:
        return []
    sides = ((incumbent, metric.extremes[0], -1), (other, metric.extremes[proposed], 1))
    raw = float(other.mean[0] - incumbent.mean[0])
    alike = weighed_alike(metric, proposed).moments
    effect = float(alike[proposed].mean[0] - alike[0].mean[0])
    se = float(np.sqrt(math.fsum(m.covariance[0, 0] / m.n for m, _, _ in sides)))
    weights = sorted(
        (
            (abs(x - m.mean[0]) / m.n, side, float(x))
            for side, (m, values, _) in enumerate(sides)
            for x in values[np.abs(values - m.mean[0]) > NEAR * np.sqrt(m.covariance[0, 0])]
        ),
        reverse=True,
    )[:MOST_UNITS]
    for k in range(1, len(weights) + 1):
        dropped: list[list[float]] = [[], []]
        for _, side, x in weights[:k]:
            dropped[side].append(x)
        without = math.fsum(sign * _mean_without(m, dropped[side]) for side, (m, _, sign) in enumerate(sides))
        without += effect - raw
        if abs(effect - without) >= SHIFT * se:
            farthest = max((x for _, _, x in weights[:k]), key=abs)
            return [_outlier_finding(metric.metric.name, variants[proposed], k, farthest, effect, without)]
    return []


def _outlier_finding(name: str, proposed: str, units: int, farthest: float, effect: float, without: float) -> Finding:
    share = (effect - without) / effect if effect else None
    carried = f", {share * 100:.0f} % of it" if share is not None and 0 < share <= 1 else ""
    value, before, after = (f"{x}".replace("-", "−") for x in (f"{farthest:,g}", f"{without:.3g}", f"{effect:.3g}"))
    counted = f"One unit ({value}) moves" if units == 1 else f"{units} units (the farthest at {value}) move"
    return Finding(
        code="outliers",
        severity=Severity.WARN,
        message=f"{counted} the effect of {proposed} on {name} from {before} to {after}{carried}.",
        why="What a handful of units did says little about the next ones.",
        do="Look at those units (tests, bots, resellers?) and decide on a cap before the next test.",
        data={
            "metric": name,
            "proposed": proposed,
            "units": units,
            "farthest": farthest,
            "share_of_effect": share,
            "effect": effect,
            "effect_without": without,
        },
    )


def _mean_without(moments: Moments, dropped: Sequence[float]) -> float:
    return float((moments.n * moments.mean[0] - math.fsum(dropped)) / (moments.n - len(dropped)))
