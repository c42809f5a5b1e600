"""Every verdict is reachable, the first rule that binds decides, and each is worded and valid JSON."""

import json
from dataclasses import replace
from datetime import date
from inspect import getsource
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import abimpact.render
from abimpact.check.table import CHECKS
from abimpact.decide.decision import REASONS, Verdict
from abimpact.decide.families import adjust_pvalues
from abimpact.decide.limits import capacities
from abimpact.decide.money import evsi, value
from abimpact.decide.report import MetricResult
from abimpact.decide.simplicity import keep_simpler
from abimpact.decide.value import Effect, MoreData, Value
from abimpact.decide.verdict import NOT_AN_EXPERIMENT, decide, overall
from abimpact.decide.worth import compare_values
from abimpact.estimate.estimate import Interval
from abimpact.findings import Finding, Severity
from abimpact.render.json import to_dict
from abimpact.render.markdown import to_markdown
from abimpact.spec.limit import Limit
from abimpact.spec.metric import Better, Role, Tolerance
from tests.decide.test_money import TERMS
from tests.render import build

SCHEMA = json.loads((Path(abimpact.render.__file__).parent / "report.schema.json").read_text())
GOOD, BAD, OPEN = 0.04, -0.04, 0.0


def metric(name: str, lift: float, role: Role = Role.PRIMARY, **more: Any) -> MetricResult:
    """A metric whose lift is `lift` ± 0.02, with the p that goes with it."""
    pvalue = 0.0001 if abs(lift) > 0.02 else 0.6
    limits = (lift, lift - 0.02, lift + 0.02)
    return build.metric(name, build.estimate("welch", limits, limits, pvalue), role=role, **more)


def guardrail(lift: float, safe: float, worse: float) -> MetricResult:
    margin = {"margin": Tolerance(amount=0.05, is_relative=True), "guardrail": build.margin(0.05, lift, safe, worse)}
    return metric("errors", lift, Role.GUARDRAIL, better=Better.LOWER, **margin)


SAFE, BROKEN, UNSURE = guardrail(0.0, 0.001, 0.99), guardrail(0.2, 0.999, 0.001), guardrail(0.04, 0.4, 0.6)
WATCHED = metric("unsubscribes", 0.04, Role.GUARDRAIL, better=Better.LOWER)
EQUIVALENT = metric(
    "profit",
    OPEN,
    equivalence_margin=Tolerance(amount=0.05, is_relative=True),
    equivalence=build.margin(0.05, 0.0, 0.01, 0.9, 0.01),
)
BLOCK = Finding(
    code="sample_ratio",
    severity=Severity.BLOCK,
    message="50:50 was planned; units: 10 rules, 90 ml.",
    why="Units are missing.",
    do="Find the loss.",
    data={"counts": {"rules": 10, "ml": 90}, "expected": {"rules": 50, "ml": 50}, "pvalue": 1e-9, "statistic": 40.0},
)
CALENDAR = replace(BLOCK, code="not_concurrent", message="They share 0% of their days.", data={"overlap": {"ml": 0.0}})

SITUATIONS = {
    "invalid/sample_ratio": ([BLOCK], [metric("profit", GOOD)]),
    "invalid/not_an_experiment": ([BLOCK, CALENDAR], [metric("profit", GOOD)]),
    "keep/worse": ([], [metric("profit", BAD), SAFE]),
    "keep/guardrail": ([], [metric("profit", GOOD), BROKEN]),
    "keep_testing/trade_off": ([], [metric("profit", GOOD), metric("sales", BAD)]),
    "keep_testing/guardrail": ([], [metric("profit", GOOD), UNSURE]),
    "ship/superior": ([], [metric("profit", GOOD), SAFE]),
    "keep/equivalent": ([], [EQUIVALENT]),
    "keep_testing/inconclusive": ([], [metric("profit", OPEN), SAFE]),
}


# Money: the net value has mean and sd in units of the break-even; the flags say guardrail, equivalence and end.
IN_MONEY: dict[str, tuple[float, float, list[MetricResult], dict[str, Any]]] = {
    "keep/does_not_pay": (-2.0, 1.0, [metric("profit", GOOD), SAFE], {}),
    "ship/pays": (2.0, 1.0, [metric("profit", GOOD), SAFE], {}),
    "keep_testing/value": (0.1, 1.0, [metric("profit", GOOD), SAFE], {"cost": 0.1}),
    "ship/expected_value": (0.1, 1.0, [metric("profit", GOOD), SAFE], {"cost": 10.0}),
    "keep/not_worth_testing": (-0.1, 1.0, [metric("profit", OPEN)], {"cost": 10.0}),
    "keep/equivalent": (0.1, 1.0, [EQUIVALENT], {}),
    "keep_testing/guardrail": (2.0, 1.0, [metric("profit", GOOD), UNSURE], {}),
    "keep/not_shown": (2.0, 1.0, [metric("profit", GOOD), UNSURE], {"is_ended": True}),
}


def money(mean: float, sd: float, cost: float = 10.0) -> Value:
    """A net value with this mean and sd, in units of 1,000."""
    terms = replace(TERMS, worth=1.0, units_per_year=1e6, horizon_years=1.0, discount_rate=0.0)
    found = value(Effect(estimate=mean / 1000 + 0.15, se=sd / 1000, incumbent=2.6), terms, "ml", 1e6, 0.95)
    more = tuple(MoreData(more_units=1000, worth=evsi(found, (sd / 1000) ** 2), cost=cost * 1000) for _ in range(3))
    return replace(found, more=more)


YOUNG = Finding(
    code="immature",
    severity=Severity.INFO,
    message="profit is known 90 days after a unit's start",
    data={"metric": "profit", "units": {"rules": 60, "ml": 60}, "share": 0.6, "answer_on": "2026-06-12"},
)


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([metric("profit", OPEN)], "keep_testing/immature"),
        ([metric("profit", GOOD), SAFE], "ship/superior"),
        ([metric("profit", BAD)], "keep/worse"),
        ([metric("profit", OPEN), BROKEN], "keep/guardrail"),
        ([metric("sales", OPEN)], "keep_testing/inconclusive"),
    ],
)
def test_an_answer_still_to_come_is_waited_for_unless_mature_units_decide(
    results: list[MetricResult], verdict: str
) -> None:
    adjusted = adjust_pvalues(results)
    for is_ended in (False, True):
        decision = decide([YOUNG], adjusted, "ml", 0.95, is_ended=is_ended)
        told = verdict.replace("keep_testing/inconclusive", "keep/not_shown") if is_ended else verdict
        assert f"{decision.code}/{decision.reason}" == told
    document = to_dict(build.report(decision, adjusted, YOUNG))
    jsonschema.validate(document, SCHEMA)
    assert ("12 Jun 2026" in document["verdict"]["headline"]) == (verdict == "keep_testing/immature")


def test_a_limit_that_is_exceeded_keeps_the_incumbent_and_names_the_share_that_fits() -> None:
    limit = Limit(name="reviews", at_most=200.0, days=1)
    means = [Interval(estimate=m, low=m - 0.01, high=m + 0.01, level=0.95) for m in (0.1, 0.3)]
    for units_per_day, verdict, share in ((1000.0, "keep/capacity", 0.5), (600.0, "ship/superior", 1.0)):
        found = capacities([limit], {"reviews": means}, ["rules", "ml"], units_per_day, (date(2026, 3, 7), 1500.0))
        results = adjust_pvalues([metric("profit", GOOD)])
        decision = decide([], results, "ml", 0.95, capacities=found)
        assert f"{decision.code}/{decision.reason}" == verdict
        assert found[0].share_that_fits == pytest.approx(share)
        assert (found[0].total.estimate, found[0].peak) == pytest.approx((0.3 * units_per_day, 450.0))
        report = replace(build.report(decision, results), capacities=found)
        document = to_dict(report)
        jsonschema.validate(document, SCHEMA)
        assert ("50 % of the units would fit" in document["verdict"]["headline"]) == (verdict == "keep/capacity")
        assert "| reviews a day " in to_markdown(report)


@pytest.mark.parametrize(("incumbent", "proposed", "share"), [(0.3, 0.1, 1.0), (0.3, 0.25, 0.0), (0.0, 0.4, 0.5)])
def test_the_share_that_fits_is_between_none_and_all(incumbent: float, proposed: float, share: float) -> None:
    limit = Limit(name="reviews", at_most=20.0, days=1)
    means = [Interval(estimate=m, low=m, high=m, level=0.95) for m in (incumbent, proposed)]
    (found,) = capacities([limit], {"reviews": means}, ["rules", "ml"], 100.0, None)
    assert found.share_that_fits == pytest.approx(share)
    assert found.peak is None


@pytest.mark.parametrize("verdict", IN_MONEY)
def test_every_verdict_in_money_is_reached_worded_and_valid(verdict: str) -> None:
    mean, sd, results, more = IN_MONEY[verdict]
    is_ended = more.pop("is_ended", False) if "is_ended" in (more := dict(more)) else False
    worth, adjusted = money(mean, sd, **more), adjust_pvalues(results)
    decision = decide([], adjusted, "ml", 0.95, worth=worth, terms=TERMS, is_ended=is_ended)
    assert f"{decision.code}/{decision.reason}" == verdict
    assert len([b for b in decision.because if b.binds]) == 1
    report = replace(build.report(decision, adjusted), terms=TERMS, values=(worth,))
    document = to_dict(report)
    jsonschema.validate(document, SCHEMA)
    assert document["verdict"]["headline"]
    assert all(b["message"] for b in document["verdict"]["because"])
    assert "| Money" in to_markdown(report)


def test_better_within_the_equivalence_margin_ships_if_it_pays_and_not_if_it_does_not() -> None:
    better = replace(metric("profit", GOOD), equivalence=EQUIVALENT.equivalence)
    for mean, verdict in ((2.0, "ship/pays"), (0.1, "keep/equivalent"), (-2.0, "keep/does_not_pay")):
        decision = decide([], adjust_pvalues([better]), "ml", 0.95, worth=money(mean, 1.0), terms=TERMS)
        assert f"{decision.code}/{decision.reason}" == verdict


def test_money_joins_two_primaries() -> None:
    against = adjust_pvalues([metric("profit", GOOD), metric("sales", BAD)])
    assert decide([], against, "ml", 0.95, worth=money(2.0, 1.0), terms=TERMS).reason == "pays"


def test_a_test_that_has_ended_is_never_to_go_on() -> None:
    for verdict, (findings, results) in SITUATIONS.items():
        decision = decide(findings, adjust_pvalues(results), "ml", 0.95, is_ended=True)
        assert (decision.code, decision.reason) == (
            (Verdict.KEEP, "not_shown") if verdict.startswith("keep_testing") else tuple(verdict.split("/"))
        )
        if decision.code is not Verdict.INVALID:
            assert to_dict(build.report(decision, adjust_pvalues(results), *findings))["verdict"]["headline"]
    for cost in (0.0, 10.0):
        worth = money(0.1, 1.0, cost)
        assert decide([], adjust_pvalues([metric("profit", GOOD)]), "ml", 0.95, worth=worth, terms=TERMS,
                      is_ended=True).reason == "expected_value"  # fmt: skip


def test_a_dearer_variant_ships_only_if_it_is_shown_to_be_worth_its_extra_cost() -> None:
    def of(variant: str) -> MetricResult:
        found = metric("profit", GOOD)
        return replace(found, proposed=replace(found.proposed, variant=variant))

    results = adjust_pvalues([of("logistic"), of("nn")])
    values = tuple(replace(money(m, 1.0), proposed=v) for v, m in (("logistic", 3.0), ("nn", 4.0)))
    decisions = [decide([], results, v.proposed, 0.95, worth=v, terms=TERMS) for v in values]
    assert overall(decisions, results, values).proposed == "nn"
    terms = replace(TERMS, simplest_first=("rules", "logistic", "nn"))
    for apart, best, verdict in ((1.0, "logistic", "keep/simpler"), (0.5, "nn", "ship/pays")):
        ranked, contrasts = compare_values(values, lambda *_, se=apart: se / 1000, 0.95)
        assert keep_simpler(decisions, contrasts, TERMS) == tuple(decisions)
        found = keep_simpler(decisions, contrasts, terms)
        assert [f"{d.code}/{d.reason}" for d in found] == ["ship/pays", verdict]
        assert overall(found, results, values).proposed == best
        assert [len([b for b in d.because if b.binds]) for d in found] == [1, 1]
    kept = keep_simpler(decisions, compare_values(values, lambda *_: 1 / 1000, 0.95)[1], terms)
    report = replace(build.report(kept[0], results), verdicts=kept, proposed=("logistic", "nn"), terms=terms,
                     values=ranked, contrasts=compare_values(values, lambda *_: 1 / 1000, 0.95)[1])  # fmt: skip
    document = to_dict(report)
    jsonschema.validate(document, SCHEMA)
    headline = document["verdicts"][1]["headline"]
    assert headline.startswith("Keep logistic, the simpler one: nn is worth ")
    assert document["verdicts"][1]["because"][-1]["message"] in headline


@pytest.mark.parametrize("verdict", SITUATIONS)
def test_every_verdict_is_reached_worded_and_valid(verdict: str) -> None:
    findings, results = SITUATIONS[verdict]
    adjusted = adjust_pvalues(results)
    decision = decide(findings, adjusted, "ml", 0.95)
    assert f"{decision.code}/{decision.reason}" == verdict
    binding = [b.rule for b in decision.because if b.binds]
    assert len(binding) == (verdict != "keep_testing/inconclusive")
    report = build.report(decision, adjusted, *findings)
    document = to_dict(report)
    jsonschema.validate(document, SCHEMA)
    assert document["verdict"]["headline"]
    assert all(b["message"] for b in document["verdict"]["because"])
    assert to_markdown(report).startswith(f"## {verdict.split('/')[0].replace('_', ' ').upper()}: ")


def test_the_reasons_known_to_the_gate_are_those_that_are_reached() -> None:
    known = {f"{code}/{reason}" for code, reasons in REASONS.items() for reason in reasons}
    blocking = {check.__name__ for check in CHECKS if "Severity.BLOCK" in getsource(check)} - NOT_AN_EXPERIMENT
    waiting = {"keep_testing/immature", "keep/capacity", "keep/simpler"}
    assert known == set(SITUATIONS) | set(IN_MONEY) | waiting | {f"invalid/{code}" for code in blocking}


@pytest.mark.parametrize("better", list(Better))
def test_lower_is_better_turns_everything_round(better: Better) -> None:
    sign = 1 if better is Better.HIGHER else -1
    for lift, verdict in ((GOOD, "ship/superior"), (BAD, "keep/worse")):
        decision = decide([], adjust_pvalues([metric("profit", sign * lift, better=better)]), "ml", 0.95)
        assert f"{decision.code}/{decision.reason}" == verdict


def test_a_watched_guardrail_stops_only_when_shown_worse() -> None:
    ok = replace(WATCHED, estimates=metric("unsubscribes", OPEN).estimates)
    assert decide([], adjust_pvalues([metric("profit", GOOD), WATCHED]), "ml", 0.95).reason == "guardrail"
    assert decide([], adjust_pvalues([metric("profit", GOOD), ok]), "ml", 0.95).code == Verdict.SHIP


def test_secondary_metrics_never_decide() -> None:
    results = adjust_pvalues([metric("profit", OPEN), metric("clicks", BAD, Role.SECONDARY)])
    assert decide([], results, "ml", 0.95).reason == "inconclusive"


def test_primaries_are_adjusted_together_over_variants_and_guardrails_are_not() -> None:
    def with_p(name: str, pvalue: float, role: Role) -> MetricResult:
        found = metric(name, OPEN, role)
        return replace(found, estimates=(replace(found.estimates[0], pvalue=pvalue),))

    results = [with_p("a", 0.01, Role.PRIMARY), with_p("b", 0.04, Role.PRIMARY), with_p("c", 0.02, Role.SECONDARY)]
    adjusted = adjust_pvalues([*results, with_p("g", 0.03, Role.GUARDRAIL)])
    assert [r.chosen.pvalue_adjusted for r in adjusted if r.chosen] == pytest.approx([0.02, 0.04, 0.02, 0.03])
    assert [r.chosen.pvalue for r in adjusted if r.chosen] == [0.01, 0.04, 0.02, 0.03]


def test_the_overall_verdict_is_that_of_the_best_variant_that_may_ship() -> None:
    def of(variant: str, lift: float) -> MetricResult:
        found = metric("profit", lift)
        return replace(found, proposed=replace(found.proposed, variant=variant))

    results = adjust_pvalues([of("a", 0.05), of("b", 0.08), of("c", OPEN), of("d", BAD)])
    decisions = [decide([], results, v, 0.95) for v in "abcd"]
    assert overall(decisions, results).proposed == "b"
    assert overall(decisions[2:], results).proposed == "c"
    assert overall(decisions[3:], results).proposed == "d"


def test_every_rule_tells_the_numbers_that_it_looked_at() -> None:
    warned = replace(BLOCK, code="outliers", severity=Severity.WARN)
    results = adjust_pvalues([metric("profit", GOOD), SAFE, WATCHED])
    told = {b.rule: dict(b.data) for b in decide([warned, BLOCK, warned], results, "ml", 0.95).because}
    assert told["checks"] == {"blocking": ["sample_ratio"], "warnings": ["outliers"]}
    profit = {
        "metric": "profit", "shown": True, "estimate": GOOD, "low": GOOD - 0.02, "high": GOOD + 0.02, "level": 0.95,
        "is_relative": True, "pvalue": 0.0001, "pvalue_adjusted": 0.0001,
    }  # fmt: skip
    assert told["primary_better"] == {"metrics": [profit], "more_units": 780_000}  # (2.80 / 2)^2 - 1 times 803,112
    assert told["primary_worse"] == {"metrics": [{**profit, "shown": False}]}
    rails = {m["metric"]: m for m in told["guardrails"]["metrics"]}
    assert (rails["errors"]["shown"], rails["unsubscribes"]["shown"]) == (False, True)
    assert {k: rails["errors"][k] for k in ("margin", "bound", "pvalue_safe", "pvalue_worse")} == {
        "margin": 0.05, "bound": 0.0, "pvalue_safe": 0.001, "pvalue_worse": 0.99,
    }  # fmt: skip
    assert "margin" not in rails["unsubscribes"]
    assert [m["shown"] for m in told["guardrails_safe"]["metrics"]] == [True, False]
    assert told["equivalence"] == {"metrics": []}
    assert told["trade_off"] == {"better": ["profit"], "worse": [], "exchange_rate": None}


def test_without_a_lift_the_absolute_interval_is_told_and_a_trade_has_its_rate() -> None:
    estimate = build.estimate("welch", (4.0, 2.0, 6.0), (None, None, None), 0.0001)
    better = build.metric("profit", estimate, role=Role.PRIMARY)
    worse = build.metric("sales", replace(estimate, absolute=build.interval((-2.0, -3.0, -1.0))), role=Role.PRIMARY)
    told = {b.rule: b.data for b in decide([], adjust_pvalues([better, worse]), "ml", 0.95).because}
    assert told["trade_off"] == {"better": ["profit"], "worse": ["sales"], "exchange_rate": 2.0}
    first = told["primary_better"]["metrics"][0]
    assert (first["is_relative"], first["estimate"], first["low"], first["high"]) == (False, 4.0, 2.0, 6.0)


@pytest.mark.parametrize(
    ("statistic", "more"), [(1.4, 2_500_000), (3.0, None), (0.2, None), (0.29, 75_000_000), (None, None)]
)
def test_units_that_would_do_are_named_while_they_are_within_reach(statistic: float | None, more: int | None) -> None:
    """Power 0.8 needs (2.80 / z)^2 times the 803,112 units, up to a hundred times, of which those seen are no more."""
    found = metric("profit", OPEN)
    results = adjust_pvalues([replace(found, estimates=(replace(found.estimates[0], statistic=statistic),))])
    told = {b.rule: b.data for b in decide([], results, "ml", 0.95).because}
    units = told["primary_better"]["more_units"]
    assert units == more if more is None else units == pytest.approx(more, rel=0.04)
    assert units is None or str(units)[2:].strip("0") == ""


def test_money_tells_what_it_weighed() -> None:
    worth = money(0.1, 1.0, 0.1)
    told = {b.rule: b.data for b in decide([], adjust_pvalues([metric("profit", GOOD)]), "ml", 0.95,
                                           worth=worth, terms=TERMS).because}["value"]  # fmt: skip
    assert told == {
        "metric": worth.metric, "probability_pays": worth.probability_pays, "ship_probability": 0.95,
        "keep_probability": 0.05, "npv": worth.npv.estimate, "break_even_absolute": worth.break_even_absolute,
        "break_even_relative": worth.break_even_relative, "more_units": 1_000, "worth_of_more": worth.more[1].worth,
        "cost_of_more": 100.0,
    }  # fmt: skip


@pytest.mark.parametrize(("p", "verdict"), [(0.05, "keep/does_not_pay"), (0.95, "ship/pays")])
def test_the_thresholds_of_money_belong_to_the_decided_side(p: float, verdict: str) -> None:
    worth = replace(money(0.1, 1.0, 0.1), probability_pays=p)
    decision = decide([], adjust_pvalues([metric("profit", GOOD)]), "ml", 0.95, worth=worth, terms=TERMS)
    assert f"{decision.code}/{decision.reason}" == verdict
