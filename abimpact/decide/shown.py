"""What a test shows of one proposed variant: which metrics are better, worse, safe or equivalent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abimpact.decide.report import MetricResult
from abimpact.spec.metric import Better, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown of one proposed variant at the `level`, by metric.

    `equivalent` has the primaries that have a margin for it; `is_equivalent` if that is all of them.
    """

    level: float
    primaries: Sequence[MetricResult]
    guardrails: Sequence[MetricResult]
    better: Mapping[str, bool]
    worse: Mapping[str, bool]
    broken: Mapping[str, bool]
    safe: Mapping[str, bool]
    equivalent: Mapping[str, bool]

    @property
    def is_better(self) -> bool:
        """Whether a primary is better."""
        return any(self.better.values())

    @property
    def is_against(self) -> bool:
        """Whether primaries are at odds: one is better, another worse."""
        return self.is_better and any(self.worse.values())

    @property
    def is_equivalent(self) -> bool:
        """Whether every primary is equivalent."""
        found = self.equivalent
        return bool(found) and len(found) == len(self.primaries) and all(found.values())


def shown(results: Sequence[MetricResult], proposed: str, level: float) -> Shown:
    """What is shown of a proposed variant's metrics, by their adjusted p and margins."""
    mine = [r for r in results if r.proposed.variant == proposed]
    primaries = [r for r in mine if r.metric.role is Role.PRIMARY]
    guardrails = [r for r in mine if r.metric.role is Role.GUARDRAIL]
    alpha = 1 - level
    broken = {r.metric.name: _is_broken(r, alpha) for r in guardrails}
    return Shown(
        level=level,
        primaries=primaries,
        guardrails=guardrails,
        better={r.metric.name: _is_shown(r, alpha, 1) for r in primaries},
        worse={r.metric.name: _is_shown(r, alpha, -1) for r in primaries},
        broken=broken,
        safe={r.metric.name: _is_safe(r, broken[r.metric.name]) for r in guardrails},
        equivalent={r.metric.name: r.equivalence.is_equivalent for r in primaries if r.equivalence is not None},
    )


def sign(result: MetricResult) -> int:
    """1 where more of the metric is better, else -1."""
    return 1 if result.metric.better is Better.HIGHER else -1


def _is_shown(result: MetricResult, alpha: float, direction: int) -> bool:
    """Whether the metric is shown better (direction 1) or worse (-1), by its adjusted p."""
    chosen = result.chosen
    if chosen is None or chosen.pvalue_adjusted is None or chosen.absolute.estimate is None:
        return False
    return chosen.pvalue_adjusted < alpha and chosen.absolute.estimate * sign(result) * direction > 0


def _is_broken(result: MetricResult, alpha: float) -> bool:
    """Whether a guardrail is shown worse than its margin, or worse at all if it has none."""
    if result.metric.margin is None:
        return _is_shown(result, alpha, -1)
    return result.guardrail is not None and result.guardrail.is_worse


def _is_safe(result: MetricResult, is_broken: bool) -> bool:
    """Whether a guardrail with a margin is shown safe; one that is only watched is safe unless shown worse."""
    if result.metric.margin is None:
        return not is_broken
    return result.guardrail is not None and result.guardrail.is_safe
