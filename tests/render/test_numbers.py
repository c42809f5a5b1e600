import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abimpact.estimate.estimate import Kind
from abimpact.render import numbers
from abimpact.render.numbers import PERCENT, PLAIN, POINTS
from abimpact.spec.metric import MetricKind, Tolerance
from tests.render.build import estimate, interval
from tests.render.reading import agrees, number


@pytest.mark.parametrize(
    ("limits", "unit", "expected"),
    [
        ((0.042, 0.018, 0.067), PERCENT, "+4.2 % (+1.8 % to +6.7 %)"),
        ((0.707, 0.094, 1.709), PERCENT, "+71 % (+9 % to +171 %)"),
        ((0.0014, 0.0009, 0.0019), POINTS, "+0.140 points (+0.090 points to +0.190 points)"),
        ((-0.02, -0.034, -0.006), PERCENT, "−2.0 % (−3.4 % to −0.6 %)"),
        ((12.3, 10.0, 15.0), PERCENT, "+1,230 % (+1,000 % to +1,500 %)"),
        ((0.0, 0.0, 0.0), PERCENT, "0 % (0 % to 0 %)"),
    ],
)
def test_change(limits: tuple[float, float, float], unit: numbers.Unit, expected: str) -> None:
    assert numbers.change(interval(limits), unit).sentence == expected


def test_a_limit_just_above_zero_keeps_its_side() -> None:
    assert numbers.change(interval((0.042, 0.0003, 0.0837)), PERCENT).low == "+0.03"


def test_missing_limits_are_said() -> None:
    printed = numbers.change(interval((0.05, None, 0.1)), PLAIN)
    assert (printed.lift, printed.interval) == ("+0.050", "−∞ … +0.100")
    assert numbers.change(interval((None, None, None)), PLAIN).lift == "–"


sizes = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-8)


@given(st.tuples(sizes, sizes, sizes).map(sorted))
def test_change_agrees_with_its_numbers(values: list[float]) -> None:
    low, middle, high = values
    printed = numbers.change(interval((middle, low, high)), PLAIN)
    texts = (printed.low, printed.estimate, printed.high)
    assert all(agrees(text, x) for text, x in zip(texts, values, strict=True))
    assert low == high or number(printed.low)[0] < number(printed.high)[0]


@pytest.mark.parametrize(
    ("x", "kind", "expected"),
    [
        (2.614, MetricKind.MEAN, "2.61"),
        (0.0481, MetricKind.PROPORTION, "4.81 %"),
        (12345.6, MetricKind.MEAN, "12,346"),
        (-3.2, None, "−3.20"),
        (0.0, None, "0"),
        (1e17, None, "1.00e+17"),
        (None, None, "–"),
    ],
)
def test_value(x: float | None, kind: MetricKind | None, expected: str) -> None:
    assert numbers.value(x, kind) == expected


@pytest.mark.parametrize(
    ("p", "cell"),
    [
        (0.0, "<.001"),
        (1.5e-10, "<.001"),
        (0.0004, "<.001"),
        (0.0086, ".009"),
        (0.3, ".30"),
        (0.996, ">.99"),
    ],
)
def test_pvalue(p: float, cell: str) -> None:
    assert numbers.pvalue(p) == cell


@given(st.floats(0, 1))
def test_pvalue_is_never_zero_nor_one(p: float) -> None:
    text = numbers.pvalue(p)
    assert text[0] in "<>" or (0 < float(text) < 1 and math.isclose(float(text), p, abs_tol=0.00501))


def test_bound_never_looks_equal_to_its_margin() -> None:
    assert numbers.bound(0.04998, 0.05, PERCENT) == "+4.998 %"
    assert numbers.bound(-0.0182, 0.05, PERCENT) == "−1.8 %"
    assert numbers.bound(0.05, 0.05, PERCENT) == "+5.0 %"
    assert numbers.bound(None, 0.05, PERCENT) == "–"


def test_limit_has_its_unit() -> None:
    assert numbers.limit(Tolerance(amount=0.05, is_relative=True), None, 1) == "+5 %"
    assert numbers.limit(Tolerance(amount=0.002, is_relative=False), MetricKind.PROPORTION, -1) == "−0.2 points"
    assert numbers.limit(Tolerance(amount=5, is_relative=False), MetricKind.QUANTILE, 0) == "5"


def test_without_a_bounded_lift_the_difference_is_shown_in_points() -> None:
    unbounded = estimate("score", (0.01, 0.0, 0.02), (None, 0.1, None), 0.04, kind=Kind.ABOVE)
    assert numbers.shown(unbounded, MetricKind.PROPORTION) == (unbounded.absolute, POINTS)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 3, 1), date(2026, 3, 28), "1–28 Mar 2026"),
        (date(2026, 2, 1), date(2026, 3, 28), "1 Feb – 28 Mar 2026"),
        (date(2025, 12, 30), date(2026, 1, 2), "30 Dec 2025 – 2 Jan 2026"),
        (date(2026, 3, 1), date(2026, 3, 1), "1 Mar 2026"),
        (None, None, ""),
    ],
)
def test_period(start: date | None, end: date | None, expected: str) -> None:
    assert numbers.period(start, end) == expected


@pytest.mark.parametrize(
    ("p", "cell"),
    [(0.03, ".030"), (2e-5, "<.001"), (3.2e-45, "<1e-44"), (1e-300, "<1e-300"), (0.0, "<1e-300"), (None, numbers.NONE)],
)
def test_tiny_pvalues_are_told_where_every_number_is(p: float | None, cell: str) -> None:
    assert numbers.pvalue_in_full(p) == cell
