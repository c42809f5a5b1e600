"""Composes a plan: from a request to what is known, and on to the plan."""

from collections.abc import Mapping
from typing import Any

from abimpact.pipeline.reading import Running
from abimpact.plan.design import design
from abimpact.plan.seen import from_log, from_numbers
from abimpact.plan.values import Plan
from abimpact.spec.planning import plan_terms
from abimpact.spec.request import Request


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
    has_log = bool(request.sources) or frame is not None
    known = (
        from_log(request, terms, command, frame, running or Running())
        if has_log
        else from_numbers(request, terms, command)
    )
    return design(request, terms, known)
