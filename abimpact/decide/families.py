"""P-values adjusted within the families that were declared: primaries together, secondaries together.

Guardrails are not adjusted: every one must hold, which is an intersection-union test (Berger 1982).
"""

from collections.abc import Sequence
from dataclasses import replace

from abimpact.decide.report import MetricResult
from abimpact.estimate.multiplicity import holm
from abimpact.spec.metric import Role


def adjust_pvalues(results: Sequence[MetricResult]) -> tuple[MetricResult, ...]:
    """`results` with Holm's adjusted p on each chosen estimate; a family spans all proposed variants (methods.md j)."""
    adjusted = list(results)
    for role in (Role.PRIMARY, Role.SECONDARY):
        places = [i for i, r in enumerate(results) if r.metric.role is role and r.chosen]
        pvalues = holm([chosen.pvalue if (chosen := results[i].chosen) else None for i in places])
        for place, pvalue in zip(places, pvalues, strict=True):
            adjusted[place] = _with_adjusted(results[place], pvalue)
    for place, result in enumerate(results):
        if result.metric.role is Role.GUARDRAIL and result.chosen:
            adjusted[place] = _with_adjusted(result, result.chosen.pvalue)
    return tuple(adjusted)


def _with_adjusted(result: MetricResult, pvalue: float | None) -> MetricResult:
    estimates = tuple(
        replace(e, pvalue_adjusted=pvalue) if e.method == result.chosen_method else e for e in result.estimates
    )
    return replace(result, estimates=estimates)
