"""A log drawn from a plan has what the plan says, and the report finds the effect that the plan looks for."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from abimpact import analyze
from abimpact.cli.main import main

PLAN = """
[plan]
start = 2026-03-02
lift = "8%"
daily_units = 2000
covariate_correlation = 0.6
[[plan.kpi]]
name = "revenue"
baseline = 10.0
sd = 12.0
[[plan.kpi]]
name = "converted"
baseline = 0.2
[[plan.kpi]]
name = "rate"
baseline = 0.4
sd = 0.3
[data]
unit = "user"
variant = "arm"
incumbent = "rules"
proposed = "ml"
split = "60:40"
planned_units = 40000
[[metric]]
name = "revenue"
role = "primary"
covariates = ["revenue_pre"]
[[metric]]
name = "converted"
[[metric]]
name = "rate"
kind = "ratio"
numerator = "orders"
denominator = "sessions"
[value]
currency = "EUR"
units_per_year = 1_000_000
build_cost = 10_000
run_cost_per_year = 5_000
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_the_log_has_what_the_plan_says(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, result = tmp_path / "log.parquet", tmp_path / "result.json"
    assert main(["simulate", "--from", str(plan), "-o", str(log), "-o", str(result)]) == 0
    assert "Made up from plan.toml" in capsys.readouterr().out
    data = pq.read_table(log).to_pandas()
    assert len(data) == 40_000
    rules, ml = data[data["arm"] == "rules"], data[data["arm"] == "ml"]
    # Five standard errors each, from the plan's own numbers.
    assert len(ml) == pytest.approx(16_000, abs=5 * np.sqrt(40_000 * 0.24))
    assert rules["revenue"].mean() == pytest.approx(10.0, abs=5 * 12 / np.sqrt(24_000))
    assert rules["revenue"].std() == pytest.approx(12.0, rel=0.06)
    assert rules["converted"].mean() == pytest.approx(0.2, abs=5 * 0.4 / np.sqrt(24_000))
    assert rules["orders"].sum() / rules["sessions"].sum() == pytest.approx(0.4, abs=5 * 0.3 / np.sqrt(24_000))
    assert np.corrcoef(rules["revenue"], rules["revenue_pre"])[0, 1] == pytest.approx(0.6, abs=0.03)
    assert data.groupby("day").size().iloc[0] == 2_000
    found = json.loads(result.read_text())
    chosen = next(e for e in found["metrics"][0]["estimates"] if e["method"] == found["metrics"][0]["chosen_method"])
    assert chosen["relative"]["low"] < 0.08 < chosen["relative"]["high"]
    assert found["value"]["currency"] == "EUR"
    again = analyze(log, config=plan).to_dict()
    assert [e["absolute"] for e in again["metrics"][0]["estimates"]] == [
        e["absolute"] for e in found["metrics"][0]["estimates"]
    ]


def test_another_seed_is_another_log(plan: Path, tmp_path: Path) -> None:
    names = [tmp_path / f"{seed}.parquet" for seed in (0, 0, 1)]
    for seed, name in zip((0, 0, 1), names, strict=True):
        assert main(["simulate", "--from", str(plan), "--seed", str(seed), "-o", str(name), "-q"]) == 0
    one, same, other = (pq.read_table(name).column("revenue") for name in names)
    assert one == same
    assert one != other


def test_a_plan_from_numbers_alone_has_names_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.toml"
    asked = ["plan", "--baseline", "0.05", "--lift", "20%", "--daily-units", "1000", "-o", str(path), "-q"]
    assert main(asked) == 0
    capsys.readouterr()
    assert main(["simulate", "--from", str(path), "-q"]) == 0
    assert "proposed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "converted"\nbaseline = 0.2', 'name = "other"\nbaseline = 0.2', "converted"),
        ("planned_units = 40000", "", "planned_units"),
        ('[[metric]]\nname = "converted"', '[[metric]]\nname = "converted"\nvalue = "a + b"', "a + b"),
    ],
)
def test_what_a_plan_lacks_is_named(
    plan: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
) -> None:
    assert old in PLAN
    plan.write_text(PLAN.replace(old, new))
    assert main(["simulate", "--from", str(plan)]) == 2
    assert told in capsys.readouterr().err


def test_a_config_without_a_plan_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "abimpact.toml"
    path.write_text('[data]\nunit = "u"\n')
    assert main(["simulate", "--from", str(path)]) == 2
    assert "[plan]" in capsys.readouterr().err
