"""The plan as people sign it before the test: plan.toml for the report to check, plan.md for the wall."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from abimpact.plan.page import CLAIMS, aim, facts, headline, share, written
from abimpact.plan.values import ClaimKind, KpiPlan, Plan
from abimpact.render import numbers, phrases
from abimpact.render.escape import markdown as safe
from abimpact.render.markdown import listed, table
from abimpact.spec.metric import Metric, Role, Tolerance
from abimpact.spec.planning import metric_of
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.signed import digest_of
from abimpact.spec.toml import dumps

HEAD = "# The plan of a test. Sign it before the test starts; abimpact report --plan compares the test with it.\n"


def to_toml(plan: Plan) -> str:
    """All that is to be agreed upon, as a config file with its digest."""
    tables = _tables(plan)
    tables["plan"]["digest"] = digest_of(tomllib.loads(dumps(tables)))
    return HEAD + dumps(tables)


def _tables(plan: Plan) -> dict[str, Any]:
    request, terms = plan.request, plan.terms
    start = plan.start
    return {
        "plan": {
            "question": plan.question or None,
            "start": start,
            "lift": terms.lift,
            "effect": terms.effect,
            "power": terms.power,
            "units": terms.units,
            "days": terms.days,
            "daily_units": plan.daily_units,
            "traffic_share": terms.traffic_share,
            "covariate_correlation": terms.correlation,
            "comparisons": plan.comparisons,
            "claim": terms.claim,
            "margin": _margin(terms.margin),
            "then": dict(plan.then),
            "kpi": [
                {"name": k.metric.name, "baseline": k.baseline, "sd": k.sd}
                for k in plan.known.kpis
                if k.curve is None and k.metric.name in {_name(m) for m in request.metrics}
            ],
        },
        "data": {
            "unit": request.unit,
            "variant": request.variant,
            # Names that nobody gave are none that a log could have.
            "incumbent": plan.incumbent if request.incumbent or plan.known.variants else None,
            "proposed": list(plan.proposed) if request.proposed or plan.known.variants[1:] else None,
            "time": request.time,
            "where": request.where,
            "split": ":".join(f"{share:.12g}" for share in plan.split),
            "planned_end": plan.end,
            "planned_units": plan.total,
            "missing": request.missing,
            "derive": dict(request.derive),
            "units": {"several_rows": request.several_rows.value} if request.several_rows else {},
        },
        "metric": [_metric(m, request) for m in request.metrics],
        "limit": [_limit(limit) for limit in request.limits],
        "analysis": {
            "level": request.level,
            "sequential": request.sequential,
            "looks": list(request.looks) or None,
            "spending": request.spending if request.sequential == "group" else None,
            "segments": list(request.segments) or None,
        },
        "value": _value(request.value) if request.value else {},
        "report": {"title": plan.presentation.title or None, "owner": plan.presentation.owner or None,
                   "locale": plan.presentation.locale},
    }  # fmt: skip


def _name(declared: Metric | MetricRequest) -> str:
    return metric_of(declared).name


def _metric(declared: Metric | MetricRequest, request: Request) -> dict[str, Any]:
    """A metric as `[[metric]]`: as declared, a SPEC taken apart."""
    if isinstance(declared, MetricRequest) and declared.spec is None:
        found = {key: value for key, value in asdict(declared).items() if value not in (None, ())}
        return found | _shared(found.get("kind"), found.get("covariates", ()), request)
    metric = metric_of(declared)
    kind = metric.kind and metric.kind.value
    is_ratio = metric.denominator is not None
    return {
        "name": metric.name,
        "kind": kind,
        "value": None if is_ratio else metric.value.text,
        "numerator": metric.value.text if is_ratio else None,
        "denominator": metric.denominator.text if metric.denominator else None,
        "quantile": metric.quantile,
        "role": metric.role.value,
        "better": metric.better.value,
        "margin": _margin(metric.margin),
        "equivalence_margin": _margin(metric.equivalence_margin),
        "cap_quantile": metric.cap_quantile,
        "matures_after": f"{metric.matures_after}d" if metric.matures_after else None,
        "missing": "zero" if metric.missing_is_zero else None,
        **_shared(kind, metric.covariates, request),
    }


def _shared(kind: str | None, own: tuple[str, ...], request: Request) -> dict[str, Any]:
    """The covariates of a metric: its own, else those of all."""
    found = own or (() if kind == "quantile" else request.covariates)
    return {"covariates": list(found)} if found else {}


def _margin(margin: Tolerance | None) -> str | None:
    if margin is None:
        return None
    return f"{margin.amount * 100:.12g}%" if margin.is_relative else f"{margin.amount:.12g}"


def _limit(limit: Mapping[str, Any]) -> dict[str, Any]:
    return {key: limit[key] for key in ("name", "value", "per", "at_most")}


def _value(money: Mapping[str, Any]) -> dict[str, Any]:
    """`[value]` with its items under their own names again."""
    found = {k: v for k, v in money.items() if k not in ("assumed", "is_optional", "costs") and not isinstance(v, dict)}
    for items in ("once", "per_year", "per_column"):
        found |= money.get(items, {})
    if found.get("prior") == "none" and ("prior_sd" in found or "prior_lift_sd" in found):
        del found["prior"]
    found["simplest_first"] = list(found.get("simplest_first", ())) or None
    return found | {"costs": {name: _value(own) for name, own in money.get("costs", {}).items()}}


def sheet(plan: Plan) -> str:
    """The one page that people sign."""
    owner = plan.presentation.owner or "…"
    parts = [f"# Plan: {safe(plan.presentation.title or plan.question or headline(plan))}"]
    question = plan.question or f"Does {_or(plan)} replace {phrases.name(plan.incumbent)}?"
    parts.append(listed([("Owner", owner), ("Question", question), *_frame(plan)]))
    parts.append(safe(headline(plan)))
    headers = ["KPI", "role", "today", "to be shown", "power", "too small to matter"]
    rows = [_row(k) for k in plan.kpis]
    rows += [
        (phrases.name(m.name), m.role.value, "", "informs", "", "")
        for m in map(metric_of, plan.request.metrics)
        if m.name not in {k.seen.metric.name for k in plan.kpis}
    ]
    parts += ["## KPIs and guardrails", *table(headers, "llrlrl", rows)]
    limits = [
        (phrases.name(x["name"]), f"at most {numbers.plain(x['at_most'])} a {x['per']}") for x in plan.request.limits
    ]
    parts += ["## Limits at full roll-out", listed(limits)] if limits else []
    parts += ["## Money", listed(_money(plan))]
    parts += ["## What each verdict leads to", listed((k.replace("_", " "), v) for k, v in plan.then.items())]
    parts += ["## What the numbers rest on", listed(facts(plan))]
    digest = tomllib.loads(to_toml(plan))["plan"]["digest"]
    parts += [
        "## Signed",
        "| name | date | signature |\n| ---- | ---- | --------- |" + 2 * "\n|      |      |           |",
    ]
    return "\n\n".join([*parts, safe(f"plan.toml: {digest}")]) + "\n"


def _or(plan: Plan) -> str:
    return " or ".join(map(phrases.name, plan.proposed))


def _frame(plan: Plan) -> list[tuple[str, str]]:
    request = plan.request
    each = ", ".join(f"{phrases.name(v)} {numbers.count(n)}" for v, n in plan.units.items())
    found = [
        ("Variants", f"{phrases.name(plan.incumbent)} (runs today) against {_or(plan)}, "
         f"{':'.join(numbers.plain(s) for s in plan.split)}"),
        ("Unit", request.unit or "a row of the log"),
        ("Units", f"{numbers.count(plan.total)} ({each})"),
    ]  # fmt: skip
    if plan.end and plan.start:
        found.append(("Runs", f"{numbers.period(plan.start, plan.end)} ({numbers.count(plan.planned_days or 0)} days)"))
        late = max((metric_of(m).matures_after or 0 for m in request.metrics), default=0)
        if late:
            found.append(("Answer", f"on {numbers.day(plan.end + timedelta(days=late))}, when all outcomes are in"))
    elif plan.days:
        found.append(("Runs", f"{numbers.count(plan.planned_days or 0)} days"))
    if request.where:
        found.append(("Only", request.where))
    return found


def _row(k: KpiPlan) -> tuple[str, ...]:
    metric = k.seen.metric
    if k.claim is ClaimKind.BETTER and k.change is None:
        shown = "watched" if metric.role is Role.GUARDRAIL else f"{CLAIMS[k.claim]} by {written(k.seen, k.detectable)}"
    else:
        shown = aim(k)
    margin = metric.equivalence_margin
    return (
        phrases.name(metric.name),
        metric.role.value,
        numbers.value(k.seen.baseline, metric.kind),
        shown,
        "" if k.power is None else share(k.power),
        numbers.limit(margin, metric.kind, 0).join(("±", "")) if margin else "",
    )


def _money(plan: Plan) -> list[tuple[str, str]]:
    """Volume, worth, costs, horizon, prior and thresholds; or that none were given."""
    terms = plan.known.terms
    if terms is None:
        return [("costs", "not given: whether it pays will not be known")]
    found = [("worth", f"{numbers.plain(terms.worth)} {terms.currency} for each unit of {phrases.name(terms.metric)}")]
    volume = terms.units_per_year
    found.append(("units a year", "from the log" if volume is None else numbers.count(round(volume))))
    for name, costs in (("costs", terms.usual), *terms.costs.items()):
        items = [f"{key.replace('_', ' ')} {numbers.money(x, terms.currency)}" for key, x in costs.once.items()]
        items += [f"{key.replace('_', ' ')} {numbers.money(x, terms.currency)}" for key, x in costs.per_year.items()]
        items += [f"{numbers.plain(costs.per_unit)} {terms.currency} each unit"] if costs.per_unit else []
        items += [f"{costs.varying.text} each unit"] if costs.varying else []
        found.append((name if name == "costs" else f"costs of {phrases.name(name)}", ", ".join(items)))
    years = f"{numbers.plain(terms.horizon_years)} years at {numbers.plain(terms.discount_rate * 100)} % a year"
    prior = "none"
    if terms.prior:
        unit = (
            f"{numbers.plain(terms.prior.sd * 100)} % lift"
            if terms.prior.is_relative
            else numbers.plain(terms.prior.sd)
        )
        prior = f"effects around {numbers.plain(terms.prior.mean)} with standard deviation {unit}"
    rule = f"ship from {share(terms.ship_probability)} on, keep up to {share(terms.keep_probability)}"
    found += [("horizon", years), ("prior", prior), ("probability that it pays", rule)]
    return found if plan.break_even is None else [*found, ("pays from", written(plan.primary.seen, plan.break_even))]
