"""Whatever the findings and estimates, there is one verdict, it is worded, and its JSON is valid."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

import abimpact.render
from abimpact.decide.decision import REASONS, Verdict
from abimpact.decide.families import adjust_pvalues
from abimpact.decide.report import MetricResult
from abimpact.decide.verdict import decide
from abimpact.estimate.estimate import Estimate, Interval, Kind, NotEstimated
from abimpact.findings import Finding
from abimpact.render.json import to_json
from abimpact.render.table import FORMATS, Options, render
from abimpact.spec.metric import Better, MetricKind, Role, Tolerance
from tests.render import build

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(abimpact.render.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
)
LEVEL = 0.95
SIZES = st.floats(-1e9, 1e9) | st.floats(-0.2, 0.2) | st.just(0.0)
PVALUES = st.floats(1e-300, 1.0) | st.sampled_from([1.0, 0.0499999, 0.05])


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    kind = draw(st.sampled_from(list(Kind)))
    low, middle, high = sorted(draw(st.tuples(SIZES, SIZES, SIZES)))
    if kind is Kind.UNDEFINED:
        return Interval(estimate=None, low=None, high=None, level=LEVEL, kind=kind)
    return Interval(
        estimate=middle,
        low=None if kind in (Kind.WHOLE, Kind.ABOVE) else low,
        high=None if kind in (Kind.WHOLE, Kind.BELOW) else high,
        level=LEVEL,
        kind=kind,
    )


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    low, middle, high = sorted(draw(st.tuples(SIZES, SIZES, SIZES)))
    return Estimate(
        method="welch",
        absolute=Interval(estimate=middle, low=low, high=high, level=LEVEL),
        relative=draw(intervals()),
        statistic=draw(st.none() | SIZES),
        df=draw(st.none() | st.floats(1.0, 1e9)),
        pvalue=draw(PVALUES),
    )


@st.composite
def results(draw: st.DrawFn, name: str, role: Role) -> MetricResult:
    found = [draw(estimates())] if draw(st.booleans()) else []
    refused = None if found else NotEstimated(reason="too_few_units", message="needs 2 units")
    declared = Tolerance(amount=0.05, is_relative=True) if draw(st.booleans()) else None
    test = None
    if declared and found and draw(st.booleans()):
        safe = draw(st.floats(0.0, 1.0))
        bound = draw(st.none() | SIZES)
        test = replace(build.margin(0.05, 0.0, safe, 1 - safe, max(safe, draw(st.floats(0.0, 1.0)))), bound=bound)
    is_guardrail = role is Role.GUARDRAIL
    return build.metric(
        name,
        *found,
        role=role,
        kind=draw(st.sampled_from(list(MetricKind))),
        better=draw(st.sampled_from(list(Better))),
        values=(draw(st.none() | SIZES), draw(st.none() | SIZES)),
        not_estimated=refused,
        margin=declared if is_guardrail else None,
        guardrail=test if is_guardrail else None,
        equivalence_margin=None if is_guardrail else declared,
        equivalence=None if is_guardrail else test,
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Finding], list[MetricResult]]:
    roles = [Role.PRIMARY, *draw(st.lists(st.sampled_from(list(Role)), max_size=4))]
    blocking = draw(st.lists(st.sampled_from(["duplicate_rows", "sample_ratio", "too_few_units"]), max_size=2))
    return (
        [replace(build.RATIO, code=code) for code in blocking],
        [draw(results(f"m{i}", role)) for i, role in enumerate(roles)],
    )


@settings(max_examples=80)
@given(situations())
def test_every_decision_is_one_of_those_known_and_can_be_written(
    situation: tuple[list[Finding], list[MetricResult]],
) -> None:
    findings, found = situation
    adjusted = adjust_pvalues(found)
    decision = decide(findings, adjusted, "ml", LEVEL)
    assert decision.reason in REASONS[decision.code]
    assert (decision.code is Verdict.INVALID) == bool(findings)
    assert sum(b.binds for b in decision.because) == (decision.reason != "inconclusive")
    report = build.report(decision, adjusted, *findings)
    SCHEMA.validate(json.loads(to_json(report)))
    for name in FORMATS:
        assert render(report, name, Options(width=80, show_anyway=True, is_verbose=True))


@settings(max_examples=50)
@given(situations(), results("another", Role.SECONDARY))
def test_a_secondary_metric_changes_no_verdict(
    situation: tuple[list[Finding], list[MetricResult]], another: MetricResult
) -> None:
    findings, found = situation
    before, after = (decide(findings, adjust_pvalues(r), "ml", LEVEL) for r in (found, [*found, another]))
    assert (before.code, before.reason) == (after.code, after.reason)
