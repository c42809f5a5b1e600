"""`still_moving` speaks where late outcomes are as good an explanation as any, and only there."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze

DAYS = 28


def log(late_ml: float = 0.0, late_both: float = 0.0, wears_off: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Payments of 28 days, drawn on the last one: a late outcome has come with the probability age / 28."""
    rng = np.random.default_rng(seed)
    n = 40_000
    ml = rng.random(n) < 0.5
    day = rng.integers(0, DAYS, n)
    has_come = rng.random(n) < (DAYS - day) / DAYS
    value = 8 + 2 * rng.standard_normal(n) + ml * 0.15
    value -= has_come * (ml * late_ml + late_both * (1 + 0.5 * ml))
    value -= ml * wears_off * day / DAYS
    start = pd.Timestamp("2026-03-01")
    return pd.DataFrame({"variant": np.where(ml, "ml", "rules"), "value": value,
                         "day": start + pd.to_timedelta(day, unit="D")})  # fmt: skip


def found(data: pd.DataFrame, config: Any = None, **options: Any) -> dict[str, Any]:
    told = analyze(data, variant="variant", incumbent="rules", time="day", metrics=["value"], resamples=0,
                   config=config, **options).to_dict()  # fmt: skip
    mine = [c for c in told["checks"] if c["code"] == "still_moving"]
    assert len(mine) <= 1
    return mine[0] if mine else {}


def test_bad_news_that_comes_late_is_seen_with_its_curve() -> None:
    told = found(log(late_ml=0.6))
    assert told["severity"] == "warn"
    curve = told["data"]["curve"]
    assert [point["age"] for point in curve] == list(range(DAYS - 1, -1, -1))
    assert sum(point["units"] for point in curve) == 40_000
    old, young = (np.mean([p["effect"] for p in part]) for part in (curve[:7], curve[-7:]))
    # 0.15 - 0.6 * age / 28, on average over a week.
    assert old == pytest.approx(0.15 - 0.6 * (DAYS - 3) / DAYS, abs=0.15)
    assert young == pytest.approx(0.15 - 0.6 * 4 / DAYS, abs=0.15)
    assert "matures_after" in told["do"]


def test_what_comes_late_to_both_is_seen_if_the_effect_moves() -> None:
    assert found(log(late_both=-1.2))["severity"] == "warn"


def test_an_effect_that_stays_is_fine() -> None:
    assert found(log())["severity"] == "pass"
    # Late for both alike: the level moves, and the effect does not.
    data = log()
    data["value"] -= (pd.Timestamp("2026-03-28") - data["day"]).dt.days / DAYS
    assert found(data)["severity"] == "pass"


def test_an_effect_that_wears_off_is_novelty() -> None:
    assert found(log(wears_off=0.8))["severity"] == "pass"


def test_it_is_silent_where_the_time_is_declared_or_has_passed(tmp_path: Any) -> None:
    path = tmp_path / "abimpact.toml"
    metric = '[[metric]]\nname = "value"\nrole = "primary"\n'
    path.write_text(f'[data]\nas_of = 2026-05-30\n{metric}matures_after = "30d"\n')
    told = analyze(log(late_ml=0.6), variant="variant", incumbent="rules", time="day", resamples=0, config=path)
    assert "still_moving" not in {c["code"] for c in told.to_dict()["checks"]}
    path.write_text(f"[data]\nas_of = {date(2026, 7, 30)}\n{metric}")
    told = analyze(log(late_ml=0.6), variant="variant", incumbent="rules", time="day", resamples=0, config=path)
    assert "still_moving" not in {c["code"] for c in told.to_dict()["checks"]}


def developed(first: float, last: float, pvalue: float = 0.001) -> Any:
    from tests.decide.test_findings import developing

    return developing(first, last, pvalue)


def days_of(levels: list[float], units: int = 60) -> list[Any]:
    """Days whose incumbent has these values, give or take a hundredth."""
    from abimpact.spec.metric import MetricKind
    from abimpact.summarise.days import Day
    from tests.estimate.cases import moments_of, summary

    wiggle = np.resize([0.01, -0.01], units)
    parts = [summary(MetricKind.MEAN, moments_of(level + wiggle), moments_of([1.0, 2.0])) for level in levels]
    return [
        Day(start=date(2026, 3, 1) + (date(2026, 3, 2) - date(2026, 3, 1)) * i, length=1, alone=part, so_far=part)
        for i, part in enumerate(parts)
    ]


STEADY = [1.0, 1.002, 0.999, 1.001, 0.998, 1.001, 1.0, 0.999]
RISING = [1.0 + 0.1 * i + e for i, e in enumerate(STEADY)]


def told_of(result: Any, days: list[Any], as_of: date | None = None) -> Any:
    from abimpact.decide.still_moving import still_moving

    return still_moving([result], {"profit": days}, as_of)


@pytest.mark.parametrize(
    ("first", "last", "levels", "is_lower", "severity"),
    [
        (1.0, 3.0, STEADY, False, "warn"),  # the young units look better
        (3.0, 1.0, STEADY, False, "pass"),  # they look worse, and nothing else moves
        (3.0, 1.0, RISING, False, "warn"),  # what the incumbent has brought depends on the age too
        (3.0, 1.0, STEADY, True, "warn"),  # lower is better
        (1.0, 3.0, STEADY, True, "pass"),
    ],
)
def test_a_trend_that_late_outcomes_explain_is_told(
    first: float, last: float, levels: list[float], is_lower: bool, severity: str
) -> None:
    from dataclasses import replace

    from abimpact.spec.metric import Better

    result = developed(first, last)
    if is_lower:
        result = replace(result, metric=replace(result.metric, better=Better.LOWER))
    (finding,) = told_of(result, days_of(levels))
    assert (finding.code, finding.severity) == ("still_moving", severity)
    if severity == "pass":
        assert finding.data == {"looked_at": [{"metric": "profit", "proposed": "ml", "pvalue": 0.001}]}
        assert finding.message
    else:
        assert finding.data == {
            "metric": "profit", "proposed": "ml", "pvalue": 0.001, "pvalue_adjusted": 0.001, "oldest": 7, "youngest": 0,
            "curve": [],
        }  # fmt: skip
        assert "where they are 7 days old" in finding.message
        assert finding.why
        assert finding.do


def test_small_and_flat_days_tell_nothing_of_the_incumbents_age() -> None:
    result = developed(3.0, 1.0)
    for some in (days_of(RISING, 28), [*days_of(RISING)[:4], *days_of(RISING, 28)[4:]]):
        (finding,) = told_of(result, some)
        assert finding.severity == "pass"
    # A small day among large ones is passed over, and those behind it count.
    mixed = [*days_of(RISING)[:1], *days_of(RISING, 28)[1:2], *days_of(RISING)[2:]]
    (finding,) = told_of(result, mixed)
    assert finding.severity == "warn"


def test_a_trend_by_chance_and_units_of_one_age_are_not_told() -> None:
    (finding,) = told_of(developed(1.0, 3.0, 0.01), days_of(STEADY))
    assert finding.severity == "pass"
    # Eight days of units: seven days after the last one all have had as long as the test took.
    for as_of, is_told in ((date(2026, 3, 14), True), (date(2026, 3, 15), False)):
        assert bool(told_of(developed(1.0, 3.0), days_of(STEADY), as_of)) == is_told
    (finding,) = told_of(developed(1.0, 3.0), days_of(STEADY), date(2026, 3, 10))
    assert (finding.data["oldest"], finding.data["youngest"]) == (9, 2)
