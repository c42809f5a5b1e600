"""What compares the metrics of each kind: a new kind is one function and one line in `COMPARISONS`."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from abimpact.estimate.adjusted import Adjustment, adjust
from abimpact.estimate.arm import ArmMean, contract
from abimpact.estimate.clustered import by_cluster, most_df
from abimpact.estimate.estimate import Estimate, NotEstimated
from abimpact.estimate.linear import linearise, ratio_notes
from abimpact.estimate.margin import Thresholds, mean_thresholds, proportion_thresholds, quantile_thresholds
from abimpact.estimate.proportion import Counts, StratifiedCounts, score
from abimpact.estimate.quantile import below_quantile, compare_quantiles, covariance_of_quantiles, quantile_arm
from abimpact.estimate.skewed import NOTE, Skew, skew_of
from abimpact.estimate.stratified import PostStratified, shared_covariance
from abimpact.estimate.welch import Difference, compare, difference, normal_difference
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import MetricSummary, Moments


@dataclass(frozen=True, slots=True)
class Compared:
    """What a kind's comparison gives before resampling: estimates, the chosen one last, and its thresholds.

    `difference` is that of the chosen method, as a normal one; `skew` is its skewness if that is flagged.
    """

    values: tuple[float, float]
    estimates: tuple[Estimate, ...]
    difference: Difference
    thresholds: Callable[[bool], Thresholds | None]
    skew: Skew | None = None


def compare_linear(summary: MetricSummary, proposed: int, level: float) -> Compared | NotEstimated:
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
    if not plain.se:
        return NotEstimated(reason="constant_metric", message="the difference is the same in every cluster")
    plain = replace(plain, df=min(plain.df, most_df(t.moments, c.moments)))
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
    skew = skew_of(diff.residual_t, diff.residual_c, diff.se, inflation)
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
        skew if skew.is_flagged else None,
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
    below = by_cluster(summary, proposed).moments if summary.clusters else None
    effects = [below_quantile(below[arm], quantile) if below else 1.0 for arm in (0, proposed)]
    c, t = (quantile_arm(ranks[arm], quantile, level, e) for arm, e in zip((0, proposed), effects, strict=True))
    if isinstance(c, NotEstimated):
        return c
    if isinstance(t, NotEstimated):
        return t
    covariance = covariance_of_quantiles(t, c, below[proposed], below[0]) if below else 0.0
    found = compare_quantiles(t, c, level, covariance)
    if below:
        told = f"by cluster: {below[0].n:,} in {summary.variants[0]}, {below[proposed].n:,} in "
        told += f"{summary.variants[proposed]}; design effects {effects[0]:.3g} and {effects[1]:.3g}"
        found = replace(found, notes=(told, *found.notes))
    return Compared(
        (c.value, t.value),
        (found,),
        normal_difference(t, c, covariance),
        lambda is_relative: quantile_thresholds(t, c, covariance, is_relative=is_relative),
    )


# A new kind of metric is one line here: what compares it.
COMPARISONS: dict[MetricKind, Callable[[MetricSummary, int, float], Compared | NotEstimated]] = {
    MetricKind.MEAN: compare_linear,
    MetricKind.RATIO: compare_linear,
    MetricKind.PROPORTION: _compare_proportions,
    MetricKind.QUANTILE: _compare_quantile,
}
