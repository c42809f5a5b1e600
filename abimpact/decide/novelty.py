"""Does the effect of a primary KPI wear off while the test runs?"""

from collections.abc import Sequence

from abimpact.decide.course import Development
from abimpact.decide.report import MetricResult
from abimpact.estimate.multiplicity import holm
from abimpact.findings import Finding, Severity, by_chance
from abimpact.spec.metric import Role

TREND_BELOW = 0.01


def novelty(results: Sequence[MetricResult]) -> list[Finding]:
    """Trends of the primary KPIs' effects over days, adjusted for their number (Holm)."""
    found = [
        (r, r.course.development)
        for r in results
        if r.metric.role is Role.PRIMARY and r.course and r.course.development
    ]
    pvalues = holm([development.pvalue for _, development in found])
    moved = [
        _finding(result, development, pvalue)
        for (result, development), pvalue in zip(found, pvalues, strict=True)
        if pvalue is not None and pvalue < TREND_BELOW
    ]
    if moved or not found:
        return moved
    data = {"trends": [_data(r, d, p) for (r, d), p in zip(found, pvalues, strict=True)]}
    message = "No effect on a primary KPI grows or wears off from day to day."
    return [Finding(code="novelty", severity=Severity.PASS, message=message, data=data)]


def _finding(result: MetricResult, development: Development, pvalue: float) -> Finding:
    name, proposed = result.metric.name, result.proposed.variant
    first, last = (_signed(x.estimate) for x in (development.first, development.last))
    fades = development.is_fading
    way = "wears off" if fades else "grows"
    span = f"from {first} on the first day to {last} on the last, by its trend ({by_chance(pvalue)})"
    return Finding(
        code="novelty",
        severity=Severity.WARN if fades else Severity.INFO,
        message=f"The effect of {proposed} on {name} {way}: {span}. {_later(development)}",
        why="The average over the test promises more than will last."
        if fades
        else "The average over the test may promise less than will come.",
        do="Run longer, and count on the last days rather than on the average."
        if fades
        else "Run longer if the answer hangs on it.",
        data=_data(result, development, pvalue),
    )


def _later(development: Development) -> str:
    """Where the trend leads; a line that crosses zero says no more than that nothing is left."""
    if development.zero_on:
        day, what = development.zero_on, "nothing would be left of it"
    elif development.is_used_up:
        return "By that trend nothing is left of it."
    else:
        day, what = development.until, f"it would be {_signed(development.if_it_went_on.estimate)}"
    return f"If that went on (an extrapolation, not an estimate), {what} by {day.day} {day:%b %Y}."


def _data(result: MetricResult, development: Development, pvalue: float | None) -> dict[str, object]:
    return {
        "metric": result.metric.name,
        "proposed": result.proposed.variant,
        "by": "day",
        "days": development.days,
        "slope": development.slope,
        "pvalue": development.pvalue,
        "pvalue_adjusted": pvalue,
        "first": development.first.estimate,
        "last": development.last.estimate,
        "until": development.until.isoformat(),
        "if_it_went_on": development.if_it_went_on.estimate,
    }


def _signed(number: float | None) -> str:
    return f"{number or 0.0:+.3g}".replace("-", "−")
