"""Where the variants decide differently: the effect there and on all units, and whether that may be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abimpact.check.split import sample_ratio_pvalue
from abimpact.decide.report import MetricResult
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.triggered import (
    EVEN_SHARES,
    SAME_WHERE_AGREED,
    agreeing_pvalue,
    balance_pvalue,
    triggered,
)
from abimpact.findings import Finding, Severity, by_chance
from abimpact.spec.metric import MetricKind, Role
from abimpact.summarise.summary import MetricSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """The metrics of a log among the units on which decisions agree, and among those on which they differ.

    `units` and `differing` count units by variant, incumbent first; `split` is the planned one, or that of all units.
    """

    agreeing: Sequence[MetricSummary]
    different: Sequence[MetricSummary]
    units: tuple[int, int]
    differing: tuple[int, int]
    split: tuple[float, float]


def with_triggered(
    results: Sequence[MetricResult], parted: Parted | None, level: float
) -> tuple[tuple[MetricResult, ...], tuple[Finding, ...]]:
    """`results` with their effect where decisions differ, and the check that all differences lie there.

    Where that check fails, nothing is estimated: what differs elsewhere refutes the reasoning (methods.md n).
    """
    if parted is None:
        return tuple(results), ()
    agreeing = {m.metric.name: m for m in parted.agreeing}
    different = {m.metric.name: m for m in parted.different}
    told = [r for r in results if r.metric.kind is not MetricKind.QUANTILE]
    pvalues = {
        r.metric.name: agreeing_pvalue(agreeing[r.metric.name], 1) for r in told if r.metric.role is Role.PRIMARY
    }
    found = _agreeing_units(parted, pvalues)
    is_refuted = found.severity is Severity.WARN
    refuted = NotEstimated(
        reason="agreeing_units", message="units on which both decide alike differ, so it is not shown"
    )
    by_name = {
        r.metric.name: refuted if is_refuted else triggered(different[r.metric.name], agreeing[r.metric.name], 1, level)
        for r in told
    }
    return tuple(replace(r, triggered=by_name.get(r.metric.name)) for r in results), (found,)


def _agreeing_units(parted: Parted, pvalues: Mapping[str, float | None]) -> Finding:
    n_differing, n_all = sum(parted.differing), sum(parted.units)
    balance = balance_pvalue(parted.differing, parted.units) if n_differing else 1.0
    ratio = sample_ratio_pvalue(parted.differing, parted.split)[1] if n_differing else 1.0
    data = {
        "differing": n_differing,
        "units": n_all,
        "share": n_differing / n_all,
        "pvalues": dict(pvalues),
        "split_pvalue": ratio,
        "balance_pvalue": balance,
    }
    seen = f"The variants decide differently on {n_differing:,} of {n_all:,} units ({n_differing / n_all * 100:.2g} %)."
    worst = min(((p, name) for name, p in pvalues.items() if p is not None), default=(1.0, ""))
    against = []
    if worst[0] < SAME_WHERE_AGREED:
        against.append(f"where they decide alike, {worst[1]} differs all the same ({by_chance(worst[0])})")
    if min(balance, ratio) < EVEN_SHARES:
        against.append(f"of these, the variants have uneven numbers ({by_chance(min(balance, ratio))})")
    if not against:
        return Finding(
            code="agreeing_units",
            severity=Severity.PASS,
            message=f"{seen} Where they decide alike, outcomes are alike.",
            data=data,
        )
    return Finding(
        code="agreeing_units",
        severity=Severity.WARN,
        message=f"{seen} But {'; and '.join(against)}.",
        why="Where both decide alike, outcomes must be alike: the logged decisions are not those that were taken, or "
        "the variants differ by more than them.",
        do="Check how the decision that was not taken is logged; the effect on these units alone is not shown.",
        data=data,
    )
