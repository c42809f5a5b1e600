from dataclasses import replace

from abimpact.render.view import view
from abimpact.spec.corrections import Correction
from tests.render.build import DECLINES, PROFIT, estimate, guardrail, inconclusive, invalid, ship


def test_a_guardrail_without_estimate_does_not_hold() -> None:
    lost = replace(DECLINES, chosen_method=None, estimates=(), guardrail=None)
    report = replace(ship(), metrics=(PROFIT, *ship().metrics[1:3], lost, ship().metrics[4]))
    assert view(report).summary == "1 of 2 guardrails hold; 1 warning."


def test_an_adjusted_p_is_printed_and_said() -> None:
    near = estimate("welch", (0.05, 0.001, 0.1), (0.02, 0.001, 0.04), 0.045, pvalue_adjusted=0.09)
    report = inconclusive()
    report = replace(
        report, metrics=(replace(report.metrics[0], estimates=(near,), correction=Correction.HOLM), *report.metrics[1:])
    )
    row = view(report).overall.kpis[0]
    assert (row.pvalue, row.note) == (".090", "primary · p adjusted for several comparisons (Holm)")


def test_a_p_that_adjustment_left_alone_is_not_called_adjusted() -> None:
    report = inconclusive()
    same = replace(report.metrics[0].estimates[0], pvalue_adjusted=report.metrics[0].estimates[0].pvalue)
    report = replace(report, metrics=(replace(report.metrics[0], estimates=(same,)), *report.metrics[1:]))
    assert view(report).overall.kpis[0].note == "primary"


def test_tones_follow_the_direction_that_is_better() -> None:
    block = view(guardrail()).overall
    assert [k.tone for k in block.kpis] == ["better", "open"]
    assert [(g.tone, g.status) for g in block.guardrails] == [("worse", "broken"), ("open", "watched")]


def test_withheld_blocks_hold_no_kpis() -> None:
    seen = view(invalid())
    assert (seen.overall.kpis, seen.overall.guardrails, seen.overall.estimates, seen.overall.because) == ((),) * 4
    assert seen.warning
    assert view(invalid(), show_anyway=True).overall.kpis
