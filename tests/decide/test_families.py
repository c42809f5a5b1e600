"""P-values adjusted within their families: each by its own rule, over all proposed variants, on what is chosen."""

from dataclasses import replace

import pytest

from abimpact.decide.families import adjust_pvalues
from abimpact.decide.report import MetricResult
from abimpact.spec.corrections import Correction, Corrections
from abimpact.spec.metric import Role
from tests.render import build


def result(pvalue: float, role: Role, *, is_estimated: bool = True) -> MetricResult:
    chosen = build.estimate("welch", (1, 0, 2), (1, 0, 2), pvalue)
    found = build.metric("m", chosen, build.estimate("bootstrap", (1, 0, 2), (1, 0, 2), 0.5), role=role)
    return found if is_estimated else replace(found, estimates=(), chosen_method=None)


RESULTS = [
    result(0.01, Role.PRIMARY),
    result(0.04, Role.PRIMARY),
    result(0.02, Role.SECONDARY),
    result(0.03, Role.GUARDRAIL),
    result(0.03, Role.GUARDRAIL),
    result(0.9, Role.SECONDARY, is_estimated=False),
    result(0.03, Role.SECONDARY),
]


@pytest.mark.parametrize(
    ("corrections", "expected"),
    [
        (Corrections(), [0.02, 0.04, 0.04, 0.03, 0.03, None, 0.04]),
        (
            Corrections(primary=Correction.NONE, secondary=Correction.BENJAMINI_HOCHBERG, guardrail=Correction.HOLM),
            [0.01, 0.04, 0.03, 0.06, 0.06, None, 0.03],
        ),
    ],
)
def test_each_family_has_its_rule(corrections: Corrections, expected: list[float | None]) -> None:
    found = adjust_pvalues(RESULTS, corrections)
    assert [r.chosen.pvalue_adjusted if r.chosen else None for r in found] == [
        None if p is None else pytest.approx(p) for p in expected
    ]
    for before, after in zip(RESULTS, found, strict=True):
        rule = corrections.of(before.metric.role)
        assert after.correction == (rule if before.chosen else Correction.NONE)
        # What is not chosen, and what was measured, stay as they are.
        assert after.estimates[1:] == before.estimates[1:]
        assert [e.pvalue for e in after.estimates] == [e.pvalue for e in before.estimates]
