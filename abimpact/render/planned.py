"""How a report stands to its signed plan, in sentences."""

from dataclasses import asdict
from typing import Any

from abimpact.decide.planned import Deviation, Planned

EXPLORATORY = (
    "none was given (--plan): what the report finds counts as exploratory, as far as nobody wrote down before what was "
    "to be looked at"
)


def lines(plan: Planned | None) -> tuple[str, ...]:
    """What a report opens with: that the test ran as planned, or everything that was done otherwise."""
    if plan is None:
        return ()
    changed = () if plan.is_unchanged else ("The plan was changed after it was signed: its digest is another one.",)
    if plan.is_followed:
        return (f"As planned ({plan.path}).",)
    n = len(plan.deviations)
    if not n:
        return (f"As the plan says now ({plan.path}).", *changed)
    head = f"Not as planned ({plan.path}): {n} deviation{'' if n == 1 else 's'}."
    return (head, *changed, *map(deviation, plan.deviations))


def deviation(found: Deviation) -> str:
    """One deviation, for example `Split: planned 50:50, found 60:40.`, as a sentence."""
    what = found.what[:1].upper() + found.what[1:]
    if found.planned is None:
        return f"{what}: not planned, found ({found.found})."
    if found.found is None:
        return f"{what}: planned ({found.planned}), not found."
    return f"{what}: planned {found.planned}, found {found.found}."


def facts(plan: Planned | None) -> tuple[tuple[str, str], ...]:
    """For the auditor: the plan with its digest, or that there was none; what each verdict leads to."""
    if plan is None:
        return (("plan", EXPLORATORY),)
    told = f"{plan.path}, {plan.digest}{'' if plan.is_unchanged else ' (changed since)'}"
    then = tuple((f"if {code.replace('_', ' ')}", text) for code, text in plan.then.items())
    question = (("question", plan.question),) if plan.question else ()
    return (("plan", told), *question, *then)


def to_dict(plan: Planned) -> dict[str, Any]:
    """The plan as JSON has it."""
    return {
        "path": plan.path,
        "digest": plan.digest,
        "unchanged": plan.is_unchanged,
        "as_planned": plan.is_followed,
        "question": plan.question,
        "then": dict(plan.then),
        "deviations": [{**asdict(d), "message": deviation(d)} for d in plan.deviations],
    }
