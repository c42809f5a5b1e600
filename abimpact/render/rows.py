"""The rows of a report's tables as text: every number a string made by `numbers`, every name as it is."""

from dataclasses import dataclass

from abimpact.decide.caveats import SO_FAR
from abimpact.decide.report import MetricResult
from abimpact.estimate.estimate import Estimate, Interval, Kind, Simultaneous
from abimpact.render import numbers, phrases
from abimpact.render.methods import METHODS
from abimpact.spec.corrections import Correction
from abimpact.spec.metric import Better, MetricKind, Role

CORRECTIONS = {Correction.HOLM: "Holm", Correction.BENJAMINI_HOCHBERG: "Benjamini–Hochberg", Correction.NONE: "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiRow:
    """One KPI. `note` stands below it; `bar` is the lift as (low, estimate, high), None where there is none.

    `tone` is `better`, `worse` or `open`, read off the printed interval. A KPI that is not estimated has
    dashes for numbers and says why in `note`.
    """

    name: str
    is_primary: bool
    incumbent: str
    proposed: str
    lift: str
    interval: str
    pvalue: str
    note: str
    tone: str
    bar: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailRow:
    """One guardrail: the worst case is the one-sided limit that is held against what is tolerated.

    `bar` is the change and its worst case as shares of the limit, worse being positive; None where there is no limit.
    """

    name: str
    incumbent: str
    proposed: str
    change: str
    worst: str
    limit: str
    status: str
    tone: str
    bar: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRow:
    """One estimate by one method, for readers who want them all."""

    metric: str
    method: str
    difference: str
    difference_interval: str
    lift: str
    lift_interval: str
    pvalue: str
    notes: str


def kpi_row(result: MetricResult) -> KpiRow:
    """A KPI as it is printed."""
    metric, chosen, printed = result.metric, result.chosen, phrases.change(result)
    bar = None
    if chosen and chosen.relative.kind is Kind.BOUNDED:
        lift = chosen.relative
        if lift.estimate is not None and lift.low is not None and lift.high is not None:
            bar = (lift.low, lift.estimate, lift.high)
    return KpiRow(
        name=phrases.name(metric.name),
        is_primary=metric.role is Role.PRIMARY,
        incumbent=numbers.value(result.incumbent.value, metric.kind),
        proposed=numbers.value(result.proposed.value, metric.kind),
        lift=printed.lift if printed else numbers.NONE,
        interval=printed.interval if printed else numbers.NONE,
        pvalue=numbers.pvalue(_pvalue(chosen)) if chosen else numbers.NONE,
        note=_note(result),
        tone=_tone(chosen.absolute, metric.better) if chosen else "open",
        bar=bar,
    )


def _simultaneous(result: MetricResult, found: Simultaneous) -> str:
    """The interval that holds for all proposed variants together, as the one beside it is printed."""
    is_lift = found.relative.kind is Kind.BOUNDED
    interval = found.relative if is_lift else found.absolute
    unit = numbers.PERCENT if is_lift else numbers.difference_unit(result.metric.kind)
    return f"for all variants together: {numbers.change(interval, unit).interval}"


def _note(result: MetricResult) -> str:
    """What must be known beside the numbers: role, direction, method, caveats, or why there are none."""
    metric, chosen = result.metric, result.chosen
    parts = ["primary"] if metric.role is Role.PRIMARY else []
    if metric.better is Better.LOWER:
        parts.append("lower is better")
    if result.not_estimated:
        parts.append(f"not estimated: {numbers.prose(result.not_estimated.message)}")
    if chosen:
        parts += [METHODS[chosen.method].label] if METHODS[chosen.method].label else []
        is_adjusted = chosen.pvalue_adjusted not in {None, chosen.pvalue}
        parts += [f"p adjusted for several comparisons ({CORRECTIONS[result.correction]})"] if is_adjusted else []
        parts += [_simultaneous(result, result.simultaneous)] if result.simultaneous else []
        parts += map(numbers.prose, chosen.notes)
    return " · ".join(parts)


def guardrail_row(result: MetricResult) -> GuardrailRow:
    """A guardrail against what it tolerates, or as watched."""
    metric, chosen, margin = result.metric, result.chosen, result.guardrail
    change, worst = numbers.NONE, numbers.NONE
    tone = _tone(chosen.absolute, metric.better) if chosen else "open"
    status = {"worse": "watched: worse", "better": "watched: better", "open": "watched"}[tone]
    if chosen:
        interval, unit = numbers.shown(chosen, metric.kind)
        if margin:
            interval = chosen.relative if margin.is_relative else chosen.absolute
            unit = numbers.PERCENT if margin.is_relative else numbers.difference_unit(metric.kind)
        printed = numbers.change(interval, unit)
        change = printed.lift
        worst = (printed.low if metric.better is Better.HIGHER else printed.high) + unit.suffix
        if margin:
            worst = numbers.bound(margin.bound, margin.margin, unit)
            tone = "better" if margin.is_safe else "worse" if margin.is_worse else "open"
            status = {"better": "holds", "worse": "broken", "open": "not shown to hold"}[tone]
        if SO_FAR in chosen.notes:
            status += " so far"
    if result.not_estimated:
        status = f"not estimated: {numbers.prose(result.not_estimated.message)}"
    return GuardrailRow(
        name=phrases.name(metric.name),
        incumbent=numbers.value(result.incumbent.value, metric.kind),
        proposed=numbers.value(result.proposed.value, metric.kind),
        change=change,
        worst=worst,
        limit=phrases.guardrail_limit(result, is_signed=True) or "none",
        status=status,
        tone=tone,
        bar=_shares(result),
    )


def _shares(result: MetricResult) -> tuple[float, float] | None:
    """A guardrail's change and worst case as shares of its limit."""
    chosen, margin = result.chosen, result.guardrail
    if chosen is None or margin is None or margin.bound is None:
        return None
    change = (chosen.relative if margin.is_relative else chosen.absolute).estimate
    sign = -1 if result.metric.better is Better.HIGHER else 1
    return None if change is None else (sign * change / margin.margin, sign * margin.bound / margin.margin)


def estimate_row(result: MetricResult, estimate: Estimate) -> EstimateRow:
    """One estimate as it is printed in the list of all."""
    kind: MetricKind | None = result.metric.kind
    difference = numbers.change(estimate.absolute, numbers.difference_unit(kind))
    lift = numbers.change(estimate.relative, numbers.PERCENT)
    is_chosen = estimate.method == result.chosen_method
    return EstimateRow(
        metric=phrases.name(result.metric.name),
        method=estimate.method + (" (chosen)" if is_chosen else ""),
        difference=difference.lift,
        difference_interval=difference.interval,
        lift=lift.lift,
        lift_interval=lift.interval,
        pvalue=numbers.pvalue_in_full(estimate.pvalue),
        notes=" · ".join(map(numbers.prose, estimate.notes)),
    )


def _pvalue(estimate: Estimate) -> float | None:
    return estimate.pvalue if estimate.pvalue_adjusted is None else estimate.pvalue_adjusted


def _tone(interval: Interval, better: Better) -> str:
    """Whether an interval lies wholly on the better or the worse side of zero."""
    is_up = interval.low is not None and interval.low > 0
    is_down = interval.high is not None and interval.high < 0
    if not (is_up or is_down):
        return "open"
    return "better" if is_up == (better is Better.HIGHER) else "worse"
