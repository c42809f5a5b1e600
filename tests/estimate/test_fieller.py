"""Fieller's set from its definition: which lifts it holds, how it is told where it has no bounds."""

import math

import pytest

from abimpact.estimate.estimate import Kind
from abimpact.estimate.fieller import lift_component, lift_interval, lift_set, unbounded_note
from tests.estimate.cases import arm

Q = 1.96


def inside(lift: float, m_t: float, v_t: float, m_c: float, v_c: float, covariance: float) -> bool:
    """Whether the test of m_t - (1 + lift) m_c (of a negative m_c: (1 - lift)) does not reject."""
    factor = 1 + math.copysign(lift, lift * m_c)
    return (m_t - factor * m_c) ** 2 <= Q * Q * (v_t - 2 * factor * covariance + factor**2 * v_c)


@pytest.mark.parametrize(
    ("m_t", "v_t", "m_c", "v_c", "covariance", "kind"),
    [
        (11.0, 0.2, 10.0, 0.3, 0.0, Kind.BOUNDED),
        (11.0, 0.2, 10.0, 0.3, 0.1, Kind.BOUNDED),
        (-9.0, 0.2, -10.0, 0.3, 0.0, Kind.BOUNDED),
        (-9.0, 0.2, -10.0, 0.3, -0.1, Kind.BOUNDED),
        (5.0, 0.2, 0.5, 0.3, 0.0, Kind.EXCLUSIVE),
        (-5.0, 0.2, 0.5, 0.3, 0.05, Kind.EXCLUSIVE),
        (5.0, 0.2, -0.5, 0.3, 0.05, Kind.EXCLUSIVE),
        (0.5, 0.2, 0.5, 0.3, 0.0, Kind.WHOLE),
    ],
)
def test_the_set_holds_what_its_test_does_not_reject(
    m_t: float, v_t: float, m_c: float, v_c: float, covariance: float, kind: Kind
) -> None:
    found = lift_set(m_t, v_t, m_c, v_c, covariance, Q)
    assert found.kind is kind
    for lift in [x / 7 for x in range(-200, 200)]:
        if kind is Kind.WHOLE:
            expected = True
        else:
            assert found.low is not None
            assert found.high is not None
            within = found.low <= lift <= found.high
            expected = within if kind is Kind.BOUNDED else not within
        assert inside(lift, m_t, v_t, m_c, v_c, covariance) == expected


def test_it_holds_far_out_and_close_by() -> None:
    """No square overflows or vanishes, and a lift keeps its digits beside a large value."""
    for unit in (1e-150, 1e150):
        found = lift_set(11 * unit, 0.2 * unit * unit, 10 * unit, 0.3 * unit * unit, 0.0, Q)
        plain = lift_set(11, 0.2, 10, 0.3, 0.0, Q)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high), rel=1e-12)
    small = lift_set(1 + 1e-9, 1e-22, 1.0, 1e-22, 0.0, Q)
    half = Q * math.sqrt(2) * 1e-11
    assert (small.low, small.high) == pytest.approx((1e-9 - half, 1e-9 + half), rel=1e-6)


def test_a_set_without_bounds_has_an_estimate_and_says_why() -> None:
    t, c = arm(2, 5.0, 0.4), arm(2, 0.5, 0.6)
    found = lift_interval(t, c, 0.0, Q, 0.9)
    assert (found.estimate, found.low, found.high, found.level, found.kind) == (9.0, None, None, 0.9, Kind.EXCLUSIVE)
    gap = lift_set(5.0, 0.2, 0.5, 0.3, 0.0, Q)
    assert unbounded_note(t, c, 0.0, Q) == (
        "no bounded interval for the lift: the incumbent's value is not distinguishable from 0 (0.5, standard error "
        f"0.548); only lifts between {(gap.low or 0) * 100:+.1f} % and {(gap.high or 0) * 100:+.1f} % are excluded"
    )
    whole = arm(2, 0.5, 0.4)
    assert lift_interval(whole, c, 0.0, Q, 0.9).kind is Kind.WHOLE
    assert unbounded_note(whole, c, 0.0, Q).startswith("the lift is not estimable: the incumbent's value is not")
    none = arm(2, 0.0, 0.6)
    undefined = lift_interval(t, none, 0.0, Q, 0.9)
    assert (undefined.estimate, undefined.kind, undefined.level) == (None, Kind.UNDEFINED, 0.9)
    assert unbounded_note(t, none, 0.0, Q) == "no lift: the incumbent's value is 0"
    assert unbounded_note(arm(2, 1e300, 1.0), arm(2, 1e-300, 1.0), 0.0, Q) == "no lift: the incumbent's value is 0"
    assert unbounded_note(arm(2, 11.0, 0.4), arm(2, 10.0, 0.6), 0.0, Q) == ""
    bounded = lift_interval(arm(2, 11.0, 0.4), arm(2, 10.0, 0.6), 0.0, Q, 0.9)
    assert (bounded.estimate, bounded.kind) == (pytest.approx(0.1), Kind.BOUNDED)
    assert -1 < (bounded.low or 0) < 0.1 < (bounded.high or 0)


def test_the_component_is_the_part_that_holds_the_estimate() -> None:
    c = arm(2, 0.5, 0.6)
    above, below = lift_set(5.0, 0.2, 0.5, 0.3, 0.0, Q), lift_set(-5.0, 0.2, 0.5, 0.3, 0.0, Q)
    # Effects that are shown: the other part has no lift of 0 in it, or it would not be shown.
    assert lift_component(arm(2, 5.0, 0.4), c, 0.0, Q) == ((above.high, None) if (above.low or 0) < 0 else (None, None))
    assert lift_component(arm(2, -5.0, 0.4), c, 0.0, Q) == (
        (None, below.low) if (below.high or 0) > 0 else (None, None)
    )
    plain = lift_set(11.0, 0.2, 10.0, 0.3, 0.0, Q)
    assert lift_component(arm(2, 11.0, 0.4), arm(2, 10.0, 0.6), 0.0, Q) == (plain.low, plain.high)
    assert lift_component(arm(2, 0.5, 0.4), c, 0.0, Q) == (None, None)
