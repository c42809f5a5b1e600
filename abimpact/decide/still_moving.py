"""Does the effect on a primary KPI change with the age of its units, as outcomes that come late make it do?

A log drawn at one moment cannot tell an effect that changes from one that has not fully arrived: the units of the first
days are also the oldest. So this looks at the trend that `novelty` tests, and speaks where late outcomes are as good an
explanation: the younger units look better, or what the incumbent's units have brought depends on their age as well.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from abimpact.decide.course import Development
from abimpact.decide.developing import FEWEST_UNITS
from abimpact.decide.report import MetricResult
from abimpact.estimate.arm import contract
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.linear import linearise
from abimpact.estimate.multiplicity import holm
from abimpact.estimate.trend import trend
from abimpact.findings import Finding, Severity, by_chance
from abimpact.spec.metric import Better, Role
from abimpact.summarise.days import Day

MOVES_BELOW = 0.01


def still_moving(
    results: Sequence[MetricResult], days: Mapping[str, Sequence[Day]], as_of: date | None
) -> list[Finding]:
    """Primary KPIs of which nobody said when they are known, adjusted for their number (Holm).

    `as_of` is the day on which the log was drawn; None: its last day.
    """
    found = [
        (r, r.course.development)
        for r in results
        if r.metric.role is Role.PRIMARY
        and r.metric.matures_after is None
        and r.course
        and r.course.development
        and _is_young(days[r.metric.name], as_of)
    ]
    pvalues = holm([development.pvalue for _, development in found])
    moving = [
        _finding(r, development, pvalue, as_of, days[r.metric.name])
        for (r, development), pvalue in zip(found, pvalues, strict=True)
        if pvalue is not None and pvalue < MOVES_BELOW and _comes_late(r, development, days[r.metric.name])
    ]
    if moving or not found:
        return moving
    message = "No effect on a primary KPI looks as if its outcomes were still coming in."
    told = [{"metric": r.metric.name, "proposed": r.proposed.variant, "pvalue": d.pvalue} for r, d in found]
    return [Finding(code="still_moving", severity=Severity.PASS, message=message, data={"looked_at": told})]


def _is_young(days: Sequence[Day], as_of: date | None) -> bool:
    """Whether the youngest units are younger than the test is long; else all have had about the same time."""
    first, last = days[0].start, days[-1].start
    return as_of is None or (as_of - last).days < (last - first).days


def _comes_late(result: MetricResult, development: Development, days: Sequence[Day]) -> bool:
    """Whether late outcomes explain the trend: the young look better, or the incumbent's value has a trend too."""
    looks_better = development.slope * (1 if result.metric.better is Better.HIGHER else -1) > 0
    if looks_better:
        return True
    at, values, errors = [], [], []
    for day in days:
        seen = linearise(day.alone, 0)
        if isinstance(seen, NotEstimated) or seen.moments.n < FEWEST_UNITS:
            continue
        arm = contract(seen.moments, seen.weights, seen.value)
        if arm.variance:
            at.append(float((day.start - days[0].start).days))
            values.append(arm.value)
            errors.append(arm.variance_of_mean**0.5)
    line = trend(at, values, errors)
    return line is not None and line.pvalue < MOVES_BELOW


def _finding(
    result: MetricResult, development: Development, pvalue: float, as_of: date | None, days: Sequence[Day]
) -> Finding:
    assert result.course is not None
    drawn = as_of or days[-1].start
    curve = [
        {
            "age": (drawn - day.start).days,
            "units": sum(day.units),
            "effect": day.alone.absolute.estimate,
            "low": day.alone.absolute.low,
            "high": day.alone.absolute.high,
        }
        for day in result.course.days
        if day.alone is not None
    ]
    oldest, youngest = (drawn - days[0].start).days, (drawn - days[-1].start).days
    old, young = (_signed(x.estimate) for x in (development.first, development.last))
    name = result.metric.name
    return Finding(
        code="still_moving",
        severity=Severity.WARN,
        message=f"The effect of {result.proposed.variant} on {name} changes with the age of the units: {old} where "
        f"they are {oldest} days old, {young} where {youngest}, by its trend ({by_chance(pvalue)}).",
        why="Outcomes that come late (chargebacks, refunds, orders to come) look like this: the young units do not "
        "show yet what they will. So does an effect that changes while the test runs.",
        do="If outcomes come late, say when they are known (matures_after), and wait; else go by the last days.",
        data={
            "metric": name,
            "proposed": result.proposed.variant,
            "pvalue": development.pvalue,
            "pvalue_adjusted": pvalue,
            "oldest": oldest,
            "youngest": youngest,
            "curve": curve,
        },
    )


def _signed(number: float | None) -> str:
    return f"{number or 0.0:+.3g}".replace("-", "−")
