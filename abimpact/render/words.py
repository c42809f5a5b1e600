"""The wording of verdicts: one headline for each `code/reason`, one sentence for each rule looked at.

Sentences are plain text with user names as they are; each format escapes them. Numbers are those of the
KPI table, looked up in the report by metric and proposed variant, so that they are rounded alike.

What `Because.data` holds, by rule (numbers are there for JSON; these sentences read the keys marked *):

- `checks`: blocking* [code], warnings [code].
- `primary_worse`, `primary_better`: metrics [item] with one item per primary;
  `primary_better` also more_units* (int or None: units in all that would settle the effect seen).
- `guardrails` (shown worse?): metrics [item], one per guardrail; `guardrails_safe` (shown safe?): metrics
  [item], one per guardrail (one that is only watched is safe unless shown worse); items also hold margin,
  bound, pvalue_safe, pvalue_worse.
- `equivalence`: metrics [item], one per primary with an equivalence margin; items also hold margin.
- `capacity`: limits [limit, exceeded, total, at_most, share_that_fits].
- `maturity`: metric*, units, share*, matures_after_days, answer_on*.
- `simplicity`: simpler* (the variant that stands), probability_better, ship_probability.
- `value`: metric, probability_pays*, ship_probability, keep_probability, npv, break_even_absolute,
  break_even_relative, more_units*, worth_of_more*, cost_of_more* (None where no more units were looked at).
- `trade_off`: better* [metric], worse* [metric], exchange_rate* (units of better[0] gained for each unit of
  worse[0] lost; None if unknown).

item: metric*, shown* (does the rule's statement hold for it?), estimate, low, high, level, is_relative,
pvalue.
"""

import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from abimpact.decide.decision import Because, Decision, Verdict
from abimpact.decide.limits import Capacity
from abimpact.decide.report import Report
from abimpact.decide.verdict import NOT_AN_EXPERIMENT
from abimpact.findings import Finding, Severity, by_chance
from abimpact.render import capacity, money, numbers, phrases, words_money
from abimpact.spec.metric import Role

VERDICT = {
    Verdict.SHIP: "SHIP",
    Verdict.KEEP: "KEEP",
    Verdict.KEEP_TESTING: "KEEP TESTING",
    Verdict.INVALID: "INVALID",
}
WITHHELD = "KPIs are withheld until the log is sound. JSON has them; --show-anyway prints them."
MARKED = "Shown on request: the log is not sound, so none of these numbers can be trusted."


def title(report: Report, decision: Decision) -> str:
    """The verdict in some six words, for a heading after the verdict word."""
    proposed, incumbent = phrases.name(decision.proposed), phrases.name(report.incumbent)
    if decision.code is Verdict.INVALID:
        unsound = "the log is not sound"
        return "this is not an experiment" if decision.reason == "not_an_experiment" else unsound
    return {
        "ship/superior": f"{proposed} is better than {incumbent}",
        "ship/pays": f"{proposed} earns more than {incumbent}",
        "ship/expected_value": f"{proposed} is expected to pay",
        "keep/does_not_pay": f"{proposed} does not pay",
        "keep/not_worth_testing": f"{proposed} is not expected to pay",
        "keep_testing/immature": "the answer is still to come",
        "keep_testing/value": "more testing is worth its price",
        "keep/worse": f"{proposed} is worse than {incumbent}",
        "keep/guardrail": f"{proposed} breaks a guardrail",
        "keep/capacity": f"{proposed} needs more than there is",
        "keep/equivalent": f"{proposed} and {incumbent} are equivalent",
        "keep/not_shown": f"{proposed} is not shown to be better",
        "keep/simpler": f"{proposed} is not shown to be worth its extra cost",
        "keep_testing/guardrail": f"{proposed} is better, but a guardrail is open",
        "keep_testing/trade_off": f"{proposed} gains on one KPI and loses on another",
        "keep_testing/inconclusive": "not decided yet",
    }[f"{decision.code}/{decision.reason}"]


def headline(report: Report, decision: Decision) -> str:
    """The sentence that a manager can forward: who, what, how much, how sure, what next."""
    if decision.code is Verdict.INVALID:
        return _invalid(report, decision)
    return _HEADLINES[f"{decision.code}/{decision.reason}"](report, decision)


def because(report: Report, decision: Decision, rule: Because) -> str:
    """What one rule found, in a sentence."""
    if rule.rule == "checks":
        codes = rule.data["blocking"]
        return f"Checks that block: {', '.join(codes)}." if codes else "No check blocks."
    if rule.rule == "capacity":
        return " ".join(f"Full roll-out needs {capacity.needs(c)}." for c in _capacities(report, decision))
    if rule.rule == "maturity":
        return _maturity(rule.data)
    if rule.rule == "value":
        return words_money.value(report, decision)
    if rule.rule == "simplicity":
        return words_money.against_simpler(report, decision)
    if rule.rule == "trade_off":
        better, worse = phrases.names(rule.data["better"]), phrases.names(rule.data["worse"])
        return (
            f"Better on {better}, worse on {worse}."
            if better and worse
            else "No primary KPI gains while another loses."
        )
    if rule.rule.startswith("guardrails") and not rule.data["metrics"]:
        return "No guardrail is declared."
    found = [i["metric"] for i in rule.data["metrics"] if i["shown"]]
    open_ = [i["metric"] for i in rule.data["metrics"] if not i["shown"]]
    return _RULES[rule.rule](phrases.described(report, decision, found), phrases.names(open_))


def _invalid(report: Report, decision: Decision) -> str:
    codes = NOT_AN_EXPERIMENT if decision.reason == "not_an_experiment" else {decision.reason}
    found = next(f for f in report.findings if f.severity is Severity.BLOCK and f.code in codes)
    seen = _split(report, found) if found.code == "sample_ratio" and report.split else numbers.prose(found.message)
    return " ".join(["No verdict:", phrases.stop(seen), *([phrases.stop(found.do)] if found.do else [])])


def _split(report: Report, found: Finding) -> str:
    planned = ":".join(numbers.plain(share) for share in report.split or ())
    arrived = " : ".join(numbers.count(n) for n in found.data["counts"].values())
    return f"{planned} was planned, {arrived} arrived ({numbers.prose(by_chance(found.data['pvalue']))})"


def _superior(report: Report, decision: Decision) -> str:
    gain = phrases.described(report, decision, _shown(decision, "primary_better"))
    why = "its value could not be estimated" if report.terms else "costs were not given"
    return (
        f"{phrases.name(decision.proposed)} is better than {phrases.name(report.incumbent)}: {gain}; "
        f"{why}, so whether it pays is not known."
    )


def _more_of(report: Report, units: int) -> str:
    """More of what was randomised: units, or as many clusters as hold these."""
    if not report.clusters:
        return f"{numbers.count(units)} more units"
    clusters = math.ceil(units / sum(report.units.values()) * sum(report.clusters.values()))
    return f"{numbers.count(clusters)} more clusters ({phrases.name(report.cluster or '')}) of this size"


def _capacity(report: Report, decision: Decision) -> str:
    told = []
    for found in _capacities(report, decision):
        if found.is_exceeded:
            share = f"{found.share_that_fits * 100:.0f} % of the units would fit"
            told.append(f"{capacity.needs(found)}; {share}")
    return f"{phrases.keep(report)}: at full roll-out {phrases.name(decision.proposed)} needs {' and '.join(told)}."


def _capacities(report: Report, decision: Decision) -> list[Capacity]:
    return [c for c in report.capacities if c.proposed == decision.proposed]


def _immature(_: Report, decision: Decision) -> str:
    data = decision.data("maturity")
    day = numbers.day(date.fromisoformat(data["answer_on"]))
    waiting = f"{phrases.name(data['metric'])} is still to come for {_young(data)}"
    return f"Not decided yet: {waiting}; the answer is in on {day}."


def _maturity(data: Mapping[str, Any]) -> str:
    metric = phrases.name(data["metric"])
    if not data["share"]:
        return f"All units are old enough for {metric}."
    return f"{metric} is still to come for {_young(data)}."


def _young(data: Mapping[str, Any]) -> str:
    share = data["share"]
    return "all units" if share == 1 else f"{money.chance_of(share)} of the units"


def _worse(report: Report, decision: Decision) -> str:
    falls = [phrases.moves(phrases.find(report, decision, m)) for m in _shown(decision, "primary_worse")]
    return f"{phrases.keep(report)}: with {phrases.name(decision.proposed)} {phrases.joined(falls)}."


def _guardrail(report: Report, decision: Decision) -> str:
    broken = [phrases.breaks(phrases.find(report, decision, m)) for m in _shown(decision, "guardrails")]
    gains = _shown(decision, "primary_better")
    proposed = phrases.name(decision.proposed)
    told = f"{proposed} is better on {phrases.names(gains)}, but" if gains else f"with {proposed}"
    return f"{phrases.keep(report)}: {told} {phrases.joined(broken)}."


def _equivalent(report: Report, decision: Decision) -> str:
    result = phrases.find(report, decision, _shown(decision, "equivalence")[0])
    both = phrases.names([decision.proposed, report.incumbent])
    return (
        f"{phrases.keep(report)}, the simpler one: {both} are within ±{phrases.equivalence_limit(result)} "
        f"of each other on {phrases.name(result.metric.name)}."
    )


def _not_shown(report: Report, decision: Decision) -> str:
    binding = next((b.rule for b in decision.because if b.binds), "")
    if binding == "guardrails_safe":
        return f"{phrases.keep(report)}: the test has ended; {_better_but_open(report, decision)}."
    if binding == "trade_off":
        return f"{phrases.keep(report)}: the test has ended; {_traded(report, decision)}."
    told = f"the test has ended and {phrases.name(decision.proposed)} is not shown to be better"
    return f"{phrases.keep(report)}: {told}; {_open(report, decision)}."


def _guardrail_open(report: Report, decision: Decision) -> str:
    return f"Not decided: {_better_but_open(report, decision)}."


def _better_but_open(report: Report, decision: Decision) -> str:
    safe = {i["metric"]: i["shown"] for i in decision.data("guardrails_safe")["metrics"]}
    waiting = [phrases.find(report, decision, m) for m, is_safe in safe.items() if not is_safe]
    stay = phrases.joined([phrases.stays(r) for r in waiting])
    if report.value_of(decision.proposed):
        gain = f"is expected to pay ({words_money.moves(report, decision)})"
    else:
        gain = f"is better on {phrases.described(report, decision, _shown(decision, 'primary_better'))}"
    return f"{phrases.name(decision.proposed)} {gain}, but it is not shown that {stay}"


def _trade_off(report: Report, decision: Decision) -> str:
    return f"Not decided: {_traded(report, decision)}."


def _traded(report: Report, decision: Decision) -> str:
    data = decision.data("trade_off")
    better, worse = (phrases.described(report, decision, data[side]) for side in ("better", "worse"))
    rate = data["exchange_rate"]
    tip = "say what they are worth to each other" if rate is None else (
        f"it is worth shipping if one unit of {phrases.name(data['worse'][0])} "
        f"is worth less than {numbers.value(rate, None)} units of {phrases.name(data['better'][0])}"
    )  # fmt: skip
    return f"{phrases.name(decision.proposed)} is better on {better} and worse on {worse}; {tip}"


def _inconclusive(report: Report, decision: Decision) -> str:
    more = decision.data("primary_better")["more_units"]
    settle = (
        f" Some {_more_of(report, more)}{_in_days(report, more)} would settle an effect of this size." if more else ""
    )
    with_ = f"with {phrases.name(decision.proposed)} " if len(report.verdicts) > 1 else ""
    return f"Not decided: {with_}{_open(report, decision)}.{settle}"


def _in_days(report: Report, units: int) -> str:
    """How long units take to come as they came so far."""
    if not (report.start and report.end):
        return ""
    days = (report.end - report.start).days + 1
    more = math.ceil(units * days / sum(report.units.values()))
    return f" ({numbers.count(more)} more day{'' if more == 1 else 's'})"


def _open(report: Report, decision: Decision) -> str:
    """What is known of the first primary metric when nothing is shown."""
    primary = next(
        m for m in report.metrics
        if m.metric.role is Role.PRIMARY and m.proposed.variant == decision.proposed
    )  # fmt: skip
    printed, metric = phrases.change(primary), phrases.name(primary.metric.name)
    if printed is None or primary.chosen is None:
        message = numbers.prose(primary.not_estimated.message) if primary.not_estimated else "no method applies"
        return f"{metric} could not be estimated: {message.rstrip('.')}"
    interval = primary.chosen.absolute
    low, high = interval.low, interval.high
    if low is not None and high is not None and low * high > 0:
        return f"{metric} {printed.limits}, which is not enough once all comparisons are allowed for"
    return f"{metric} between {printed.limits.replace(' to ', ' and ')}: an effect either way is possible"


def _shown(decision: Decision, rule: str) -> list[str]:
    """The metrics for which a rule's statement holds; none if the rule was not looked at."""
    rules = (b for b in decision.because if b.rule == rule)
    return [i["metric"] for b in rules for i in b.data["metrics"] if i["shown"]]


_HEADLINES: dict[str, Callable[[Report, Decision], str]] = {
    "ship/superior": _superior,
    "ship/pays": words_money.pays,
    "ship/expected_value": words_money.expected_value,
    "keep/does_not_pay": words_money.does_not_pay,
    "keep/not_worth_testing": words_money.not_worth_testing,
    "keep_testing/value": words_money.more_is_worth,
    "keep_testing/immature": _immature,
    "keep/worse": _worse,
    "keep/guardrail": _guardrail,
    "keep/capacity": _capacity,
    "keep/equivalent": _equivalent,
    "keep/not_shown": _not_shown,
    "keep/simpler": words_money.simpler,
    "keep_testing/guardrail": _guardrail_open,
    "keep_testing/trade_off": _trade_off,
    "keep_testing/inconclusive": _inconclusive,
}
_RULES: dict[str, Callable[[str, str], str]] = {
    "primary_worse": lambda yes, _: f"Shown worse: {yes}." if yes else "No primary KPI is shown worse.",
    "primary_better": lambda yes, no: f"Shown better: {yes}." if yes else f"Not shown better: {no}.",
    "guardrails": lambda yes, _: f"Shown worse than tolerated: {yes}." if yes else "No guardrail is broken.",
    "guardrails_safe": lambda _, no: f"Not shown within the limit: {no}." if no else "All guardrails hold.",
    "equivalence": lambda yes, no: (
        f"Equivalent: {yes}." if yes else f"Not shown equivalent: {no or 'no margin declared'}."
    ),
}
