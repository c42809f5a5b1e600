"""Every verdict is reachable, the first rule that binds decides, and each is worded and valid JSON."""

import json
from dataclasses import replace
from inspect import getsource
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import abimpact.render
from abimpact.check.table import CHECKS
from abimpact.decide.decision import REASONS, Verdict
from abimpact.decide.families import adjust_pvalues
from abimpact.decide.report import MetricResult
from abimpact.decide.verdict import NOT_AN_EXPERIMENT, decide, overall
from abimpact.findings import Finding, Severity
from abimpact.render.json import to_dict
from abimpact.render.markdown import to_markdown
from abimpact.spec.metric import Better, Role, Tolerance
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
    assert known == set(SITUATIONS) | {f"invalid/{code}" for code in blocking}


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
