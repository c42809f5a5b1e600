"""Which methods a kind of metric gets, and the one comparison of two variants that runs them."""

from dataclasses import dataclass, replace

import numpy as np

from abimpact.estimate.arm import contract
from abimpact.estimate.bootstrap import bootstrap
from abimpact.estimate.bootstrap_t import bootstrap_t
from abimpact.estimate.clustered import by_cluster, of_arms
from abimpact.estimate.dunnett import critical_value, level_of_each
from abimpact.estimate.estimate import Estimate, Interval, Margin, NotEstimated, Simultaneous
from abimpact.estimate.fieller import lift_interval
from abimpact.estimate.kinds import COMPARISONS, Compared, compare_linear
from abimpact.estimate.linear import linearise
from abimpact.estimate.margin import (
    looked_at_thresholds,
    test_margin,
)
from abimpact.estimate.monitor import Monitor
from abimpact.estimate.skewed import skew_of
from abimpact.estimate.stratified import post_stratified
from abimpact.estimate.welch import Difference, compare_looked_at, difference
from abimpact.spec.metric import MetricKind, Tolerance
from abimpact.summarise.summary import MetricSummary

# A confidence sequence is asymptotic: simulated errors hold from here on (methods.md h).
LEAST_UNITS, LEAST_NONZERO = 100, 50
ONE_LOOK = "holds for one look only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric compared between the incumbent and one proposed variant.

    `units` and `values` are (incumbent, proposed). `chosen` names the method that decides; without any,
    `not_estimated` says why. `guardrail` and `equivalence` are the tests against the metric's margins.
    """

    units: tuple[int, int]
    values: tuple[float | None, float | None]
    estimates: tuple[Estimate, ...]
    chosen: str | None
    not_estimated: NotEstimated | None
    guardrail: Margin | None = None
    equivalence: Margin | None = None

    @property
    def decisive(self) -> Estimate | None:
        """The estimate of the chosen method."""
        return next((e for e in self.estimates if e.method == self.chosen), None)


def estimate(
    summary: MetricSummary,
    proposed: int,
    *,
    level: float,
    n_resamples: int,
    seed: int,
    monitor: Monitor | None = None,
    is_studentized: bool = False,
) -> Comparison:
    """Compare variant number `proposed` with the incumbent by every method that applies.

    With a `monitor` the result that decides holds over all looks; `is_studentized` resamples in standard errors too.
    """
    metric, is_stratified, by_unit = summary.metric, summary.strata is not None, summary
    kind = metric.kind or MetricKind.MEAN
    summary, found = _compared(summary, proposed, level)
    counted = (by_unit if by_unit.clusters else summary).moments
    units = (counted[0].n, counted[proposed].n)
    if isinstance(found, NotEstimated):
        means = [float(m.mean[0]) if m.n and kind is not MetricKind.RATIO else None for m in counted]
        values = (means[0], means[proposed])
        return Comparison(units=units, values=values, estimates=(), chosen=None, not_estimated=found)
    too_early = _too_early(summary, proposed) if monitor and monitor.is_gated else None
    if monitor and not too_early:
        found = _looked_at(found, monitor, level)
    estimates = found.estimates
    chosen = estimates[-1].method
    if n_resamples and summary.bins:
        for resample in (bootstrap, bootstrap_t)[: 1 + is_studentized]:
            resampled = resample(summary, proposed, level=level, n_resamples=n_resamples, seed=seed)
            if isinstance(resampled, NotEstimated):
                estimates = _with_note(estimates, f"not resampled: {resampled.message}")
                break
            estimates += (resampled,)
    elif n_resamples and by_unit.clusters and kind is not MetricKind.QUANTILE:
        estimates = _with_note(estimates, "not resampled: clusters hold both variants")
    elif n_resamples and is_stratified and kind is not MetricKind.QUANTILE:
        estimates = _with_note(estimates, "not resampled: units are binned over all strata together")

    def against(margin: Tolerance | None) -> Margin | None:
        thresholds = found.thresholds(margin.is_relative) if margin else None
        return test_margin(thresholds, margin, metric.better, level) if thresholds and margin else None

    return Comparison(
        units=units,
        values=found.values,
        estimates=estimates,
        chosen=None if too_early else chosen,
        not_estimated=too_early,
        guardrail=None if too_early else against(metric.margin),
        equivalence=None if too_early else against(metric.equivalence_margin),
    )


def _compared(summary: MetricSummary, proposed: int, level: float) -> tuple[MetricSummary, Compared | NotEstimated]:
    """The comparison of the metric's kind, and the summary that it was made from: by cluster, or post-stratified."""
    if summary.clusters and summary.metric.kind is not MetricKind.QUANTILE:
        return _by_cluster(summary, proposed, level)
    whole = post_stratified(summary, proposed)
    if isinstance(whole, NotEstimated):
        return summary, whole
    pooled, (summary, told) = summary, whole
    found = COMPARISONS[summary.metric.kind or MetricKind.MEAN](summary, proposed, level)
    if isinstance(found, Compared) and told:
        told += _gained(pooled, proposed, level, found)
        found = replace(found, estimates=tuple(replace(e, notes=(*told, *e.notes)) for e in found.estimates))
    return summary, found


def _gained(pooled: MetricSummary, proposed: int, level: float, found: Compared) -> tuple[str, ...]:
    """By how much strata narrowed the interval; not told of phases, over which pooled units are not compared at all."""
    if pooled.strata is None or pooled.covariates or len(set(pooled.strata.phases)) > 1:
        return ()
    before = COMPARISONS[pooled.metric.kind or MetricKind.MEAN](replace(pooled, strata=None), proposed, level)
    if not isinstance(before, Compared) or not before.difference.se:
        return ()
    gained = (found.difference.se / before.difference.se) ** 2 - 1
    return (f"variance {gained * 100:+.0f} %".replace("-", "−"),)


def _by_cluster(summary: MetricSummary, proposed: int, level: float) -> tuple[MetricSummary, Compared | NotEstimated]:
    """The comparison by clusters; a mean's by units stands before it, to see what the clusters make of it."""
    whole = by_cluster(summary, proposed)
    found = compare_linear(whole, proposed, level)
    if isinstance(found, NotEstimated):
        return whole, found
    naive = COMPARISONS[summary.metric.kind or MetricKind.MEAN](replace(summary, clusters=None), proposed, level)
    told = f"by cluster: {whole.moments[0].n:,} in {summary.variants[0]}, "
    told += f"{whole.moments[proposed].n:,} in {summary.variants[proposed]}"
    estimates = tuple(replace(e, notes=(told, *e.notes)) for e in found.estimates)
    if isinstance(naive, NotEstimated) or not naive.estimates[0].se or not estimates[0].se:
        return whole, replace(found, estimates=estimates)
    effect = f"design effect {(estimates[0].se / naive.estimates[0].se) ** 2:.3g}"
    estimates = tuple(replace(e, notes=(e.notes[0], effect, *e.notes[1:])) for e in estimates)
    if summary.metric.kind is MetricKind.MEAN:
        alone = "takes the units of a cluster as independent, which they are not: for comparison only"
        estimates = (replace(naive.estimates[0], notes=(alone,)), *estimates)
    return whole, replace(found, estimates=estimates)


def _with_note(estimates: tuple[Estimate, ...], note: str) -> tuple[Estimate, ...]:
    """`estimates` with a note on the last one."""
    return (*estimates[:-1], replace(estimates[-1], notes=(*estimates[-1].notes, note)))


def _too_early(summary: MetricSummary, proposed: int) -> NotEstimated | None:
    """Why a confidence sequence may not claim anything yet (methods.md h): few units, few that count, or skew."""
    arms = (0, proposed)
    small = min(arms, key=lambda arm: summary.moments[arm].n)
    n, nonzero = summary.moments[small].n, summary.nonzero[small] if summary.nonzero else 0
    if n < LEAST_UNITS or nonzero < LEAST_NONZERO:
        return NotEstimated(
            reason="too_early",
            message=f"{summary.variants[small]} has {n:,} units, {nonzero:,} of them not 0; before {LEAST_UNITS} and "
            f"{LEAST_NONZERO} no look can be trusted",
        )
    if summary.metric.kind is MetricKind.QUANTILE:
        return None
    c, t = linearise(summary, 0), linearise(summary, proposed)
    if isinstance(c, NotEstimated) or isinstance(t, NotEstimated):
        return None
    arm_t, arm_c = contract(t.moments, t.weights, t.value), contract(c.moments, c.weights, c.value)
    if skew_of(arm_t, arm_c, difference(arm_t, arm_c).se).is_flagged:
        return NotEstimated(
            reason="too_early", message="it is too skewed for its sizes to be looked at before the planned end"
        )
    return None


def _looked_at(found: Compared, monitor: Monitor, level: float) -> Compared:
    """`found` with an estimate that holds over all looks, which decides; where nothing varies, one look is enough."""
    once = tuple(replace(e, notes=(*e.notes, ONE_LOOK)) for e in found.estimates)
    diff = found.difference
    if not diff.se:
        return found
    return Compared(
        found.values,
        (*once, compare_looked_at(diff, monitor, level, found.estimates[-1].notes, found.skew)),
        diff,
        lambda is_relative: looked_at_thresholds(diff, monitor, level, found.skew, is_relative=is_relative),
    )


def simultaneous(summary: MetricSummary, *, level: float, seed: int) -> dict[int, Simultaneous]:
    """By proposed variant, the chosen method's intervals that hold for all of them together; none for a single one.

    They are those of the level at which each must hold by itself. Where what the comparisons share is not only the
    incumbent (clusters with several variants), they are taken as independent, which is wide enough (Sidak).
    """
    found = {arm: _compared(summary, arm, level)[1] for arm in range(1, len(summary.variants))}
    known = {arm: c for arm, c in found.items() if isinstance(c, Compared) and c.difference.se > 0}
    if len(known) < 2:
        return {}
    df = min(c.difference.df for c in known.values())
    q = critical_value([_share_of_incumbent(c.difference) for c in known.values()], df, level)
    intervals = {}
    for arm, compared in known.items():
        diff = compared.difference
        each = level_of_each(q, diff.df)
        if summary.metric.kind is MetricKind.QUANTILE:  # its ranks are those of one level
            low, high = diff.estimate - q * diff.se, diff.estimate + q * diff.se
            absolute = Interval(estimate=diff.estimate, low=low, high=high, level=level)
            relative = lift_interval(diff.t, diff.c, diff.covariance, q, level)
        else:
            last = estimate(summary, arm, level=each, n_resamples=0, seed=seed).estimates[-1]
            absolute, relative = (replace(x, level=level) for x in (last.absolute, last.relative))
        intervals[arm] = Simultaneous(critical=q, each=each, absolute=absolute, relative=relative)
    return intervals


def _share_of_incumbent(diff: Difference) -> float:
    """The incumbent's part in a comparison's standard error: the correlation that it lends to two of them."""
    if diff.covariance and diff.residual_t is diff.t:
        return 0.0
    apart = diff.residual_t.variance_of_mean + diff.residual_c.variance_of_mean
    return float(np.sqrt(diff.residual_c.variance_of_mean / apart))


def standard_error(summary: MetricSummary, variant: int, other: int, level: float) -> float | None:
    """The standard error of the effect between any two variants by the chosen method; None where there is none."""
    arms, strata = (other, variant), summary.strata
    pair = replace(
        summary,
        variants=tuple(summary.variants[a] for a in arms),
        moments=tuple(summary.moments[a] for a in arms),
        extremes=tuple(summary.extremes[a] for a in arms),
        ranks=None,
        bins=None,
        strata=replace(strata, moments=tuple(tuple(m[a] for a in arms) for m in strata.moments)) if strata else None,
        clusters=of_arms(summary.clusters, arms) if summary.clusters else None,
    )
    _, found = _compared(pair, 1, level)
    return None if isinstance(found, NotEstimated) else found.estimates[-1].se
