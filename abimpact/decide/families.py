"""P-values adjusted within the families that were declared: primaries together, secondaries together, guardrails."""

from collections.abc import Sequence
from dataclasses import replace

from abimpact.decide.report import MetricResult
from abimpact.estimate.multiplicity import adjusted
from abimpact.spec.corrections import Corrections
from abimpact.spec.metric import Role

USUAL = Corrections()


def adjust_pvalues(results: Sequence[MetricResult], corrections: Corrections = USUAL) -> tuple[MetricResult, ...]:
    """`results` with an adjusted p on each chosen estimate; a family spans all proposed variants (methods.md j)."""
    found = list(results)
    for role in Role:
        rule = corrections.of(role)
        places = [i for i, r in enumerate(results) if r.metric.role is role and r.chosen]
        pvalues = adjusted([chosen.pvalue if (chosen := results[i].chosen) else None for i in places], rule)
        for place, pvalue in zip(places, pvalues, strict=True):
            found[place] = replace(_with_adjusted(results[place], pvalue), correction=rule)
    return tuple(found)


def _with_adjusted(result: MetricResult, pvalue: float | None) -> MetricResult:
    estimates = tuple(
        replace(e, pvalue_adjusted=pvalue) if e.method == result.chosen_method else e for e in result.estimates
    )
    return replace(result, estimates=estimates)
