"""Findings that need estimates, from invented results: what wears off, what is too good, what the mix turns round."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from abimpact.decide.course import Course, Development
from abimpact.decide.novelty import novelty
from abimpact.decide.plausible import too_good
from abimpact.decide.report import MetricResult, SegmentResult
from abimpact.decide.simpson import simpson
from abimpact.estimate.estimate import Interval
from abimpact.findings import Severity
from abimpact.spec.metric import Role
from tests.render import build

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 28)


def at(estimate: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - 1, high=estimate + 1, level=0.95)


def developing(
    first: float,
    last: float,
    pvalue: float,
    *,
    zero_on: date | None = None,
    name: str = "profit",
    role: Role = Role.PRIMARY,
) -> MetricResult:
    """A KPI whose effect goes from `first` to `last` over 28 days."""
    slope = (last - first) / 27
    found = Development(
        days=28,
        slope=slope,
        se=0.01,
        df=26,
        pvalue=pvalue,
        first=at(first),
        last=at(last),
        until=date(2026, 4, 25),
        if_it_went_on=at(last + 28 * slope),
        zero_on=zero_on,
    )
    course = Course(days=(), development=found, weekdays=(), weekday_pvalue=None)
    return replace(build.metric(name, build.estimate("welch", (1, 0, 2), (1, 0, 2), 0.01), role=role), course=course)


def test_an_effect_that_wears_off_is_a_warning_with_the_day_on_which_nothing_is_left() -> None:
    (found,) = novelty([developing(3.0, 1.0, 0.001, zero_on=date(2026, 4, 10))])
    assert (found.code, found.severity) == ("novelty", Severity.WARN)
    assert "wears off: from +3 on the first day to +1 on the last" in found.message
    assert found.message.endswith("nothing would be left of it by 10 Apr 2026.")
    assert "promises more" in found.why
    assert "last days" in found.do
    data: dict[str, Any] = {
        "metric": "profit", "proposed": "ml", "by": "day", "days": 28, "slope": pytest.approx(-2 / 27),
        "pvalue": 0.001, "pvalue_adjusted": 0.001, "first": 3.0, "last": 1.0, "until": "2026-04-25",
        "if_it_went_on": pytest.approx(1 - 56 / 27),
    }  # fmt: skip
    assert found.data == data


def test_it_wears_off_towards_nothing_from_below_too_and_may_be_used_up() -> None:
    (found,) = novelty([developing(-3.0, -1.0, 0.001)])
    assert found.severity is Severity.WARN
    assert "from −3 on the first day to −1 on the last" in found.message
    assert "it would be +1.07 by 25 Apr 2026." in found.message
    for last in (-0.5, 0.0):
        (found,) = novelty([developing(3.0, last, 0.001)])
        assert found.message.endswith("By that trend nothing is left of it.")


def test_an_effect_that_grows_is_told_and_no_warning() -> None:
    (found,) = novelty([developing(1.0, 3.0, 0.001)])
    assert found.severity is Severity.INFO
    assert " grows: " in found.message
    assert "it would be +5.07 by 25 Apr 2026" in found.message
    assert "less than will come" in found.why
    assert found.do.startswith("Run longer if")


def test_trends_are_adjusted_for_their_number_and_only_primaries_are_looked_at() -> None:
    # By Holm 0.006 of two is 0.012, which is not below 0.01; alone it is.
    one, other = developing(3.0, 1.0, 0.006), developing(3.0, 1.0, 0.5, name="sales")
    (alone,) = novelty([one, replace(other, metric=replace(other.metric, role=Role.SECONDARY))])
    assert alone.severity is Severity.WARN
    (both,) = novelty([one, other])
    assert both.severity is Severity.PASS
    assert [(t["metric"], t["pvalue"], t["pvalue_adjusted"]) for t in both.data["trends"]] == [
        ("profit", 0.006, 0.012),
        ("sales", 0.5, 0.5),
    ]
    assert both.message
    (edge,) = novelty([developing(3.0, 1.0, 0.01)])
    assert edge.severity is Severity.PASS


def test_without_a_trend_nothing_is_said() -> None:
    plain = build.PROFIT
    assert (
        novelty([plain, replace(plain, course=Course(days=(), development=None, weekdays=(), weekday_pvalue=None))])
        == []
    )


def lifted(low: float | None, high: float | None, role: Role = Role.PRIMARY) -> MetricResult:
    limits = (0.5, low, high)
    return build.metric("profit", build.estimate("welch", (1, 0, 2), limits, 0.01), role=role)


@pytest.mark.parametrize(
    ("low", "high", "is_told"),
    [
        (0.3, 0.9, True),
        (0.29, 0.9, False),
        (-0.9, -0.3, True),
        (-0.9, -0.29, False),
        (-0.5, 0.5, False),
        (0.5, None, False),
        (None, None, False),
    ],
)
def test_a_lift_that_is_certain_to_be_beyond_30_percent_is_too_good(
    low: float | None, high: float | None, is_told: bool
) -> None:
    (found,) = too_good([lifted(low, high)])
    assert (found.code, found.severity) == ("too_good", Severity.WARN if is_told else Severity.PASS)
    if is_told:
        assert found.data == {"metric": "profit", "proposed": "ml", "low": low, "high": high, "beyond": 0.3}
        assert f"{(low or 0) * 100:+.0f} % to {(high or 0) * 100:+.0f} % with ml" in found.message
        assert found.why
        assert found.do
    else:
        assert found.message


def test_only_primaries_that_are_estimated_are_too_good_and_each_is_told() -> None:
    assert too_good([lifted(0.4, 0.9, Role.SECONDARY)]) == []
    assert too_good([build.metric("profit", role=Role.PRIMARY)]) == []
    assert len(too_good([lifted(0.2, 0.9), lifted(0.4, 0.9), lifted(0.5, 0.9)])) == 2


def in_segments(whole: float, *parts: tuple[str | None, float | None, tuple[int, int]]) -> MetricResult:
    def of(effect: float | None) -> Any:
        return () if effect is None else (build.estimate("welch", (effect, effect - 1, effect + 1), (0, 0, 0), 0.5),)

    segments = tuple(
        SegmentResult(by="country", value=value, units=units, estimates=of(effect), shrunken=None)
        for value, effect, units in parts
    )
    base = build.metric("profit", build.estimate("welch", (whole, whole - 1, whole + 1), (0, 0, 0), 0.5))
    return replace(base, segments=segments)


def test_a_whole_that_says_the_opposite_of_all_its_parts_is_told_with_the_mixes() -> None:
    (found,) = simpson([in_segments(2.0, ("DE", -1.0, (100, 300)), (None, -0.5, (300, 100)))])
    assert (found.code, found.severity) == ("mix_shift", Severity.WARN)
    assert found.message.startswith("profit is higher with ml over all units, and lower in every country: ")
    assert "DE 25 % of rules, 75 % of ml; (none) 75 % of rules, 25 % of ml." in found.message
    assert found.data == {
        "metric": "profit",
        "proposed": "ml",
        "by": "country",
        "effect": 2.0,
        "segments": {
            "DE": {"effect": -1.0, "share_incumbent": 0.25, "share_proposed": 0.75},
            "": {"effect": -0.5, "share_incumbent": 0.75, "share_proposed": 0.25},
        },
    }
    assert found.why
    assert 'strata = ["country"]' in found.do
    (lower,) = simpson([in_segments(-2.0, ("DE", 1.0, (100, 300)), ("FR", 0.5, (300, 100)))])
    assert "profit is lower with ml over all units, and higher in every country" in lower.message


def test_the_largest_shifts_are_listed_first_and_five_at_most() -> None:
    sizes = [(100, 110), (100, 150), (100, 100), (100, 200), (100, 100), (200, 100), (100, 100)]
    parts = [(f"c{i}", -1.0, size) for i, size in enumerate(sizes)]
    (found,) = simpson([in_segments(1.0, *parts)])
    listed = found.message.split("every country: ")[1]
    assert [part.split()[0] for part in listed.split("; ")][:3] == ["c5", "c3", "c1"]
    assert listed.count("% of rules") == 5


@pytest.mark.parametrize(
    "parts",
    [
        [("DE", -1.0, (10, 20)), ("FR", 0.0, (20, 10))],  # one part does not say the opposite
        [("DE", -1.0, (10, 20)), ("FR", 1.0, (20, 10))],
        [("DE", -1.0, (10, 20)), ("FR", None, (20, 10))],  # one part is not known
        [("DE", -1.0, (10, 20))],  # the whole is its only part
    ],
)
def test_where_any_part_agrees_or_is_not_known_there_is_no_reversal(parts: list[Any]) -> None:
    (found,) = simpson([in_segments(2.0, *parts)])
    assert (found.code, found.severity) == ("mix_shift", Severity.PASS)
    assert found.message


def test_without_segments_there_is_nothing_to_say_and_no_effect_has_no_opposite() -> None:
    assert simpson([build.PROFIT]) == []
    (found,) = simpson([in_segments(0.0, ("DE", -1.0, (10, 20)), ("FR", -1.0, (20, 10)))])
    assert found.severity is Severity.PASS
    missing = replace(in_segments(2.0, ("DE", -1.0, (1, 2)), ("FR", -1.0, (2, 1))), estimates=(), chosen_method=None)
    (found,) = simpson([missing])
    assert found.severity is Severity.PASS
