"""A report held against the plan that was signed before: as planned, or every difference."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import abimpact
from abimpact import analyze
from abimpact.errors import ConfigError
from abimpact.plan.run import run_plan
from abimpact.plan.signed import to_toml
from abimpact.spec.config import load_request
from tests.logs import frame

SCHEMA = json.loads((Path(abimpact.__file__).parent / "render" / "report.schema.json").read_text())
CONFIG = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
proposed = "ml"
time = "day"
split = "50:50"
[[metric]]
name = "value"
role = "primary"
equivalence_margin = "1%"
[[metric]]
name = "per session"
kind = "ratio"
numerator = "value"
denominator = "sessions"
[[metric]]
name = "converted"
role = "guardrail"
margin = "2 points"
[[limit]]
name = "all sessions"
value = "sessions"
at_most = 1_000_000
[analysis]
resamples = 0
[value]
metric = "value"
currency = "EUR"
units_per_year = 100_000
build_cost = 10
move_cost = 5
run_cost_per_year = 20
[value.costs.ml]
run_cost_per_year = 30
[plan]
start = 2026-03-01
days = 28
question = "Does ml earn more?"
[plan.then]
ship = "All traffic gets ml."
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config, the plan that was made of it, and the log of the test."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "config.toml").write_text(CONFIG)
    frame().to_parquet(folder / "log.parquet")
    found = run_plan(load_request({}, (), folder / "config.toml"), keys={}, frame=frame())
    (folder / "plan.toml").write_text(to_toml(found), encoding="utf-8")
    return folder


def held(folder: Path, config: str | None = None, **options: Any) -> dict[str, Any]:
    """The report's `plan`, with another config."""
    path = folder / "config.toml"
    if config is not None:
        path = folder / "other.toml"
        path.write_text(config)
    report = analyze(folder / "log.parquet", plan=folder / "plan.toml", config=path, **options)
    document = json.loads(report.to_json())
    jsonschema.validate(document, SCHEMA)
    found: dict[str, Any] = document["plan"]
    return found


def test_a_test_as_planned_says_so_in_every_page(folder: Path) -> None:
    found = held(folder)
    assert found["deviations"] == []
    assert found["as_planned"]
    assert found["then"]["ship"] == "All traffic gets ml."
    report = analyze(folder / "log.parquet", plan=folder / "plan.toml", config=folder / "config.toml")
    for text in (report.to_markdown(), report.to_html()):
        assert "As planned (" in text
        assert found["digest"] in text


def test_without_a_config_the_plan_is_the_config(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = analyze(folder / "log.parquet", plan=folder / "plan.toml", resamples=0).to_dict()
    assert report["plan"]["as_planned"]
    assert [m["name"] for m in report["metrics"]] == ["value", "per session", "converted", "all sessions"]
    assert report["value"] is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('split = "50:50"', 'split = "60:40"', "Split: planned 50:50, found 60:40."),
        ('margin = "2 points"', 'margin = "3 points"', "Margin of converted: planned 0.02, found 0.03."),
        ('equivalence_margin = "1%"', "", "Equivalence margin of value: planned 1 %, found none."),
        ('numerator = "value"', 'numerator = "2 * value"',
         "Definition of per session: planned value / sessions, found 2 * value / sessions."),
        ('role = "guardrail"\nmargin = "2 points"', "", "Role of converted: planned guardrail, found secondary."),
        ('name = "converted"', 'name = "other"\nvalue = "converted"', "KPI converted: planned (guardrail), not found."),
        ('name = "converted"', 'name = "other"\nvalue = "converted"', "KPI other: not planned, found (guardrail)."),
        ('role = "primary"', 'role = "primary"\ncovariates = ["sessions"]',
         "Covariates of value: planned none, found sessions."),
        ("resamples = 0", "level = 0.9", "Level: planned 0.95, found 0.9."),
        ("resamples = 0", 'sequential = "always-valid"', "Looked at: planned none, found always-valid."),
        ("build_cost = 10\n", "build_cost = 1\n", "Build cost: planned 10, found 1."),
        ("move_cost = 5\n", "shift_cost = 6\n", "Shift cost: not planned, found (6)."),
        ("[value.costs.ml]\nrun_cost_per_year = 30", "[value.costs.ml]\nrun_cost_per_year = 3",
         "Costs ml run cost per year: planned 30, found 3."),
        ("at_most = 1_000_000", "at_most = 2_000_000",
         "Limit all sessions: planned sessions at most 1,000,000 a day, found sessions at most 2,000,000 a day."),
        ('unit = "unit"', 'unit = "unit"\nwhere = "sessions > 0"', "Filter: planned all rows, found sessions > 0."),
    ],
)  # fmt: skip
def test_every_deviation_is_named(folder: Path, old: str, new: str, said: str) -> None:
    assert CONFIG.count(old) == 1
    found = held(folder, CONFIG.replace(old, new))
    assert said in [d["message"] for d in found["deviations"]]
    assert not found["as_planned"]
    assert found["unchanged"]


def test_other_metrics_by_flags_are_named(folder: Path) -> None:
    told = [d["message"] for d in held(folder, metrics=["sessions"])["deviations"]]
    assert "KPI value: planned (primary), not found." in told
    assert "KPI sessions: not planned, found (primary)." in told
    assert "Costs: planned (given), not found." in told


def test_the_days_and_units_of_the_test_are_held_against_the_plan(folder: Path) -> None:
    log = frame()
    early = log[log["day"] <= "2026-03-14"]
    report = analyze(early, plan=folder / "plan.toml", config=folder / "config.toml", resamples=0).to_dict()
    found = {d["what"]: (d["planned"], d["found"]) for d in report["plan"]["deviations"]}
    assert found["last day"] == ("2026-03-28", "2026-03-14")
    assert found["units"] == (f"{len(log):,}", f"{len(early):,}")
    late = log.assign(day=log["day"] + (date(2026, 3, 5) - date(2026, 3, 1)))
    report = analyze(late, plan=folder / "plan.toml", config=folder / "config.toml", resamples=0).to_dict()
    assert {d["what"] for d in report["plan"]["deviations"]} == {"first day", "last day"}


def test_planned_looks_are_used_and_others_named(folder: Path, tmp_path: Path) -> None:
    request = load_request({"sequential": "group", "looks": (0.5, 1.0)}, (), folder / "config.toml")
    path = tmp_path / "plan.toml"
    path.write_text(to_toml(run_plan(request, keys={}, frame=frame())), encoding="utf-8")
    log = frame()
    for share, is_planned in ((0.5, True), (0.7, False)):
        seen = log.sample(frac=share, random_state=1)
        report = analyze(seen, plan=path, config=folder / "config.toml", resamples=0).to_dict()
        assert report["metrics"][0]["chosen_method"] == "sequential"
        assert [d["what"] for d in report["plan"]["deviations"]] == ([] if is_planned else ["look"])


def test_a_plan_that_was_changed_is_said(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text((folder / "plan.toml").read_text().replace('margin = "2 points"', 'margin = "9 points"'))
    report = analyze(folder / "log.parquet", plan=path, resamples=0)
    found = report.to_dict()["plan"]
    assert (found["unchanged"], found["as_planned"], found["deviations"]) == (False, False, [])
    assert "changed after it was signed" in report.to_markdown()
    # Comments and blanks are no change.
    path.write_text("# signed\n\n" + (folder / "plan.toml").read_text())
    assert analyze(folder / "log.parquet", plan=path, resamples=0).to_dict()["plan"]["as_planned"]


def test_without_a_plan_a_report_is_exploratory_and_says_so_in_its_details(folder: Path) -> None:
    report = analyze(folder / "log.parquet", config=folder / "config.toml")
    assert report.to_dict()["plan"] is None
    opening, _, details = report.to_markdown().partition("<details><summary>Provenance")
    assert "exploratory" not in opening
    assert "exploratory" in details


@pytest.mark.parametrize(
    ("text", "said"), [(None, "cannot be read"), ("[data]\n", "no digest"), ("[plan", "not valid TOML")]
)
def test_a_plan_that_is_none_is_an_error(folder: Path, tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "plan.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        analyze(folder / "log.parquet", plan=path)
