"""Effects by day: each that of its own units, cumulated over all so far; what wears off is found, what moves is not."""

from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from abimpact import analyze
from tests.decide.test_verdict import SCHEMA
from tests.estimate.test_trend import trend
from tests.logs import frame

NAMED: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "time": "day"}


def log(effect: Any = 0.0, base: Any = 0.0, units: int = 20_000) -> pd.DataFrame:
    """A log whose effect and base are functions of the day's number."""
    data = frame(units, seed=11)
    x = (data["day"] - pd.Timestamp("2026-03-01")).dt.days
    is_ml = data["variant"] == "ml"
    data["value"] += (effect(x) if callable(effect) else effect) * is_ml + (base(x) if callable(base) else base)
    return data


def told(data: Any, **more: Any) -> dict[str, Any]:
    asked = {"metrics": ["value", "converted", "value/sessions", "value:p50"], "resamples": 0, **NAMED, **more}
    found = analyze(data, **asked).to_dict()
    jsonschema.validate(found, SCHEMA)
    return found


def check(found: dict[str, Any]) -> dict[str, Any]:
    (only,) = [c for c in found["checks"] if c["code"] == "novelty"]
    return only


def test_days_are_those_of_their_units() -> None:
    data = log(1.0, units=4_000)
    metrics = told(data)["metrics"]
    days = metrics[0]["days"]
    assert [d["day"] for d in days] == [f"2026-03-{i:02}" for i in range(1, 29)]
    for day in days:
        for name, which in (("daily", data["day"] == day["day"]), ("cumulative", data["day"] <= day["day"])):
            arms = {v: data.loc[which & (data["variant"] == v), "value"] for v in ("rules", "ml")}
            test = ttest_ind(arms["ml"], arms["rules"], equal_var=False)
            interval = test.confidence_interval()
            assert day[name]["units"] == {v: len(x) for v, x in arms.items()}
            assert day[name]["pvalue"] == pytest.approx(test.pvalue, rel=1e-9)
            assert (day[name]["absolute"]["low"], day[name]["absolute"]["high"]) == pytest.approx(
                tuple(interval), rel=1e-9
            )
    last = days[-1]["cumulative"]
    assert last["absolute"]["low"] == pytest.approx(metrics[0]["estimates"][0]["absolute"]["low"], rel=1e-9)
    assert [bool(m["days"]) for m in metrics] == [True, False, False, False]


def test_the_trend_is_that_of_the_daily_effects() -> None:
    metric = told(log(lambda x: 3 - 0.1 * x))["metrics"][0]
    daily = [d["daily"]["absolute"] for d in metric["days"]]
    line = trend(range(28), [d["estimate"] for d in daily], [(d["high"] - d["low"]) / 2 / 1.96 for d in daily])
    assert line is not None
    assert (metric["trend"]["slope"], metric["trend"]["se"]) == pytest.approx((line.slope, line.se), rel=0.01)
    assert metric["trend"]["extrapolated"]["until"] == "2026-04-25"
    assert metric["trend"]["extrapolated"]["absolute"]["estimate"] == pytest.approx(line.at(55, 0.95).estimate, rel=0.1)


def test_what_wears_off_is_found_and_extrapolated_as_such() -> None:
    data = log(lambda x: 4 * np.exp(-x / 8))
    found = check(told(data))
    assert (found["severity"], found["data"]["metric"]) == ("warn", "value")
    assert found["data"]["first"] > found["data"]["last"]
    page = analyze(data, metrics=["value"], resamples=0, **NAMED).to_markdown()
    assert "<summary>How it developed</summary>" in page
    assert "The effect wears off" in page


def test_what_grows_is_told_but_no_warning() -> None:
    found = check(told(log(lambda x: 0.1 * x)))
    assert found["severity"] == "info"
    assert "grows" in found["message"]
    assert "extrapolation" in found["message"]


@pytest.mark.parametrize("effect", [0.0, 2.0, lambda x: 0.1 * (10 + 0.3 * x)], ids=["none", "steady", "steady lift"])
def test_a_steady_effect_on_a_moving_base_is_no_novelty(effect: Any) -> None:
    found = check(told(log(effect, base=lambda x: 0.3 * x)))
    assert found["severity"] == "pass"
    assert len(found["data"]["trends"]) == 1


def test_days_of_the_week() -> None:
    data = log(lambda x: 4.0 * (x % 7 == 6))  # 1 March 2026 is a Sunday
    week = told(data)["metrics"][0]["weekdays"]
    assert [e["weekday"] for e in week["effects"]][::6] == ["Monday", "Sunday"]
    mine = data[data["day"].dt.day_of_week == 5]
    arms = [mine.loc[mine["variant"] == v, "value"] for v in ("ml", "rules")]
    assert week["effects"][5]["pvalue"] == pytest.approx(ttest_ind(*arms, equal_var=False).pvalue, rel=1e-9)
    assert week["pvalue"] < 0.001
    short = data[data["day"] < "2026-03-12"]
    assert told(short)["metrics"][0]["weekdays"] is None


def test_a_long_test_is_told_in_weeks_and_one_day_not_at_all() -> None:
    data = frame(6_000)
    data["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(6_000) % 300, unit="D")
    days = told(data)["metrics"][0]["days"]
    assert len(days) == 43
    assert {d["length"] for d in days} == {7}
    assert days[-1]["cumulative"]["units"] == {"rules": 3_000, "ml": 3_000}
    data["day"] = pd.Timestamp("2026-01-01")
    metric = told(data)["metrics"][0]
    assert (metric["days"], metric["trend"], metric["weekdays"]) == ([], None, None)


def test_cumulative_bounds_hold_at_every_look_where_looking_was_declared(tmp_path: Any) -> None:
    data = log(1.0, units=4_000)
    config = tmp_path / "abimpact.toml"
    config.write_text('[analysis]\nsequential = "always-valid"\n', encoding="utf-8")
    metric = told(data, config=config)["metrics"][0]
    looks = [d["cumulative"]["method"] for d in metric["days"]]
    assert looks[-1] == "sequential"
    assert metric["days"][-1]["daily"]["method"] == "welch"
    decided = next(e for e in metric["estimates"] if e["method"] == metric["chosen_method"])
    assert metric["days"][-1]["cumulative"]["absolute"]["high"] == pytest.approx(decided["absolute"]["high"], rel=1e-9)
