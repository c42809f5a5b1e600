"""A ramp: phases with splits of their own, days by a declared zone, and the days that count."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.check.split import sample_ratio_pvalue
from abimpact.errors import ConfigError, DataError, UsageError
from tests.logs import by_code, frame, opened

RAMP = (("2026-03-02", 0.01, 0.05), ("2026-03-09", 0.10, 0.055), ("2026-03-16", 0.50, 0.06))
SCHEDULE = "".join(
    f'[[data.split_schedule]]\nfrom = {day}\nsplit = "{100 - 100 * share:g}:{100 * share:g}"\n'
    for day, share, _ in RAMP
)
PER_PHASE = 20_000


def ramp(phases: Sequence[tuple[str, float, float]] = RAMP, units: int = PER_PHASE) -> pd.DataFrame:
    """Weeks of `units` units each, of which a share is in ml, while both convert at the same, moving rate exactly."""
    parts = []
    for start, share, rate in phases:
        sizes = {"rules": round(units * (1 - share)), "ml": round(units * share)}
        for variant, n in sizes.items():
            converted = np.arange(n) < round(n * rate)
            day = pd.Timestamp(start) + pd.to_timedelta(np.arange(n) % 7, unit="D")
            # Two thirds of the successes of an arm and phase are in DE, so that segments see the ramp too.
            country = np.where(np.arange(n) % 3 < 2, "DE", "FR")
            parts.append(pd.DataFrame({"variant": variant, "day": day, "converted": converted, "country": country}))
    data = pd.concat(parts, ignore_index=True)
    data["spent"] = data.converted * 20.0
    return data.assign(unit=np.arange(len(data)))


def report(tmp_path: Path, data: Any, text: str, **given: Any) -> dict[str, Any]:
    (tmp_path / "abimpact.toml").write_text(f'[data]\nunit = "unit"\nvariant = "variant"\nincumbent = "rules"\n{text}')
    return analyze(data, config=tmp_path / "abimpact.toml", **{"metrics": ["converted"], **given}).to_dict()


def codes(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["code"]: c for c in reversed(result["checks"])}


@pytest.mark.parametrize("metric", ["converted", "spent", "spent/one"])
def test_a_ramp_invents_no_effect(tmp_path: Path, metric: str) -> None:
    data = ramp().assign(one=1)
    pooled = data.groupby("variant").converted.mean()
    assert pooled["ml"] / pooled["rules"] - 1 > 0.05
    result = report(tmp_path, data, f'time = "day"\n{SCHEDULE}', metrics=[metric], segments=["country"])
    (found,) = result["metrics"]
    chosen = next(e for e in found["estimates"] if e["method"] == found["chosen_method"])
    assert chosen["relative"]["estimate"] == pytest.approx(0, abs=1e-9)
    assert chosen["notes"][0] == "stratified by phase (3 strata)"
    assert found["incumbent"]["value"] == pytest.approx(found["proposed"]["value"])
    assert [e["method"] for e in found["estimates"]].count("bootstrap") == 0
    for segment in found["segments"]:
        # Whole units converted: a segment's rates are those of its arm but for a unit or two.
        assert abs(segment["estimates"][-1]["relative"]["estimate"]) < 0.04
    assert len(found["days"]) == 21
    assert found["days"][-1]["cumulative"]["absolute"]["estimate"] == pytest.approx(0, abs=1e-9)
    assert codes(result)["sample_ratio"]["severity"] == "pass"
    assert len(codes(result)["sample_ratio"]["data"]["phases"]) == 3
    for code in ("sample_ratio_over_time", "not_concurrent", "exposure_gaps"):
        assert codes(result)[code]["severity"] == "pass", code


def test_without_a_schedule_the_ramp_is_pooled_and_pointed_out(tmp_path: Path) -> None:
    result = report(tmp_path, ramp(), 'time = "day"\n')
    estimate = result["metrics"][0]["estimates"][0]
    assert estimate["relative"]["estimate"] > 0.05
    assert codes(result)["sample_ratio_over_time"]["severity"] == "warn"


def test_each_phase_is_held_against_its_split(tmp_path: Path) -> None:
    data = ramp()
    lost = data.index[(data.variant == "rules") & (data.day >= "2026-03-16")][:600]
    result = report(tmp_path, data.drop(lost), f'time = "day"\n{SCHEDULE}')
    found = codes(result)["sample_ratio"]
    assert found["severity"] == "block"
    assert "from 2026-03-16 (50:50) has 9,400 rules, 10,000 ml" in found["message"]
    _, pvalue = sample_ratio_pvalue([9_400, 10_000], (1, 1))
    assert found["data"]["phases"][2]["pvalue"] == pytest.approx(pvalue)
    assert found["data"]["pvalue"] == pytest.approx(3 * pvalue)
    assert result["verdict"]["reason"] == "sample_ratio"


def test_a_phase_without_the_proposed_variant_is_left_out(tmp_path: Path) -> None:
    phases = (("2026-03-02", 0.0, 0.20), ("2026-03-09", 0.5, 0.05))
    schedule = SCHEDULE.split("[[data")[0] + (
        '[[data.split_schedule]]\nfrom = 2026-03-02\nsplit = "100:0"\n'
        '[[data.split_schedule]]\nfrom = 2026-03-09\nsplit = "50:50"\n'
    )
    result = report(tmp_path, ramp(phases), f'time = "day"\n{schedule}')
    (found,) = result["metrics"]
    assert found["estimates"][-1]["relative"]["estimate"] == pytest.approx(0, abs=1e-9)
    assert found["incumbent"]["units"] == PER_PHASE // 2
    notes = found["estimates"][-1]["notes"]
    assert "left out, as only one of the variants ran: from 2026-03-02 (100:0) (20,000 units)" in notes
    assert codes(result)["not_concurrent"]["severity"] == "pass"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('split = "50:50"\n' + 'time = "day"\n' + SCHEDULE, ConfigError, "say the same"),
        ('time = "day"\nfrom = 2026-04-01\nto = 2026-03-01\n', ConfigError, "is after"),
        ('time = "day"\nfrom = 2027-04-01\n', DataError, "lies between"),
        ('time = "day"\ntimezone = "Europe/Berlim"\n', ConfigError, "Europe/Berlin"),
        ('time = "day"\n[[data.split_schedule]]\nfrom = 2026-03-02\nsplit = "1:1:1"\n', UsageError, "3 parts"),
        ('time = "day"\n[[data.split_schedule]]\nfrom = 2026-03-02\nsplit = "0:0"\n', UsageError, "no split"),
        ('time = "day"\n' + '[[data.split_schedule]]\nfrom = 2026-03-02\nsplit = "1:1"\n' * 2, ConfigError, "order"),
    ],
)
def test_what_contradicts_itself_is_an_error(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        report(tmp_path, frame(200), text, metrics=["value"])
    assert said in f"{caught.value} {getattr(caught.value, 'hint', '')}"


def test_a_flag_beats_the_schedule(tmp_path: Path) -> None:
    result = report(tmp_path, ramp(), f'time = "day"\n{SCHEDULE}', split="80:20")
    assert result["experiment"]["split"] == [80, 20]
    assert "stratified" not in " ".join(result["metrics"][0]["estimates"][0]["notes"])


@pytest.mark.parametrize(
    ("zone", "days"),
    [("Europe/Berlin", ["2026-03-01", "2026-03-02"]), ("America/New_York", ["2026-02-28", "2026-03-01"])],
)
@pytest.mark.parametrize("kind", ["naive", "aware", "text"])
def test_days_are_those_of_the_zone(zone: str, days: list[str], kind: str) -> None:
    times = pd.Series(pd.to_datetime(["2026-03-01 03:30", "2026-03-01 23:30"] * 100))
    column: Any = {
        "naive": times,
        "aware": times.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        "text": times.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }[kind]
    data = frame(200, variant=["rules", "rules", "ml", "ml"] * 50, day=column)
    with opened(data, time="day", timezone=zone) as log:
        assert [d.isoformat() for d in log.days.days] == days
        assert any("no zone" in g for g in log.guesses) == (kind == "naive")


def test_days_without_times_belong_to_the_zone_as_they_are() -> None:
    for column in (frame(50).day, frame(50).day.dt.date, frame(50).day.dt.strftime("%Y-%m-%d")):
        with opened(frame(50, day=column), time="day", timezone="America/New_York") as log:
            assert set(log.days.days) == set(frame(50).day.dt.date)


def test_days_outside_the_period_are_counted() -> None:
    from abimpact.check.table import run_checks

    data = frame(2_000)
    bounds = {"first_day": pd.Timestamp("2026-03-03").date(), "last_day": pd.Timestamp("2026-03-20").date()}
    with opened(data, time="day", where="country <> 'FR'", **bounds) as log:
        kept = data[(data.country != "FR")]
        inside = kept[kept.day.between("2026-03-03", "2026-03-20")]
        assert sum(log.units) == len(inside)
        findings = by_code(run_checks(log))
        assert findings["outside_period"].data["rows"] == len(kept) - len(inside)
        assert findings["filtered_rows"].data["rows"] == len(data) - len(kept)


def test_the_zone_is_printed(tmp_path: Path) -> None:
    (tmp_path / "abimpact.toml").write_text('[data]\nincumbent = "rules"\ntime = "day"\ntimezone = "Europe/Berlin"\n')
    made = analyze(frame(500), unit="unit", variant="variant", metrics=["value"], config=tmp_path / "abimpact.toml")
    assert made.to_dict()["experiment"]["timezone"] == "Europe/Berlin"
    assert "2026 (Europe/Berlin)" in made.to_markdown()
