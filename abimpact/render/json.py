"""`result.json`: every number of a report, unrounded, under the keys of design.md §8.

The published schema is `report.schema.json` beside this module.
"""

from dataclasses import asdict
from typing import Any

from abimpact.decide.decision import Decision
from abimpact.decide.limits import Capacity
from abimpact.decide.provenance import Provenance
from abimpact.decide.report import CheckReport, Report
from abimpact.decide.value import Value
from abimpact.findings import Finding
from abimpact.render import escape, money, numbers, planned, promise, words
from abimpact.render.json_metric import interval_of, metric_of, plain
from abimpact.render.table import Options
from abimpact.spec.value import Costs

SCHEMA = "abimpact/report/1"


def to_json(report: Report) -> str:
    """The report as JSON text, keys in the order of design.md §8; NaN or infinity is an error."""
    return escape.json_text(to_dict(report))


def render(report: Report, options: Options) -> str:
    """`to_json` for the table of formats."""
    return escape.json_text(to_dict(report), options.encoding)


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
        "metrics": [metric_of(m) for m in report.metrics],
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
                "data": plain(b.data),
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
        "data": plain(found.data),
    }


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
        "config": plain(p.config),
        "sources": [{**asdict(s), "fills": list(s.fills)} for s in p.sources],
        "seed": p.seed,
        "created": p.created,
    }
