"""How an effect developed: days, weekdays and the trend, from summaries of single days."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import norm, ttest_ind

from abimpact.decide.course import Course
from abimpact.decide.developing import FEWEST_UNITS, course
from abimpact.estimate.estimate import Estimate, Interval, Kind
from abimpact.estimate.segments import pool
from abimpact.estimate.table import estimate
from abimpact.estimate.trend import implied_se, trend
from abimpact.spec.metric import MetricKind
from abimpact.summarise.days import Day, merged
from abimpact.summarise.summary import MetricSummary
from tests.estimate.cases import moments_of, summary

START = date(2026, 3, 2)  # a Monday


def noise(sd: float, n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(0, sd, n)


def alone(found: MetricSummary, arm: int) -> Estimate | None:
    return estimate(found, arm, level=0.95, n_resamples=0, seed=0).decisive


def rows(n: int, mean: float) -> np.ndarray:
    """Values whose mean is exact, so that the trend is that of the effects given."""
    drawn = noise(1.0, n)
    return drawn - drawn.mean() + mean


def days_of(effects: list[float], units: int = 50, *, base: float = 10.0, length: int = 1) -> list[Day]:
    parts = [
        summary(MetricKind.MEAN, moments_of(rows(units, base)), moments_of(rows(units + i, base + effect)))
        for i, effect in enumerate(effects)
    ]
    return [
        Day(start=START + timedelta(days=length * i), length=length, alone=part, so_far=merged(parts[: i + 1]))
        for i, part in enumerate(parts)
    ]


def limits(interval: Interval) -> tuple[float | None, ...]:
    return interval.estimate, interval.low, interval.high, interval.level


def told(days: list[Day], level: float = 0.95) -> Course:
    return course(days, "ml", alone, alone, level)


def test_every_day_has_its_own_units_and_those_so_far() -> None:
    days = days_of([1.0, 2.0, 3.0])
    found = told(days).days
    assert [(d.start, d.length, d.units, d.units_so_far) for d in found] == [
        (START, 1, (50, 50), (50, 50)),
        (START + timedelta(days=1), 1, (50, 51), (100, 101)),
        (START + timedelta(days=2), 1, (50, 52), (150, 153)),
    ]
    for day, expected, so_far in zip(found, (1.0, 2.0, 3.0), (1.0, 151 / 101 + 0.0, None), strict=True):
        assert day.alone is not None
        assert day.so_far is not None
        assert day.alone.absolute.estimate == pytest.approx(expected)
        if so_far:
            assert day.so_far.absolute.estimate == pytest.approx((50 + 51 * 2) / 101 if so_far > 1 else 1.0)


def test_the_trend_is_that_of_effects_by_day_and_where_it_leads() -> None:
    effects = list(3.0 - 0.2 * np.arange(10) + noise(0.05, 10))
    days = days_of(effects)
    found = told(days, 0.9).development
    assert found is not None
    estimates = [d.alone for d in told(days).days if d.alone]
    line = trend(list(range(10)), effects, [e.se or 0.0 for e in estimates])
    lifts = trend(list(range(10)), [e.relative.estimate or 0.0 for e in estimates],
                  [implied_se(e.relative, e.df) or 0.0 for e in estimates])  # fmt: skip
    assert line is not None
    assert lifts is not None
    assert (found.slope, found.se, found.df, found.days) == (pytest.approx(line.slope), pytest.approx(line.se), 8, 10)
    assert found.pvalue == pytest.approx(max(line.pvalue, lifts.pvalue))
    assert limits(found.first) == pytest.approx(limits(line.at(0.0, 0.9)))
    assert limits(found.last) == pytest.approx(limits(line.at(9.0, 0.9)))
    # As many days beyond the last as were seen.
    assert found.until == START + timedelta(days=19)
    assert limits(found.if_it_went_on) == pytest.approx(limits(line.at(19.0, 0.9)))
    zero = line.reaches_zero_at()
    assert zero is not None
    assert found.zero_on == START + timedelta(days=round(zero))
    assert (found.is_fading, found.is_used_up) == (True, False)


def test_a_zero_behind_or_far_ahead_is_no_day() -> None:
    some = list(noise(0.01, 8))
    for effects, is_ahead in (
        ([2.0 + 0.2 * i + e for i, e in enumerate(some)], False),  # it was at zero before the test
        ([2.0 - 0.4 * i + e for i, e in enumerate(some)], False),  # within the test
        ([2.0 - 0.2 * i + e for i, e in enumerate(some)], True),  # on the tenth day of 15
        ([2.0 - 0.1 * i + e for i, e in enumerate(some)], False),  # on the twentieth
    ):
        found = told(days_of(effects)).development
        assert found is not None
        assert (found.zero_on is not None) == is_ahead
        if is_ahead:
            assert found.zero_on == START + timedelta(days=10)


def test_an_effect_that_turned_round_is_used_up() -> None:
    some = noise(0.01, 8)
    found = told(days_of([2.0 - 0.4 * i + e for i, e in enumerate(some)])).development
    assert found is not None
    assert (found.is_fading, found.is_used_up) == (True, True)
    found = told(days_of([1.0 + 0.4 * i + e for i, e in enumerate(some)])).development
    assert found is not None
    assert (found.is_fading, found.is_used_up) == (False, False)


def test_longer_spans_are_counted_in_days() -> None:
    some = noise(0.05, 6)
    found = told(days_of([3.0 - 0.2 * i + e for i, e in enumerate(some)], length=7)).development
    assert found is not None
    assert found.slope == pytest.approx(-0.2 / 7, abs=0.01)
    assert found.until == START + timedelta(days=35 + 35 + 7)


def test_days_with_few_units_or_without_an_estimate_are_not_in_the_trend() -> None:
    effects = list(1.0 + noise(0.1, 6))
    days = days_of(effects)
    small = days_of([50.0], units=FEWEST_UNITS - 1)[0]
    odd = [*days, replace(small, start=START + timedelta(days=6))]
    found, without = told(odd).development, told(days).development
    assert found is not None
    assert without is not None
    assert (found.days, found.slope) == (6, pytest.approx(without.slope))
    enough = days_of([50.0], units=FEWEST_UNITS)[0]
    more = told([*days, replace(enough, start=START + timedelta(days=6))]).development
    assert more is not None
    assert more.days == 7
    assert told(days[:4]).development is None
    silent = course(days, "ml", lambda *_: None, lambda *_: None, 0.95)
    assert silent.development is None
    assert [d.alone for d in silent.days] == [None] * 6


def effect_of(absolute: float, lift: float | None) -> Estimate:
    """An effect with standard error 1 and a lift with standard error 0.1, if it has one."""
    z = norm.ppf(0.975)
    relative = Interval(estimate=None, low=None, high=None, level=0.95, kind=Kind.UNDEFINED)
    if lift is not None:
        relative = Interval(estimate=lift, low=lift - 0.1 * z, high=lift + 0.1 * z, level=0.95)
    interval = Interval(estimate=absolute, low=absolute - z, high=absolute + z, level=0.95)
    return Estimate(method="m", absolute=interval, relative=relative, statistic=0.0, df=None, pvalue=0.5, se=1.0)


def test_a_trend_counts_only_if_the_lift_has_it_too() -> None:
    days = days_of([0.0] * 8)
    x, wiggle = np.arange(8.0), np.array([0.1, -0.2, 0.1, 0.15, -0.1, -0.1, 0.2, -0.15])

    def developed(absolute: np.ndarray, lift: np.ndarray | None) -> float:
        by_day = {day.start: i for i, day in enumerate(days)}
        found = {id(day.alone): i for i, day in enumerate(days)}

        def compare(part: MetricSummary, _: int) -> Estimate | None:
            i = found.get(id(part))
            if i is None:
                return None
            return effect_of(absolute[i], None if lift is None or (i == 3 and lift[i] > 90) else lift[i])

        told = course(days, "ml", compare, compare, 0.95).development
        assert told is not None
        assert len(by_day) == 8
        return told.pvalue

    def alone(effects: np.ndarray, se: float) -> float:
        line = trend(list(x), list(effects), [se] * 8)
        assert line is not None
        return line.pvalue

    up, flat = 0.3 * x + wiggle, wiggle[::-1] * 0.1
    assert developed(up, None) == pytest.approx(alone(up, 1.0))
    assert developed(up, up / 10 + flat) == pytest.approx(max(alone(up, 1.0), alone(up / 10 + flat, 0.1)))
    assert developed(up, -up / 10) == 1.0
    # A lift that is missing on one day leaves the effect's trend to speak for itself.
    missing = np.where(x == 3, 99.0, -up / 10)
    assert developed(up, missing) == pytest.approx(alone(up, 1.0))


def test_weekdays_are_pooled_over_two_weeks_at_least() -> None:
    effects = [1.0, 1.0, 1.0, 1.0, 1.0, 4.0, 4.0] * 2
    days = days_of(effects)
    found = told(days)
    assert [w.weekday for w in found.weekdays] == [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]  # fmt: skip
    assert [w.units for w in found.weekdays] == [(100, 107 + 2 * i) for i in range(7)]
    estimates = [w.estimate for w in found.weekdays if w.estimate]
    assert [e.absolute.estimate for e in estimates] == pytest.approx([1.0] * 5 + [4.0] * 2)
    pooled = pool([e.absolute.estimate or 0.0 for e in estimates], [e.se or 0.0 for e in estimates])
    assert found.weekday_pvalue == pytest.approx(pooled.pvalue)
    assert pooled.pvalue < 1e-6
    short = told(days[:13])
    assert (short.weekdays, short.weekday_pvalue) == ((), None)
    weeks = told(days_of(effects, length=7))
    assert (weeks.weekdays, weeks.weekday_pvalue) == ((), None)


def test_a_weekday_without_an_estimate_leaves_no_p() -> None:
    days = days_of([1.0] * 14)
    monday = days[0].alone.moments[0].n

    def compare(part: MetricSummary, arm: int) -> Estimate | None:
        is_monday = part.moments[0].n == 2 * monday and part.moments[arm].n == 107
        return None if is_monday else alone(part, arm)

    found = course(days, "ml", compare, compare, 0.95)
    assert [w.estimate is None for w in found.weekdays] == [True, *[False] * 6]
    assert found.weekday_pvalue is None


def test_the_arms_of_a_day_are_compared_by_welch() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=40), rng.normal(size=45)
    part = summary(MetricKind.MEAN, moments_of(a), moments_of(b))
    (day,) = course([Day(start=START, length=1, alone=part, so_far=part)], "ml", alone, alone, 0.95).days
    assert day.alone is not None
    assert day.alone.pvalue == pytest.approx(ttest_ind(a, b, equal_var=False).pvalue)
