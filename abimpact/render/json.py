"""`result.json`: every number of a report, unrounded, under the keys of design.md §8.

The published schema is `report.schema.json` beside this module.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from abimpact.decide.course import Development
from abimpact.decide.decision import Decision
from abimpact.decide.limits import Capacity
from abimpact.decide.report import Arm, CheckReport, MetricResult, Provenance, Report, SegmentResult
from abimpact.decide.value import Value
from abimpact.estimate.estimate import Estimate, Interval, Margin
from abimpact.findings import Finding
from abimpact.render import money, numbers, planned, promise, triggered, words
from abimpact.render.table import Options
from abimpact.spec.value import Costs
from abimpact.summarise.distribution import Distribution

SCHEMA = "abimpact/report/1"


def to_json(report: Report) -> str:
    """The report as JSON text, keys in the order of design.md §8; NaN or infinity is an error."""
    return json.dumps(to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render(report: Report, _: Options) -> str:
    """`to_json` for the table of formats."""
    return to_json(report)


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain dicts, lists, strings and numbers."""
    with numbers.written_in(report.presentation.locale):
        return _whole(report)


def _whole(report: Report) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "verdict": _decision(report, report.verdict),
        "verdicts": [_decision(report, d) for d in report.verdicts],
        "experiment": experiment_of(report),
        "checks": [finding_of(f) for f in report.findings],
        "metrics": [_metric(m) for m in report.metrics],
        "value": (best := report.value_of(report.verdict.proposed)) and _value(report, best),
        "values": [_value(report, v) for v in report.values],
        "limits": [_limit(c) for c in report.capacities],
        "contrasts": [
            {
                "proposed": c.proposed,
                "other": c.other,
                "npv": interval_of(c.npv),
                "probability_better": c.probability_better,
            }
            for c in report.contrasts
        ],
        "plan": report.plan and planned.to_dict(report.plan),
        "promise": report.promise and promise.to_dict(report.promise),
        "provenance": provenance_of(report.provenance),
    }


def _decision(report: Report, decision: Decision) -> dict[str, Any]:
    return {
        "code": decision.code.value,
        "reason": decision.reason,
        "proposed": decision.proposed,
        "headline": words.headline(report, decision),
        "because": [
            {
                "rule": b.rule,
                "binds": b.binds,
                "message": words.because(report, decision, b),
                "data": _plain(b.data),
            }
            for b in decision.because
        ],
    }


def experiment_of(report: Report | CheckReport) -> dict[str, Any]:
    """Who was compared, how many, and when."""
    return {
        "title": report.presentation.title,
        "owner": report.presentation.owner,
        "incumbent": report.incumbent,
        "proposed": list(report.proposed),
        "unit": report.unit,
        "units": dict(report.units),
        "cluster": report.cluster,
        "clusters": report.clusters and dict(report.clusters),
        "split": None if report.split is None else list(report.split),
        "start": report.start and report.start.isoformat(),
        "end": report.end and report.end.isoformat(),
        "timezone": report.timezone,
    }


def finding_of(found: Finding) -> dict[str, Any]:
    """A finding under its keys."""
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "why": found.why,
        "do": found.do,
        "data": _plain(found.data),
    }


def _metric(result: MetricResult) -> dict[str, Any]:
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


def _distribution(result: MetricResult, found: Distribution) -> dict[str, Any]:
    pairs = zip((result.incumbent.variant, result.proposed.variant), found.counts, found.zeros, strict=True)
    return {
        "is_log": found.is_log,
        "edges": list(found.edges),
        "variants": {name: {"counts": list(counts), "zeros": zeros} for name, counts, zeros in pairs},
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


def _segment(result: MetricResult, segment: SegmentResult) -> dict[str, Any]:
    variants = (result.incumbent.variant, result.proposed.variant)
    return {
        "by": segment.by,
        "value": segment.value,
        "units": dict(zip(variants, segment.units, strict=True)),
        "estimates": [estimate_of(e) for e in segment.estimates],
        "shrunken": segment.shrunken and interval_of(segment.shrunken),
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {"variant": arm.variant, "units": arm.units, "value": arm.value}


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
        "histogram": estimate.histogram and _plain(asdict(estimate.histogram)),
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


def _value(report: Report, worth: Value) -> dict[str, Any]:
    assert report.terms is not None
    return {
        "proposed": worth.proposed,
        "metric": worth.metric,
        "currency": report.terms.currency,
        "annual": interval_of(worth.annual),
        "annual_net": interval_of(worth.annual_net),
        "npv": interval_of(worth.npv),
        "npv_bootstrap": worth.resampled and interval_of(worth.resampled),
        "break_even": {"absolute": worth.break_even_absolute, "relative": worth.break_even_relative},
        "payback_months": worth.payback_months,
        "probability_pays": worth.probability_pays,
        "probability_best": worth.probability_best,
        "posterior": {"mean": worth.mean, "sd": worth.sd, "weight": worth.weight},
        "expected_loss": {"ship": worth.loss_if_ship, "keep": worth.loss_if_keep},
        "evpi": worth.evpi,
        "evsi": [asdict(more) for more in worth.more],
        "sensitivity": [asdict(scenario) for scenario in worth.sensitivity],
        "costs": _costs(worth.costs),
        "over_horizon": {"earned": worth.gross, "spent": dict(worth.spent)},
        "units_per_year": worth.units_per_year,
        "assumptions": [f"{label}: {text}" for label, text in money.assumptions(report.terms, worth)],
    }


def _limit(found: Capacity) -> dict[str, Any]:
    return {
        "name": found.limit.name,
        "proposed": found.proposed,
        "days": found.limit.days,
        "at_most": found.limit.at_most,
        "total": interval_of(found.total),
        "incumbent_total": found.incumbent_total,
        "peak": found.peak,
        "peak_day": found.peak_day and found.peak_day.isoformat(),
        "exceeded": found.is_exceeded,
        "share_that_fits": found.share_that_fits,
    }


def _costs(costs: Costs) -> dict[str, Any]:
    return {
        **costs.once,
        **costs.per_year,
        "cost_per_unit": costs.varying.text if costs.varying else costs.per_unit,
    }


def provenance_of(p: Provenance) -> dict[str, Any]:
    """What is needed to run it again."""
    return {
        "abimpact": p.abimpact,
        "python": p.python,
        "packages": dict(p.packages),
        "engine": p.engine,
        "command": p.command,
        "config": _plain(p.config),
        "sources": [{**asdict(s), "fills": list(s.fills)} for s in p.sources],
        "seed": p.seed,
        "created": p.created,
    }


def _plain(value: object) -> Any:
    """Mappings, tuples and dates as JSON has them; anything else as it is."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
