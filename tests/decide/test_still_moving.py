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
