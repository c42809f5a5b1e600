"""The sturdier interval by its formula (methods.md k, decision 010), from moments by hand."""

import math
from dataclasses import replace

import pytest

from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Kind
from abimpact.estimate.fieller import lift_interval, lift_set
from abimpact.estimate.monitor import AlwaysValid
from abimpact.estimate.skewed import half_widths, open_note, skew_of, skewed_lift, touching
from abimpact.estimate.welch import compare_looked_at, difference
from tests.estimate.cases import arm

LARGE, SMALL = arm(2_000, 10.0, 9.0, 70.0), arm(150, 10.4, 6.0, 30.0)
Q = 1.96


def gamma_of(*pairs: tuple[ArmMean, ArmMean]) -> float:
    """The skewness of the sum of independent differences, each from its pooled moments."""
    third = scale = 0.0
    for t, c in pairs:
        pooled = ((t.n - 1) * t.variance + (c.n - 1) * c.variance) / (t.n + c.n - 2)
        third += (t.n * t.third + c.n * c.third) / (t.n + c.n) * (1 / t.n**2 - 1 / c.n**2)
        scale += pooled * (1 / t.n + 1 / c.n)
    return third / scale**1.5


@pytest.mark.parametrize(("t", "c"), [(SMALL, LARGE), (LARGE, SMALL)])
@pytest.mark.parametrize("inflation", [1.0, 1.3])
def test_the_skewness_is_pooled_and_the_smaller_arm_at_least_as_noisy_as_the_pool(
    t: ArmMean, c: ArmMean, inflation: float
) -> None:
    se = difference(t, c).se
    found = skew_of(t, c, se, inflation)
    assert found.gamma == pytest.approx(gamma_of((t, c)), rel=1e-12)
    pooled = (1_999 * 9.0 + 149 * 6.0) / 2_148
    lacks = inflation * (pooled - 6.0) / 150
    assert found.lacks == pytest.approx((lacks, 0.0) if t is SMALL else (0.0, lacks), rel=1e-12)
    assert found.exceeds == (0.0, 0.0)
    assert (found.floor_se, found.cap_se) == pytest.approx((math.sqrt(se**2 + lacks), se), rel=1e-12)
    noisy = replace(SMALL, variance=20.0)
    t, c = (noisy if x is SMALL else x for x in (t, c))
    se = difference(t, c).se
    over = skew_of(t, c, se, inflation)
    pooled = (1_999 * 9.0 + 149 * 20.0) / 2_148
    exceeds = inflation * (20.0 - pooled) / 150
    assert over.exceeds == pytest.approx((exceeds, 0.0) if t is noisy else (0.0, exceeds), rel=1e-12)
    assert (over.floor_se, over.cap_se) == pytest.approx((se, math.sqrt(max(se**2 - exceeds, 0.0))), rel=1e-12)


def test_strata_add_up_in_numerator_and_denominator() -> None:
    parts_t, parts_c = (SMALL, replace(SMALL, n=90, variance=5.0)), (LARGE, replace(LARGE, n=700, third=40.0))
    t, c = (
        ArmMean(n=sum(p.n for p in parts), value=0.0, variance=1.0, third=0.0, strata=parts)
        for parts in (parts_t, parts_c)
    )
    found = skew_of(t, c, 0.5)
    assert found.gamma == pytest.approx(gamma_of(*zip(parts_t, parts_c, strict=True)), rel=1e-12)
    alone = [skew_of(a, b, 0.5) for a, b in zip(parts_t, parts_c, strict=True)]
    assert found.lacks[0] == pytest.approx(sum(s.lacks[0] for s in alone), rel=1e-12)


def test_arms_of_one_size_have_no_skewness_and_neither_bound() -> None:
    found = skew_of(replace(SMALL, n=500), replace(LARGE, n=500), 0.2)
    assert (found.gamma, found.lacks, found.exceeds, found.is_flagged) == (0.0, (0.0, 0.0), (0.0, 0.0), False)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_far_limit_is_the_farther_of_a_stretched_and_a_floored_one(sign: int) -> None:
    t, c = (replace(x, third=sign * x.third) for x in (SMALL, LARGE))
    se = difference(t, c).se
    skew = skew_of(t, c, se)
    assert skew.is_flagged
    stretched = Q + abs(skew.gamma) * (2 * Q * Q + 1) / 6
    far = max(stretched * skew.cap_se, Q * skew.floor_se)
    below, above = half_widths(se, Q, skew)
    assert (below, above) == pytest.approx((Q * se, far) if sign > 0 else (far, Q * se), rel=1e-12)
    # The effect whose far limit just touches 0 has the critical value by which that limit was made.
    assert touching(-sign * far, se, -sign, skew) == pytest.approx(Q, rel=1e-9)
    assert touching(sign * Q * se, se, sign, skew) == pytest.approx(Q, rel=1e-12)
    assert touching(-sign * 0.1 * se, se, sign, skew) == pytest.approx(-0.1, rel=1e-12)
    assert touching(-sign * 1e-6, se, -sign, skew) == 0.0  # nearer than any such interval ends


@pytest.mark.parametrize("sign", [1, -1])
def test_the_lift_has_the_farther_of_two_fieller_limits(sign: int) -> None:
    t, c = (replace(x, third=sign * x.third) for x in (SMALL, LARGE))
    skew = skew_of(t, c, difference(t, c).se)
    found, near = skewed_lift(t, c, 0.0, Q, 0.95, skew), lift_interval(t, c, 0.0, Q, 0.95)
    stretched = Q + abs(skew.gamma) * (2 * Q * Q + 1) / 6
    v_t, v_c = t.variance_of_mean, c.variance_of_mean
    one = lift_set(10.4, v_t, 10.0, v_c, 0.0, stretched)
    other = lift_set(10.4, v_t + skew.lacks[0], 10.0, v_c, 0.0, Q)
    if sign > 0:
        assert found.low == near.low
        assert found.high == pytest.approx(max(one.high or 0, other.high or 0), rel=1e-12)
    else:
        assert found.high == near.high
        assert found.low == pytest.approx(min(one.low or 0, other.low or 0), rel=1e-12)
    assert (found.estimate, found.kind, found.level) == (near.estimate, Kind.BOUNDED, 0.95)
    assert open_note(found) == ""


@pytest.mark.parametrize("sign", [1, -1])
def test_where_the_wider_set_has_no_limit_there_is_none_and_it_is_said(sign: int) -> None:
    """The incumbent is the small arm, and its value a little more than two standard errors from 0."""
    c = arm(60, 1.0, 60 / 2.05**2, sign * -9.0 * 60)
    t = arm(3_000, 1.1 if sign > 0 else -1.0, 12.0, sign * -9.0 * 60)
    skew = skew_of(t, c, difference(t, c).se)
    assert skew.gamma * sign > 0.12
    found = skewed_lift(t, c, 0.0, Q, 0.95, skew)
    near = lift_interval(t, c, 0.0, Q, 0.95)
    assert near.kind is Kind.BOUNDED
    if sign > 0:
        assert (found.kind, found.low, found.high) == (Kind.BELOW, near.low, None)
        assert open_note(found).startswith("no upper limit of the lift")
    else:
        assert (found.kind, found.low, found.high) == (Kind.ABOVE, None, near.high)
        assert open_note(found).startswith("no lower limit of the lift")
    unbounded = skewed_lift(t, replace(c, value=0.1), 0.0, Q, 0.95, skew)
    assert unbounded.kind not in (Kind.BOUNDED, Kind.BELOW, Kind.ABOVE)


@pytest.mark.parametrize("effect", [0.4, -0.4])
def test_looked_at_often_it_is_as_wide_with_the_critical_value_of_all_looks(effect: float) -> None:
    t = replace(SMALL, value=10.0 + effect)
    diff, monitor = difference(t, LARGE), AlwaysValid(5_000.0)
    skew = skew_of(t, LARGE, diff.se)
    q = monitor.critical(2_150, 0.05)
    for its in (None, skew):
        found = compare_looked_at(diff, monitor, 0.95, ("first",), its)
        below, above = half_widths(diff.se, q, its)
        i = found.absolute
        assert (i.estimate, i.low, i.high) == pytest.approx((effect, effect - below, effect + above), rel=1e-9)
        assert found.se == pytest.approx(max(below, above) / q, rel=1e-12)
        z = touching(effect, diff.se, 1 if effect > 0 else -1, its)
        assert found.pvalue == pytest.approx(monitor.pvalue(z, 2_150, 0.05), rel=1e-12)
        assert (found.method, found.df, found.notes) == ("sequential", None, ("first",))
        assert found.statistic == pytest.approx(effect / diff.se)
