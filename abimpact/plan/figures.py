"""The plan's JSON (`abimpact/plan/1`): every number, unrounded."""

from dataclasses import asdict
from typing import Any

from abimpact.plan.values import Change, KpiPlan, Plan, Together
from abimpact.render.json import provenance_of
from abimpact.spec.metric import Tolerance

SCHEMA = "abimpact/plan/1"


def figures(plan: Plan, headline: str) -> dict[str, Any]:
    """The plan as plain dicts, lists, strings and numbers."""
    return {
        "schema": SCHEMA,
        "headline": headline,
        "question": plan.question,
        "title": plan.presentation.title,
        "owner": plan.presentation.owner,
        "design": {
            "incumbent": plan.incumbent,
            "proposed": list(plan.proposed),
            "unit": plan.unit,
            "split": list(plan.split),
            "level": plan.level,
            "power": plan.power,
            "comparisons": plan.comparisons,
            "sequential": plan.sequential,
            "looks": list(plan.looks),
            "daily_units": plan.daily_units,
            "traffic_share": plan.traffic_share,
            "start": plan.start and plan.start.isoformat(),
            "end": plan.end and plan.end.isoformat(),
        },
        "units": dict(plan.units),
        "total_units": plan.total,
        "days": plan.days,
        "days_whole_weeks": plan.planned_days,
        "mean_share": plan.mean_share,
        "inflation": plan.inflation,
        "metrics": [_kpi(plan, k) for k in plan.kpis],
        "options": [
            {
                "units": o.units,
                "days": o.days,
                "detectable": _change(o.detectable),
                "power": o.power,
                "planned": o.is_planned,
            }
            for o in plan.options
        ],
        "guardrails_power": _together(plan.guardrails),
        "joint_power": _together(plan.everything),
        "value": _value(plan),
        "then": dict(plan.then),
        "assumptions": [*plan.known.left_out, *plan.known.guesses],
        "provenance": provenance_of(plan.known.provenance),
    }


def _kpi(plan: Plan, k: KpiPlan) -> dict[str, Any]:
    seen = k.seen
    names = (plan.incumbent, *plan.proposed)
    return {
        "name": seen.metric.name,
        "kind": seen.metric.kind and seen.metric.kind.value,
        "role": seen.metric.role.value,
        "better": seen.metric.better.value,
        "baseline": seen.baseline,
        "sd": seen.sd,
        "correlation": seen.correlation,
        "units_seen": seen.units,
        "claim": k.claim.value,
        "alpha": k.alpha,
        "effect": _change(k.change),
        "margin": _margin(k.margin),
        "units": None if k.exact is None else dict(zip(names, k.exact, strict=True)),
        "total_units": k.total,
        "power": k.power,
        "detectable": _change(k.detectable),
        "overstated": k.overstated,
        "power_curve": [{"effect": _change(p.change), "power": p.power} for p in k.curve],
        "notes": list(k.notes),
    }


def _value(plan: Plan) -> dict[str, Any] | None:
    terms, money = plan.known.terms, plan.prospect
    if terms is None:
        return None
    return {
        "currency": terms.currency,
        "break_even": _change(plan.break_even),
        "decide_now": money and money.now,
        "probability_pays": money and money.worth.probability_pays,
        "evpi": money and money.worth.evpi,
        "best": money and money.best and asdict(money.best),
        "by_length": [asdict(x) for x in money.lengths] if money else [],
        "chose_length": plan.decides,
    }


def _change(change: Change | None) -> dict[str, Any] | None:
    return None if change is None else {"absolute": change.absolute, "relative": change.relative}


def _margin(margin: Tolerance | None) -> dict[str, Any] | None:
    return None if margin is None else {"margin": margin.amount, "relative": margin.is_relative}


def _together(found: Together | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
