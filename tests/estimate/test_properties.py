"""What must hold for any data: intervals and p agree, arms swap, units scale, nothing is ever NaN."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abimpact.estimate.estimate import Estimate, Interval, Kind
from abimpact.estimate.proportion import Counts, score
from abimpact.estimate.table import Comparison, estimate
from abimpact.spec.metric import Better, MetricKind, Tolerance
from tests.estimate.cases import bins_of, moments_of, summary

ALPHA = 0.05
EXAMPLES = settings(max_examples=300, derandomize=True, deadline=None)

numbers = st.one_of(st.integers(-3, 50).map(float), st.floats(-1e6, 1e6, allow_subnormal=False))
columns = st.integers(1, 3)


@st.composite
def arms(draw: st.DrawFn, width: int) -> Any:
    n = draw(st.integers(0, 12))
    return np.array(draw(st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=n, max_size=n))).reshape(
        n, width
    )


def compared(kind: MetricKind, c: Any, t: Any, covariates: int = 0, margin: Tolerance | None = None) -> Comparison:
    names = tuple(f"x{i}" for i in range(covariates))
    filled = len(c) and len(t)
    whole = summary(
        kind,
        moments_of(c),
        moments_of(t),
        covariates=names,
        bins=(bins_of(c), bins_of(t)) if filled else None,
    )
    whole = replace(whole, metric=replace(whole.metric, margin=margin, equivalence_margin=margin))
    return estimate(whole, 1, level=1 - ALPHA, n_resamples=199, seed=0)


def check(found: Comparison) -> None:
    """No NaN, no infinity; relative and absolute intervals exclude 0 exactly where p is below alpha."""
    assert (found.chosen is None) == (found.not_estimated is not None) == (not found.estimates)
    for e in found.estimates:
        for interval in (e.absolute, e.relative):
            limits = (interval.estimate, interval.low, interval.high)
            assert all(x is None or math.isfinite(x) for x in limits)
        assert e.pvalue is not None
        assert 0 < e.pvalue <= 1
        if e.method == "bootstrap" or abs(e.pvalue - ALPHA) < 1e-9:
            continue
        assert excludes_zero(e.absolute) == (e.pvalue < ALPHA)
        if e.relative.kind is Kind.BOUNDED:
            assert excludes_zero(e.relative) == (e.pvalue < ALPHA)


def excludes_zero(interval: Interval) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    # A limit that is 0 but for rounding belongs to neither side.
    scale = 1e-9 * max(abs(interval.low), abs(interval.high))
    return interval.low > scale or interval.high < -scale


@EXAMPLES
@given(arms(1), arms(1))
def test_means(c: Any, t: Any) -> None:
    check(compared(MetricKind.MEAN, c, t, margin=Tolerance(amount=0.05, is_relative=True)))


@EXAMPLES
@given(arms(2), arms(2))
def test_ratios(c: Any, t: Any) -> None:
    check(compared(MetricKind.RATIO, c, t, margin=Tolerance(amount=0.5, is_relative=False)))


@EXAMPLES
@given(arms(3), arms(3))
def test_adjusted(c: Any, t: Any) -> None:
    check(compared(MetricKind.MEAN, c, t, covariates=2, margin=Tolerance(amount=0.05, is_relative=True)))


@EXAMPLES
@given(st.integers(1, 400), st.integers(1, 4000), st.floats(0, 1), st.floats(0, 1))
def test_proportions(n_t: int, n_c: int, p_t: float, p_c: float) -> None:
    counts = Counts(x_t=round(n_t * p_t), n_t=n_t, x_c=round(n_c * p_c), n_c=n_c)
    found = score(counts, 1 - ALPHA)
    if not isinstance(found, Estimate):
        assert counts.x_t + counts.x_c in (0, n_t + n_c)
        return
    assert found.pvalue is not None
    if abs(found.pvalue - ALPHA) > 1e-9:
        assert excludes_zero(found.absolute) == (found.pvalue < ALPHA)
        if found.relative.kind is Kind.BOUNDED:
            assert excludes_zero(found.relative) == (found.pvalue < ALPHA)
    mirrored = score(Counts(x_t=counts.x_c, n_t=n_c, x_c=counts.x_t, n_c=n_t), 1 - ALPHA)
    assert isinstance(mirrored, Estimate)
    assert mirrored.absolute.low == pytest.approx(-(found.absolute.high or 0.0), abs=1e-9)
    assert mirrored.pvalue == pytest.approx(found.pvalue, rel=1e-9)


@EXAMPLES
@given(arms(1), arms(1), st.sampled_from([0.01, 100.0]))
def test_swapping_arms_flips_the_sign_and_scaling_scales_the_effect_alone(c: Any, t: Any, factor: float) -> None:
    found, swapped = compared(MetricKind.MEAN, c, t), compared(MetricKind.MEAN, t, c)
    scaled = compared(MetricKind.MEAN, c * factor, t * factor)
    assert len(found.estimates) == len(swapped.estimates) == len(scaled.estimates)
    for e, s, k in zip(found.estimates, swapped.estimates, scaled.estimates, strict=True):
        if e.method == "bootstrap":
            continue
        size = max(abs(e.absolute.low or 0.0), abs(e.absolute.high or 0.0))
        assert s.absolute.low == pytest.approx(-(e.absolute.high or 0.0), rel=1e-6, abs=1e-9 * size)
        assert s.pvalue == pytest.approx(e.pvalue, rel=1e-6)
        assert k.absolute.low == pytest.approx((e.absolute.low or 0.0) * factor, rel=1e-6, abs=1e-9 * size * factor)
        assert k.pvalue == pytest.approx(e.pvalue, rel=1e-6)


def test_a_guardrail_is_safe_exactly_when_its_bound_clears_the_margin() -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        c, t = rng.lognormal(1.0, 0.5, 60), rng.lognormal(1.0, 0.5, 40) * rng.uniform(0.7, 1.3)
        for better, tolerance in ((b, r) for b in Better for r in (True, False)):
            whole = summary(MetricKind.MEAN, moments_of(c), moments_of(t))
            margin = Tolerance(amount=0.1, is_relative=tolerance)
            whole = replace(whole, metric=replace(whole.metric, better=better, margin=margin))
            found = estimate(whole, 1, level=0.95, n_resamples=0, seed=0).guardrail
            assert found is not None
            assert found.bound is not None
            clears = found.bound > -0.1 if better is Better.HIGHER else found.bound < 0.1
            # Fieller keeps the df of the difference, the linear form has its own: they part by under a thousandth.
            if abs(found.pvalue_safe - 0.05) > 1e-3:
                assert found.is_safe == clears
            assert not (found.is_safe and found.is_worse)
