"""Effects post-stratified by columns: against the estimator written out, and for what it gains."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.errors import ConfigError, DataError
from tests.logs import frame


def log(units: int = 4_000) -> pd.DataFrame:
    data = frame(units, seed=21)
    rng = np.random.default_rng(2)
    data["device"] = rng.choice(["phone", "desk"], units)
    data["value"] += data["country"].map({"DE": 0.0, "FR": 15.0, "NL": 40.0}) + 10.0 * (data["device"] == "desk")
    data["value"] += 1.0 * (data["variant"] == "ml")
    return data


def told(data: Any, folder: Path, strata: str = '["country", "device"]', **more: Any) -> dict[str, Any]:
    config = folder / "abimpact.toml"
    config.write_text(f"[analysis]\nstrata = {strata}\n" + more.pop("also", ""), encoding="utf-8")
    asked = {"metrics": ["value", "converted", "value/sessions", "value:p50"], "resamples": 0, **more}
    return analyze(data, unit="unit", variant="variant", incumbent="rules", config=config, **asked).to_dict()


def written_out(data: pd.DataFrame, by: list[str]) -> tuple[float, float]:
    """The post-stratified difference of means and its standard error (methods.md d)."""
    parts = []
    for _, mine in data.groupby(by, dropna=False):
        t, c = (mine.loc[mine["variant"] == v, "value"] for v in ("ml", "rules"))
        parts.append((len(mine), t.mean() - c.mean(), t.var() / len(t) + c.var() / len(c)))
    n, d, v = map(np.array, zip(*parts, strict=True))
    w = n / n.sum()
    effect = float(w @ d)
    return effect, float(np.sqrt(w**2 @ v + w @ (d - effect) ** 2 / n.sum()))


def test_it_is_the_estimator_and_narrower(tmp_path: Path) -> None:
    data = log()
    found = told(data, tmp_path)["metrics"][0]
    plain = told(data, tmp_path, strata="[]")["metrics"][0]["estimates"][0]
    stratified = found["estimates"][0]
    effect, se = written_out(data, ["country", "device"])
    assert stratified["absolute"]["estimate"] == pytest.approx(effect, rel=1e-9)
    assert stratified["se"] == pytest.approx(se, rel=1e-9)
    gained = (se / plain["se"]) ** 2 - 1
    assert gained < -0.5
    assert stratified["notes"][:2] == [
        "stratified by country and device (6 strata)",
        f"variance {gained * 100:+.0f} %".replace("-", "−"),
    ]
    assert abs(found["proposed"]["value"] - found["incumbent"]["value"] - effect) < 1e-9


def test_every_kind_is_stratified_or_says_that_it_is_not(tmp_path: Path) -> None:
    metrics = told(log(), tmp_path)["metrics"]
    notes = [m["estimates"][0]["notes"][0] for m in metrics]
    assert [n.startswith("stratified by country and device") for n in notes] == [True, True, True, False]
    assert notes[3].startswith("not stratified by country and device")


def test_units_without_a_value_are_a_stratum(tmp_path: Path) -> None:
    data = log()
    data.loc[:399, "country"] = None
    stratified = told(data, tmp_path, strata='["country"]')["metrics"][0]["estimates"][0]
    assert (stratified["absolute"]["estimate"], stratified["se"]) == pytest.approx(
        written_out(data, ["country"]), rel=1e-9
    )
    assert "(4 strata)" in stratified["notes"][0]


def test_days_and_segments_are_stratified_too(tmp_path: Path) -> None:
    data = log()
    metric = told(data, tmp_path, strata='["country"]', segments=["device"], time="day")["metrics"][0]
    for segment in metric["segments"]:
        mine = data[data["device"] == segment["value"]]
        assert segment["estimates"][0]["se"] == pytest.approx(written_out(mine, ["country"])[1], rel=1e-9)
    last = metric["days"][-1]["cumulative"]["absolute"]
    assert last["estimate"] == pytest.approx(written_out(data, ["country"])[0], rel=1e-9)
    first = data[data["day"] == metric["days"][0]["day"]]
    daily = metric["days"][0]["daily"]["absolute"]
    assert daily["estimate"] == pytest.approx(written_out(first, ["country"])[0], rel=1e-9)


def test_columns_stratify_within_the_phases_of_a_ramp(tmp_path: Path) -> None:
    data = log()
    schedule = """
[[data.split_schedule]]
from = 2026-03-01
split = "50:50"
[[data.split_schedule]]
from = 2026-03-15
split = "50:50"
"""
    found = told(data, tmp_path, strata='["country"]', time="day", also=schedule)["metrics"][0]["estimates"][0]
    data["phase"] = data["day"] >= "2026-03-15"
    assert (found["absolute"]["estimate"], found["se"]) == pytest.approx(
        written_out(data, ["phase", "country"]), rel=1e-9
    )
    assert found["notes"][0] == "stratified by phase and country (6 strata)"


def test_a_stratum_of_one_variant_is_merged_and_named(tmp_path: Path) -> None:
    data = log()
    data.loc[data["variant"] == "ml", "country"] = data["country"].replace("NL", "FR")
    notes = told(data, tmp_path, strata='["country"]')["metrics"][0]["estimates"][0]["notes"]
    assert any("merged into their neighbours" in n and "NL" in n for n in notes)


def test_what_cannot_be_stratified_is_refused(tmp_path: Path) -> None:
    data = log()
    data["id"] = np.arange(len(data))
    with pytest.raises(DataError, match="more than 200 strata"):
        told(data, tmp_path, strata='["id"]')
    with pytest.raises(DataError, match="contry"):
        told(data, tmp_path, strata='["contry"]')
    with pytest.raises(ConfigError, match="not stratified"):
        told(data, tmp_path, strata='["country"]', cluster="device")
