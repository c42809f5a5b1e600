"""One metric of `result.json`, with all its numbers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from abimpact.decide.course import Development
from abimpact.decide.report import Arm, MetricResult, SegmentResult
from abimpact.estimate.estimate import Estimate, Interval, Margin
from abimpact.render import triggered
from abimpact.summarise.distribution import Distribution


def metric_of(result: MetricResult) -> dict[str, Any]:
    """A metric for one proposed variant under its keys."""
    metric, missing = result.metric, result.not_estimated
    return {
        "name": metric.name,
        "kind": metric.kind and metric.kind.value,
        "role": metric.role.value,
        "better": metric.better.value,
        "incumbent": _arm(result.incumbent),
        "proposed": _arm(result.proposed),
        "chosen_method": result.chosen_method,
        "estimates": [estimate_of(e) for e in result.estimates],
        "not_estimated": missing and {"reason": missing.reason, "message": missing.message},
        "guardrail": result.guardrail and _guardrail(result.guardrail),
        "equivalence": result.equivalence and _equivalence(result.equivalence),
        "correction": result.correction.value,
        "simultaneous": result.simultaneous
        and {
            "critical": result.simultaneous.critical,
            "each_level": result.simultaneous.each,
            "absolute": interval_of(result.simultaneous.absolute),
            "relative": interval_of(result.simultaneous.relative),
        },
        "segments": [_segment(result, s) for s in result.segments],
        "heterogeneity": [asdict(h) for h in result.heterogeneity],
        **_course(result),
        "triggered": triggered.to_dict(result),
        "distribution": result.distribution and _distribution(result, result.distribution),
    }


def estimate_of(estimate: Estimate) -> dict[str, Any]:
    """One method's result."""
    return {
        "method": estimate.method,
        "absolute": interval_of(estimate.absolute),
        "relative": interval_of(estimate.relative),
        "statistic": estimate.statistic,
        "df": estimate.df,
        "pvalue": estimate.pvalue,
        "pvalue_adjusted": estimate.pvalue_adjusted,
        "se": estimate.se,
        "notes": list(estimate.notes),
        "histogram": estimate.histogram and plain(asdict(estimate.histogram)),
    }


def interval_of(interval: Interval) -> dict[str, Any]:
    """An INTERVAL of the contract."""
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "level": interval.level,
        "kind": interval.kind.value,
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {"variant": arm.variant, "units": arm.units, "value": arm.value}


def _guardrail(margin: Margin) -> dict[str, Any]:
    return {
        **_margin(margin),
        "bound": margin.bound,
        "pvalue_safe": margin.pvalue_safe,
        "pvalue_worse": margin.pvalue_worse,
        "status": "safe" if margin.is_safe else "worse" if margin.is_worse else "not_shown",
    }


def _equivalence(margin: Margin) -> dict[str, Any]:
    return {**_margin(margin), "pvalue": margin.pvalue_equivalent, "equivalent": margin.is_equivalent}


def _margin(margin: Margin) -> dict[str, Any]:
    return {"margin": margin.margin, "relative": margin.is_relative, "level": margin.level}


def _segment(result: MetricResult, segment: SegmentResult) -> dict[str, Any]:
    variants = (result.incumbent.variant, result.proposed.variant)
    return {
        "by": segment.by,
        "value": segment.value,
        "units": dict(zip(variants, segment.units, strict=True)),
        "estimates": [estimate_of(e) for e in segment.estimates],
        "shrunken": segment.shrunken and interval_of(segment.shrunken),
    }


def _course(result: MetricResult) -> dict[str, Any]:
    """How the effect developed; empty without dates."""
    found, variants = result.course, (result.incumbent.variant, result.proposed.variant)
    if found is None:
        return {"days": [], "trend": None, "weekdays": None}
    return {
        "days": [
            {
                "day": day.start.isoformat(),
                "length": day.length,
                "daily": _effect(variants, day.units, day.alone),
                "cumulative": _effect(variants, day.units_so_far, day.so_far),
            }
            for day in found.days
        ],
        "trend": found.development and _development(found.development),
        "weekdays": {
            "pvalue": found.weekday_pvalue,
            "effects": [{"weekday": w.weekday, **_effect(variants, w.units, w.estimate)} for w in found.weekdays],
        }
        if found.weekdays
        else None,
    }


def _effect(variants: tuple[str, str], units: tuple[int, int], found: Estimate | None) -> dict[str, Any]:
    """An effect in brief: nulls where there is no estimate."""
    return {
        "units": dict(zip(variants, units, strict=True)),
        "method": found and found.method,
        "absolute": found and interval_of(found.absolute),
        "relative": found and interval_of(found.relative),
        "pvalue": found and found.pvalue,
    }


def _development(found: Development) -> dict[str, Any]:
    return {
        "by": "day",
        "days": found.days,
        "slope": found.slope,
        "se": found.se,
        "df": found.df,
        "pvalue": found.pvalue,
        "first": interval_of(found.first),
        "last": interval_of(found.last),
        "extrapolated": {
            "until": found.until.isoformat(),
            "absolute": interval_of(found.if_it_went_on),
            "zero_on": found.zero_on and found.zero_on.isoformat(),
        },
    }


def _distribution(result: MetricResult, found: Distribution) -> dict[str, Any]:
    pairs = zip((result.incumbent.variant, result.proposed.variant), found.counts, found.zeros, strict=True)
    return {
        "is_log": found.is_log,
        "edges": list(found.edges),
        "variants": {name: {"counts": list(counts), "zeros": zeros} for name, counts, zeros in pairs},
    }


def plain(value: object) -> Any:
    """Mappings, tuples and dates as JSON has them; anything else as it is."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
