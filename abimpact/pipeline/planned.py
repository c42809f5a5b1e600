"""Hands what was done to the plan that was signed."""

from typing import TYPE_CHECKING

from abimpact.read.log import Log
from abimpact.spec.request import Request

if TYPE_CHECKING:
    from abimpact.decide.planned import Planned


def plan_of(log: Log, request: Request) -> "Planned | None":
    """The signed plan, if there is one, and what was done otherwise."""
    from abimpact.decide.planned import Course, held_against

    if request.signed is None or request.planned is None:
        return None
    course = Course(start=log.days.start, end=log.days.end, units=sum(log.units))
    return held_against(request.signed, request.planned, request, log.experiment, course)
