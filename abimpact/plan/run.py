"""Composes a plan: from a request to what is known, and on to the plan."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from abimpact.errors import UsageError
from abimpact.pipeline.provenance import with_options
from abimpact.pipeline.reading import Running
from abimpact.plan.design import design
from abimpact.plan.seen import from_log, from_numbers
from abimpact.plan.values import Plan
from abimpact.spec.metric import Role
from abimpact.spec.planning import named_metrics, plan_terms
from abimpact.spec.request import MetricRequest, Request

# What the KPI is called where nobody names it.
KPI = "KPI"


def run_plan(
    request: Request,
    *,
    keys: Mapping[str, Any],
    command: str = "",
    frame: object = None,
    running: Running | None = None,
) -> Plan:
    """The plan of a test, from the log that `request` names (or the table `frame`), or from numbers alone.

    `keys` are those of `[plan]`, which they beat.
    """
    terms = plan_terms(request, keys)
    has_table = request.engine and (request.table or request.query)
    has_log = bool(request.sources or has_table) or frame is not None
    known = (
        from_log(request, terms, command, frame, running or Running())
        if has_log
        else from_numbers(request, terms, command)
    )
    asked = {key: value for key, value in keys.items() if value is not None}
    return design(request, terms, replace(known, provenance=with_options(known.provenance, keys=asked)))


def with_baseline(request: Request, baseline: float | None, sd: float | None) -> tuple[Request, list[dict[str, Any]]]:
    """The request with a KPI to plan for, if none is named, and what is told of the first primary one."""
    if baseline is None:
        if sd is not None:
            raise UsageError("--sd needs --baseline.", "Say what the KPI is today.")
        return request, []
    if not any(m.role is Role.PRIMARY for m in request.metrics):
        request = replace(request, metrics=(MetricRequest(spec=KPI, role=Role.PRIMARY), *request.metrics))
    first = next(m for m in named_metrics(request) if m.role is Role.PRIMARY)
    return request, [{"name": first.name, "baseline": baseline, "sd": sd}]
