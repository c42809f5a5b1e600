"""Which methods a kind of metric gets, and the one comparison of two variants that runs them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.arm import ArmMean, contract
from abimpact.estimate.bootstrap import bootstrap
from abimpact.estimate.estimate import Estimate, Margin, NotEstimated
from abimpact.estimate.linear import linearise, ratio_notes
from abimpact.estimate.margin import (
    Thresholds,
    looked_at_thresholds,
    mean_thresholds,
    proportion_thresholds,
    quantile_thresholds,
    test_margin,
)
from abimpact.estimate.monitor import Monitor
from abimpact.estimate.proportion import Counts, StratifiedCounts, score
from abimpact.estimate.quantile import compare_quantiles, quantile_arm
from abimpact.estimate.skewed import NOTE, skew_of
from abimpact.estimate.stratified import PostStratified, post_stratified, shared_covariance
from abimpact.estimate.welch import Difference, compare, compare_looked_at, difference, normal_difference
from abimpact.spec.metric import MetricKind, Tolerance
from abimpact.summarise.summary import MetricSummary, Moments

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


@dataclass(frozen=True, slots=True)
class Compared:
    """What a kind's comparison gives before resampling: estimates, the chosen one last, and its thresholds.

    `difference` is that of the chosen method, as a normal one.
    """

    values: tuple[float, float]
    estimates: tuple[Estimate, ...]
    difference: Difference
    thresholds: Callable[[bool], Thresholds | None]


def estimate(
    summary: MetricSummary, proposed: int, *, level: float, n_resamples: int, seed: int, monitor: Monitor | None = None
) -> Comparison:
    """Compare variant number `proposed` with the incumbent by every method that applies.

    With a `monitor` the result that decides holds over all looks.
    """
    metric, is_stratified = summary.metric, summary.strata is not None
    kind = metric.kind or MetricKind.MEAN
    summary, found = _compared(summary, proposed, level)
    units = (summary.moments[0].n, summary.moments[proposed].n)
    if isinstance(found, NotEstimated):
        means = [float(m.mean[0]) if m.n and kind is not MetricKind.RATIO else None for m in summary.moments]
        values = (means[0], means[proposed])
        return Comparison(units=units, values=values, estimates=(), chosen=None, not_estimated=found)
    too_early = _too_early(summary, proposed) if monitor and monitor.is_gated else None
    if monitor and not too_early:
        found = _looked_at(found, monitor, level)
    estimates = found.estimates
    chosen = estimates[-1].method
    if n_resamples and summary.bins:
        resampled = bootstrap(summary, proposed, level=level, n_resamples=n_resamples, seed=seed)
        if isinstance(resampled, Estimate):
            estimates += (resampled,)
        else:
            estimates = _with_note(estimates, f"not resampled: {resampled.message}")
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
    """The comparison of the metric's kind, and the summary that it was made from: post-stratified where asked for."""
    whole = post_stratified(summary, proposed)
    if isinstance(whole, NotEstimated):
        return summary, whole
    summary, told = whole
    found = COMPARISONS[summary.metric.kind or MetricKind.MEAN](summary, proposed, level)
    if isinstance(found, Compared) and told:
        found = replace(found, estimates=tuple(replace(e, notes=(*told, *e.notes)) for e in found.estimates))
    return summary, found


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
    skew = skew_of(contract(t.moments, t.weights, t.value), contract(c.moments, c.weights, c.value))
    if skew.is_flagged:
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
        (*once, compare_looked_at(diff, monitor, level, found.estimates[-1].notes)),
        diff,
        lambda is_relative: looked_at_thresholds(diff, monitor, level, is_relative=is_relative),
    )


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
    )
    _, found = _compared(pair, 1, level)
    return None if isinstance(found, NotEstimated) else found.estimates[-1].se


def _compare_linear(summary: MetricSummary, proposed: int, level: float) -> Compared | NotEstimated:
    """Means and ratios: Welch or the delta method, adjusted by covariates, sturdier where skewed."""
    c, t = linearise(summary, 0), linearise(summary, proposed)
    if isinstance(c, NotEstimated):
        return c
    if isinstance(t, NotEstimated):
        return t
    is_ratio = summary.metric.kind is MetricKind.RATIO
    arm_t, arm_c = contract(t.moments, t.weights, t.value), contract(c.moments, c.weights, c.value)
    if not arm_t.variance and not arm_c.variance:
        return NotEstimated(reason="constant_metric", message="every unit of a variant has the same value")
    plain = difference(arm_t, arm_c, float(t.weights @ shared_covariance(t.moments, c.moments) @ c.weights))
    notes = ratio_notes(t.moments, c.moments) if is_ratio else ()
    estimates = [compare(plain, "delta" if is_ratio else "welch", level, notes)]
    diff, inflation = plain, 1.0
    if summary.covariates:
        adjustment = adjust(t, c, summary.covariates)
        if isinstance(adjustment, NotEstimated):
            notes = (*notes, adjustment.message)
            estimates = [replace(estimates[0], notes=(*estimates[0].notes, adjustment.message))]
        else:
            diff, inflation = adjustment.difference, adjustment.inflation
            notes = (*notes, *_adjustment_notes(adjustment))
            estimates.append(compare(diff, "adjusted", level, notes))
    skew = skew_of(diff.residual_t, diff.residual_c, inflation)
    if skew.is_flagged:
        estimates.append(compare(diff, "skewed", level, notes, skew))
    elif abs(skew.gamma) > NOTE:
        estimates[-1] = replace(estimates[-1], notes=(*estimates[-1].notes, "slightly skewed for its sizes"))
    return Compared(
        (c.value, t.value),
        tuple(estimates),
        diff,
        lambda is_relative: mean_thresholds(
            diff, is_relative=is_relative, is_skewed=skew.is_flagged, inflation=inflation
        ),
    )


def _adjustment_notes(adjustment: Adjustment) -> tuple[str, ...]:
    gained = f"variance {-adjustment.variance_reduction * 100:+.0f} %".replace("-", "−")
    if not adjustment.dropped:
        return (gained,)
    return gained, f"left out as a combination of others: {', '.join(adjustment.dropped)}"


def _compare_proportions(summary: MetricSummary, proposed: int, level: float) -> Compared | NotEstimated:
    c, t = summary.moments[0], summary.moments[proposed]
    if not c.n or not t.n:
        return NotEstimated(reason="too_few_units", message="a variant has no unit with a value")
    counts = _counts(t, c)
    found = score(counts, level)
    if isinstance(found, NotEstimated):
        return found
    return Compared(
        (float(c.mean[0]), float(t.mean[0])),
        (found,),
        normal_difference(_share(t), _share(c), float(shared_covariance(t, c)[0, 0])),
        lambda is_relative: proportion_thresholds(counts, is_relative=is_relative),
    )


def _counts(t: Moments, c: Moments) -> Counts | StratifiedCounts:
    if isinstance(t, PostStratified) and isinstance(c, PostStratified):
        strata = tuple(_of_means(a, b) for a, b in zip(t.strata, c.strata, strict=True))
        return StratifiedCounts(strata=strata, shares=tuple(map(float, t.shares)))
    return _of_means(t, c)


def _of_means(t: Moments, c: Moments) -> Counts:
    return Counts(x_t=round(t.n * t.mean[0]), n_t=t.n, x_c=round(c.n * c.mean[0]), n_c=c.n)


def _share(moments: Moments) -> ArmMean:
    """A proportion as a mean."""
    return contract(moments, np.eye(len(moments.mean))[0], float(moments.mean[0]))


def _compare_quantile(summary: MetricSummary, proposed: int, level: float) -> Compared | NotEstimated:
    quantile, ranks = summary.metric.quantile, summary.ranks
    assert quantile is not None
    assert ranks is not None
    c, t = (quantile_arm(ranks[arm], quantile, level) for arm in (0, proposed))
    if isinstance(c, NotEstimated):
        return c
    if isinstance(t, NotEstimated):
        return t
    return Compared(
        (c.value, t.value),
        (compare_quantiles(t, c, level),),
        normal_difference(t, c),
        lambda is_relative: quantile_thresholds(t, c, is_relative=is_relative),
    )


# A new kind of metric is one line here: what compares it.
COMPARISONS: dict[MetricKind, Callable[[MetricSummary, int, float], Compared | NotEstimated]] = {
    MetricKind.MEAN: _compare_linear,
    MetricKind.RATIO: _compare_linear,
    MetricKind.PROPORTION: _compare_proportions,
    MetricKind.QUANTILE: _compare_quantile,
}
