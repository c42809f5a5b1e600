"""The verdict: the first rule of design.md §10 that binds, and what every rule looked at.

A pure function of findings and results. The rules' data are described in `render/words.py`, which words them.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri

from abimpact.decide.decision import Because, Decision, Verdict
from abimpact.decide.limits import Capacity
from abimpact.decide.report import MetricResult
from abimpact.decide.shown import Shown, shown, sign
from abimpact.decide.value import MORE, Value
from abimpact.findings import Finding, Severity
from abimpact.spec.metric import Role
from abimpact.spec.value import ValueTerms

NOT_AN_EXPERIMENT = frozenset({"not_concurrent", "variant_follows"})
# Reasons that decide, but not by what is shown: answers still to come may change them.
UNDECIDED = frozenset({"expected_value", "not_worth_testing"})
# More units are only worth naming while someone might wait for them.
POWER, MOST_TIMES_MORE = 0.8, 100


def decide(
    findings: Sequence[Finding],
    results: Sequence[MetricResult],
    proposed: str,
    level: float,
    *,
    worth: Value | None = None,
    terms: ValueTerms | None = None,
    capacities: Sequence[Capacity] = (),
    is_ended: bool = False,
) -> Decision:
    """The verdict for one proposed variant from its `results` (those of other variants are passed over).

    `worth` is what it is worth by the `terms`, if money was asked for; `capacities` are limits on totals; a test that
    `is_ended` is never to go on.
    """
    seen = shown(results, proposed, level)
    money = _money(worth, terms, is_ended=is_ended) if worth and terms else None
    stopping = _stopping(findings, seen, [c for c in capacities if c.proposed == proposed])
    on_effect = _on_money(seen, money) if money else _on_what_is_shown(seen)
    binding = next((r for r in (*stopping, *on_effect) if r.binds), None)
    names = {m.metric.name for m in seen.primaries} | ({worth.metric} if worth else set())
    is_open = binding is None or binding.code is Verdict.KEEP_TESTING or binding.reason in UNDECIDED
    # Before what decides on the effect, after what stops the test whatever is still to come.
    young = _immature(findings, names, is_open=is_open)
    binding = young if young and young.binds else binding
    code, reason = (binding.code, binding.reason) if binding else (Verdict.KEEP_TESTING, "inconclusive")
    if is_ended and code is Verdict.KEEP_TESTING and reason != "immature":
        code, reason = Verdict.KEEP, "not_shown"
    rules = [*stopping, *([young] if young else []), *on_effect]
    because = tuple(Because(rule=r.name, binds=r is binding, data=r.data) for r in rules)
    return Decision(code=code, reason=reason, proposed=proposed, because=because)


def overall(decisions: Sequence[Decision], results: Sequence[MetricResult], values: Sequence[Value] = ()) -> Decision:
    """The verdict of the best proposed variant: one that may ship, else one still open, else one that is kept out.

    Among equals the higher net value wins, without money the first primary's effect.
    """
    order = {Verdict.SHIP: 0, Verdict.KEEP_TESTING: 1, Verdict.KEEP: 2, Verdict.INVALID: 3}
    net = {v.proposed: v.npv.estimate or 0.0 for v in values}
    return min(decisions, key=lambda d: (order[d.code], -net.get(d.proposed, _gain(results, d.proposed))))


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule: whether it holds, the verdict that it gives, and its numbers."""

    name: str
    binds: bool
    code: Verdict
    reason: str
    data: Mapping[str, Any]


def _stopping(findings: Sequence[Finding], seen: Shown, capacities: Sequence[Capacity]) -> list[_Rule]:
    """Rules that stop a test whatever the money says."""
    blocking = sorted({f.code for f in findings if f.severity is Severity.BLOCK})
    is_worse = any(seen.worse.values()) and not seen.is_against
    rules = [
        _Rule("checks", bool(blocking), Verdict.INVALID, _invalid_reason(blocking), _checks(blocking, findings)),
        _Rule("primary_worse", is_worse, Verdict.KEEP, "worse", _items(seen.primaries, seen.worse)),
        _Rule("guardrails", any(seen.broken.values()), Verdict.KEEP, "guardrail", _items(seen.guardrails, seen.broken)),
    ]
    return [*rules, _capacity(capacities)] if capacities else rules


def _on_money(seen: Shown, money: _Rule) -> list[_Rule]:
    """Rules on the effect where its worth decides."""
    # Equivalent and not shown to pay: the simpler stays. What is known not to pay has the stronger reason.
    is_tied = seen.is_equivalent and money.reason not in ("pays", "does_not_pay")
    return [
        _equivalence(seen, binds=is_tied),
        _guardrails_safe(seen, wants_to_ship=money.code is Verdict.SHIP),
        money,
        _primary_better(seen, binds=False),
    ]


def _on_what_is_shown(seen: Shown) -> list[_Rule]:
    """Rules on the effect without money."""
    trade = _trade_off(seen.primaries, seen.better, seen.worse)
    return [
        _Rule("trade_off", seen.is_against, Verdict.KEEP_TESTING, "trade_off", trade),
        _guardrails_safe(seen, wants_to_ship=seen.is_better),
        _primary_better(seen, binds=seen.is_better),
        _equivalence(seen, binds=seen.is_equivalent),
    ]


def _guardrails_safe(seen: Shown, *, wants_to_ship: bool) -> _Rule:
    is_open = wants_to_ship and not all(seen.safe.values())
    return _Rule("guardrails_safe", is_open, Verdict.KEEP_TESTING, "guardrail", _items(seen.guardrails, seen.safe))


def _primary_better(seen: Shown, *, binds: bool) -> _Rule:
    data = _items(seen.primaries, seen.better) | {"more_units": _more_units(seen.primaries, seen.level)}
    return _Rule("primary_better", binds, Verdict.SHIP, "superior", data)


def _equivalence(seen: Shown, *, binds: bool) -> _Rule:
    known = [r for r in seen.primaries if r.equivalence is not None]
    return _Rule("equivalence", binds, Verdict.KEEP, "equivalent", _items(known, seen.equivalent))


def _capacity(found: Sequence[Capacity]) -> _Rule:
    limits = [
        {
            "limit": c.limit.name,
            "exceeded": c.is_exceeded,
            "total": c.total.estimate,
            "at_most": c.limit.at_most,
            "share_that_fits": c.share_that_fits,
        }
        for c in found
    ]
    return _Rule("capacity", any(c.is_exceeded for c in found), Verdict.KEEP, "capacity", {"limits": limits})


def _immature(findings: Sequence[Finding], metrics: Collection[str], *, is_open: bool) -> _Rule | None:
    """Whether the answer on one of `metrics` is still to come, and the mature units leave the decision open."""
    young = [f.data for f in findings if f.code == "immature" and f.data["metric"] in metrics]
    waiting = [data for data in young if data["share"] > 0]
    if not young:
        return None
    last = max(waiting, key=lambda data: data["answer_on"]) if waiting else young[0]
    return _Rule("maturity", bool(waiting) and is_open, Verdict.KEEP_TESTING, "immature", dict(last))


def _money(worth: Value, terms: ValueTerms, *, is_ended: bool) -> _Rule:
    """What the chance of paying says, and in between whether another period is worth more than it costs."""
    p = worth.probability_pays
    another = next((m for m, factor in zip(worth.more, MORE, strict=False) if factor == 1.0), None)
    if p <= terms.keep_probability:
        code, reason = Verdict.KEEP, "does_not_pay"
    elif p >= terms.ship_probability:
        code, reason = Verdict.SHIP, "pays"
    elif another and another.worth > another.cost and not is_ended:
        code, reason = Verdict.KEEP_TESTING, "value"
    elif (worth.npv.estimate or 0.0) > 0:
        code, reason = Verdict.SHIP, "expected_value"
    else:
        code, reason = Verdict.KEEP, "not_worth_testing"
    data = {
        "metric": worth.metric,
        "probability_pays": p,
        "ship_probability": terms.ship_probability,
        "keep_probability": terms.keep_probability,
        "npv": worth.npv.estimate,
        "break_even_absolute": worth.break_even_absolute,
        "break_even_relative": worth.break_even_relative,
        "more_units": another and another.more_units,
        "worth_of_more": another and another.worth,
        "cost_of_more": another and another.cost,
    }
    return _Rule("value", True, code, reason, data)


def _gain(results: Sequence[MetricResult], proposed: str) -> float:
    first = next(r for r in results if r.proposed.variant == proposed and r.metric.role is Role.PRIMARY)
    return first.chosen.absolute.estimate * sign(first) if first.chosen and first.chosen.absolute.estimate else 0.0


def _invalid_reason(blocking: Sequence[str]) -> str:
    if not blocking:
        return ""
    return "not_an_experiment" if NOT_AN_EXPERIMENT & set(blocking) else blocking[0]


def _checks(blocking: Sequence[str], findings: Sequence[Finding]) -> dict[str, Any]:
    return {"blocking": blocking, "warnings": sorted({f.code for f in findings if f.severity is Severity.WARN})}


def _items(results: Sequence[MetricResult], shown: Mapping[str, bool]) -> dict[str, Any]:
    return {"metrics": [_item(r, shown[r.metric.name]) for r in results]}


def _item(result: MetricResult, is_shown: bool) -> dict[str, Any]:
    """One metric's numbers behind a rule: its relative interval where there is one, else the absolute one."""
    item: dict[str, Any] = {"metric": result.metric.name, "shown": is_shown}
    if chosen := result.chosen:
        is_relative = chosen.relative.low is not None or chosen.relative.high is not None
        interval = chosen.relative if is_relative else chosen.absolute
        item |= {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level}
        item |= {"is_relative": is_relative, "pvalue": chosen.pvalue, "pvalue_adjusted": chosen.pvalue_adjusted}
    if test := result.guardrail or result.equivalence:
        item |= {
            "margin": test.margin,
            "bound": test.bound,
            "pvalue_safe": test.pvalue_safe,
            "pvalue_worse": test.pvalue_worse,
        }
    return item


def _trade_off(
    primaries: Sequence[MetricResult], better: Mapping[str, bool], worse: Mapping[str, bool]
) -> dict[str, Any]:
    gains = [r for r in primaries if better[r.metric.name]]
    losses = [r for r in primaries if worse[r.metric.name]]
    rate = None
    if gains and losses and gains[0].chosen and losses[0].chosen:
        won, lost = gains[0].chosen.absolute.estimate, losses[0].chosen.absolute.estimate
        rate = abs(won / lost) if won and lost else None
    return {
        "better": [r.metric.name for r in gains],
        "worse": [r.metric.name for r in losses],
        "exchange_rate": rate,
    }


def _more_units(primaries: Sequence[MetricResult], level: float) -> int | None:
    """Units beyond those seen for power 0.8 at the first primary's effect as estimated; None if out of reach."""
    chosen = primaries[0].chosen if primaries else None
    if chosen is None or not chosen.statistic:
        return None
    n = primaries[0].incumbent.units + primaries[0].proposed.units
    wanted = float(ndtri(0.5 + level / 2) + ndtri(POWER))
    factor = wanted / abs(chosen.statistic)
    return _rounded(n * (factor**2 - 1)) if 1 < factor <= math.sqrt(MOST_TIMES_MORE) else None


def _rounded(units: float) -> int:
    """Up to two digits: what is projected is not known to the unit."""
    step: int = 10 ** max(len(str(int(units))) - 2, 0)
    return math.ceil(units / step) * step
