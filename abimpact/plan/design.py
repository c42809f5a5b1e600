"""From what is known and what is asked to a plan: units, days, power, what is detectable, and the money."""

import math
from dataclasses import replace
from datetime import timedelta

from abimpact.decide.testing import Prospect
from abimpact.errors import UsageError
from abimpact.estimate.claims import joint
from abimpact.estimate.history import exaggeration
from abimpact.estimate.power import Once, Planned, critical
from abimpact.plan.claims import change_of, smallest_shown
from abimpact.plan.economy import WEEK, break_even_of, money_of
from abimpact.plan.goals import Designer, Goal, designer, goal_of, needed, shown
from abimpact.plan.notes import notes_of, then_of
from abimpact.plan.seen import primaries_first
from abimpact.plan.values import ClaimKind, Known, KpiPlan, Option, Plan, Point, Together
from abimpact.spec.metric import Role
from abimpact.spec.planning import PlanTerms
from abimpact.spec.request import Request

# Lifts at which the power is drawn, as multiples of the planned one; sizes, as multiples or weeks.
CURVE = tuple(i / 8 for i in range(17))
SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)
WEEKS = (1, 2, 3, 4, 6, 8, 12, 16, 26, 52)


def design(request: Request, terms: PlanTerms, known: Known) -> Plan:
    """The plan; UsageError where too little was said to make one."""
    known = replace(known, kpis=primaries_first(known.kpis))
    d = designer(request, terms, known)
    goals = [goal_of(d, seen) for seen in known.kpis if seen.metric.role is not Role.SECONDARY]
    money = money_of(d)
    total, decides = _total(d, goals, money)
    units = {name: math.ceil(d.incumbent_units(total) / d.split[0] * share - 1e-9) for name, share in
             zip(d.variants, d.split, strict=True)}  # fmt: skip
    days = math.ceil(total / d.daily - 1e-9) if d.daily else None
    if terms.days is not None:
        days = terms.days
    weeks = WEEK * math.ceil(days / WEEK) if days is not None and terms.days is None else days
    kpis = tuple(_kpi(d, goal, d.incumbent_units(total)) for goal in goals)
    rails = [k.power for k in kpis if k.claim is ClaimKind.SAFE and k.seen.metric.role is Role.GUARDRAIL]
    told = [p for p in rails if p is not None]
    primary = [k.power for k in kpis if k.seen.metric.role is Role.PRIMARY]
    return Plan(
        incumbent=d.variants[0],
        proposed=d.variants[1:],
        split=d.split,
        unit=request.unit,
        question=terms.question,
        level=request.level,
        power=terms.power,
        comparisons=d.comparisons,
        sequential=request.sequential,
        looks=request.looks,
        spending=request.spending,
        units=units,
        daily_units=terms.daily_units or known.daily_units,
        traffic_share=terms.traffic_share,
        days=days,
        planned_days=weeks,
        start=terms.start,
        end=terms.start + timedelta(days=weeks - 1) if terms.start and weeks else None,
        kpis=kpis,
        options=_options(d, goals[0], total, weeks, sum(units.values())),
        guardrails=_together(told) if told else None,
        everything=_together([*told, *(p for p in primary if p is not None)]) if told and None not in primary else None,
        mean_share=_mean_share(d, goals[0], total),
        inflation=_inflation(d, goals[0]),
        break_even=break_even_of(d),
        prospect=money,
        decides=decides,
        then=then_of(terms, d.variants),
        known=known,
        terms=terms,
        request=request,
    )


def _total(d: Designer, goals: list[Goal], money: Prospect | None) -> tuple[float, bool]:
    """The units of all variants, and whether the money chose them."""
    if d.terms.units is not None:
        return float(d.terms.units), False
    if d.terms.days is not None:
        if d.daily is None:
            raise UsageError("How many units come in --days is not known.", "Give --daily-units.")
        return d.daily * d.terms.days, False
    wanted = [needed(d, g) for g in goals if g.seen.metric.role is Role.PRIMARY]
    told = [n for n in wanted if n is not None]
    if told:
        return d.total(max(told)), False
    if money is None:
        raise UsageError(
            "What is the test to find?",
            "Give --lift or --effect; or --units or --days for the smallest effect that they show; or a prior in "
            "[value] and the units of a day, for the length that earns most.",
        )
    best = money.best or money.lengths[0]
    return (d.daily or 0.0) * best.days, True


def _kpi(d: Designer, goal: Goal, incumbent: float) -> KpiPlan:
    """What the planned units show of one KPI."""
    wanted = needed(d, goal)
    claims = [claim for ratio in d.ratios if (claim := shown(d, goal, ratio))]
    weakest = min(claims, key=lambda c: c.power(incumbent), default=None)
    ratio = min(d.ratios)
    how = d.claim_terms(goal.alpha, ratio)
    is_change = goal.claim is ClaimKind.BETTER
    detectable = smallest_shown(goal.seen, incumbent, d.terms.power, how, d.request.level) if is_change else None
    aimed = goal.change or detectable
    curve = []
    if is_change and aimed:
        for times in CURVE:
            change = change_of(goal.seen, aimed.absolute * times)
            claim = shown(d, goal, ratio, change) if times else None
            curve.append(Point(change=change, power=claim.power(incumbent) if claim else goal.alpha))
    drift = weakest.drift(incumbent) if weakest and is_change else 0.0
    return KpiPlan(
        seen=goal.seen,
        claim=goal.claim,
        alpha=goal.alpha,
        change=goal.change,
        margin=goal.margin,
        exact=(wanted, *(wanted * r for r in d.ratios)) if wanted is not None else None,
        total=sum(math.ceil(wanted * r - 1e-9) for r in (1.0, *d.ratios)) if wanted is not None else None,
        power=weakest.power(incumbent) if weakest else None,
        detectable=detectable,
        overstated=exaggeration(drift, 1.0, critical(goal.alpha)) / drift if drift > 0 else None,
        curve=tuple(curve),
        notes=notes_of(goal.seen, incumbent, ratio, d.request.sequential),
    )


def _options(d: Designer, goal: Goal, total: float, weeks: int | None, rounded: int) -> tuple[Option, ...]:
    """The plan beside tests of other sizes."""
    if d.daily and weeks:
        sizes = {days: d.daily * days for days in sorted({weeks, *(WEEK * w for w in WEEKS)}) if days <= 4 * weeks}
        planned = weeks
    else:
        sizes = {i: total * times for i, times in enumerate(SIZES)}
        planned = SIZES.index(1.0)
    ratio, found = min(d.ratios), []
    for key, units in sizes.items():
        n = d.incumbent_units(units)
        claim = shown(d, goal, ratio)
        how = d.claim_terms(goal.alpha, ratio)
        found.append(
            Option(
                units=rounded if key == planned and not d.daily else math.ceil(units - 1e-9),
                days=key if d.daily else None,
                detectable=smallest_shown(goal.seen, n, d.terms.power, how, d.request.level)
                if goal.claim is ClaimKind.BETTER
                else None,
                power=claim.power(n) if claim else None,
                is_planned=key == planned,
            )
        )
    return tuple(found)


def _mean_share(d: Designer, goal: Goal, total: float) -> float | None:
    claim = shown(d, goal, min(d.ratios))
    if not isinstance(d.looking, Planned) or claim is None or goal.claim is not ClaimKind.BETTER:
        return None
    return d.looking.mean_share(claim.drift(d.incumbent_units(total)), goal.alpha)


def _inflation(d: Designer, goal: Goal) -> float | None:
    """The price of looking: units beside those of a single look."""
    looked, once = needed(d, goal), needed(replace(d, looking=Once()), goal)
    return looked / once if looked and once and not isinstance(d.looking, Once) else None


def _together(powers: list[float]) -> Together:
    least, independent, most = joint(powers)
    return Together(least=least, independent=independent, most=most)
