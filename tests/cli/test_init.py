"""`abimpact init`: the right columns without a hint, a config that runs as it is, and nothing overwritten."""

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact.cli.main import main
from tests.logs import frame, real_data

SAMPLE = Path(__file__).parents[2] / "sample_data"
REAL = real_data()
# What every real log was made for: unit, variant, incumbent and the KPIs of its published analysis (see its README).
PUBLISHED: dict[str, tuple[str | None, str, str, set[str]]] = {
    "cookie_cats.csv": ("userid", "version", "gate_30", {"retention_1", "retention_7", "sum_gamerounds"}),
    "ab_data.csv.gz": ("user_id", "group", "control", {"converted"}),
    "hillstrom.parquet": (None, "segment", "No E-Mail", {"visit", "conversion", "spend"}),
    "orders.csv": ("visitorId", "group", "A", {"revenue"}),
    "WA_Marketing-Campaign.csv": ("LocationID", "Promotion", "1", {"Gross Sales"}),
    "obd_men.parquet": (None, "policy", "random", {"click"}),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, and within the test: starting the program takes longer than it runs."""
    monkeypatch.chdir(tmp_path)


def started(source: Any, *more: str) -> dict[str, Any]:
    """What init writes for a log, as a table."""
    assert main(["init", str(source), "--yes", "-q", *more]) == 0
    return tomllib.loads(Path("abimpact.toml").read_text())


def reported(source: Any) -> dict[str, Any]:
    """The report with the config here."""
    assert main(["report", str(source), "-q", "-o", "result.json", "--resamples", "0"]) == 0
    found: dict[str, Any] = json.loads(Path("result.json").read_text())
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The code and the error of a command that fails."""
    code = main([*arguments, "--yes"])
    told = capsys.readouterr()
    assert told.out == ""
    return code, told.err


@pytest.mark.skipif(REAL is None, reason="the real logs are not part of the project")
@pytest.mark.parametrize("name", PUBLISHED)
def test_real_logs_are_understood_without_a_hint(name: str) -> None:
    assert REAL
    unit, variant, incumbent, metrics = PUBLISHED[name]
    table = started(REAL / name)
    assert (table["data"].get("unit"), table["data"]["variant"], table["data"]["incumbent"]) == (
        unit,
        variant,
        incumbent,
    )
    assert {m["name"] for m in table["metric"]} == metrics
    report = reported(REAL / name)
    assert report["experiment"]["unit"] == unit
    assert {m["name"] for m in report["metrics"]} == metrics
    assert not [c for c in report["checks"] if c["code"] == "variant_follows" and c["severity"] == "block"]


@pytest.mark.skipif(REAL is None, reason="the real logs are not part of the project")
def test_a_table_of_aggregates_is_known_as_one() -> None:
    assert REAL
    table = started(REAL / "asos.parquet")
    assert table["data"]["kind"] == "aggregates"
    assert table["data"]["variant"] == "variant_id"
    assert table["data"]["aggregates"] == {
        "experiment": "experiment_id", "metric": "metric_id", "look": "time_since_start",
        "count": "count_t", "mean": "mean_t", "variance": "variance_t",
        "incumbent_count": "count_c", "incumbent_mean": "mean_c", "incumbent_variance": "variance_c",
    }  # fmt: skip
    assert {m["name"] for m in reported(REAL / "asos.parquet")["metrics"]} == {"1", "2", "3", "4"}


def test_the_sample_is_understood() -> None:
    source = SAMPLE / "checkouts.csv.gz"
    table = started(source)
    data = table["data"]
    assert (data["unit"], data["variant"], data["incumbent"], data["time"]) == (
        "checkout_id",
        "variant",
        "rules",
        "date",
    )
    metrics = {m["name"]: m for m in table["metric"]}
    assert set(metrics) == {"profit", "approved", "orders", "sessions", "review_minutes", "orders per session"}
    assert metrics["profit"] == {"name": "profit", "kind": "mean", "role": "primary", "covariates": ["profit_pre"]}
    assert metrics["approved"]["kind"] == "proportion"
    assert metrics["orders per session"]["kind"] == "ratio"
    assert table["analysis"]["segments"] == ["country"]


def test_a_config_beside_the_log_does_not_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(SAMPLE / "checkouts.parquet"), "--yes"]) == 0
    assert "Next: abimpact report -c abimpact.toml " in capsys.readouterr().out


def test_a_table_of_one_row_a_variant(tmp_path: Path) -> None:
    log = frame()
    cells = log.groupby("variant")["value"].agg(["size", "mean", "var"]).reset_index()
    cells.columns = ["variant", "users", "avg_value", "var_value"]
    cells.to_csv(tmp_path / "cells.csv", index=False)
    table = started("cells.csv")
    assert table["data"]["aggregates"] == {"count": "users", "mean": "avg_value", "variance": "var_value"}
    report = reported("cells.csv")
    assert report["experiment"]["units"] == log.groupby("variant").size()[["rules", "ml"]].to_dict()


def test_an_event_log_is_known_as_one() -> None:
    source = Path(__file__).parents[1] / "read" / "data" / "events_900.parquet"
    table = started(source)
    assert table["data"]["events"] == {"name": "event", "value": "value", "exposure": "exposure"}
    assert "units" not in table["data"]
    metrics = {m["name"]: m["value"] for m in table["metric"]}
    assert metrics["value of order"] == "sum of value where event = 'order'"
    assert {"any order", "count of order"} <= set(metrics)
    report = reported(source)
    assert report["experiment"]["unit"] == "user_id"
    assert {m["name"] for m in report["metrics"]} == set(metrics)


def test_events_of_odd_names(tmp_path: Path) -> None:
    data = frame()
    data["what happened event"] = np.where(np.arange(2000) % 2 == 0, "it's an order!", "page view")
    pd.concat([data, data]).to_parquet(tmp_path / "log.parquet")
    table = started("log.parquet")
    assert table["data"]["events"]["name"] == "what happened event"
    assert len(reported("log.parquet")["metrics"]) == len(table["metric"]) == 4


def test_names_of_every_kind_stay_what_they_are(tmp_path: Path) -> None:
    odd = {"value": 'sales "net" # 2\\n', "country": "plan\ttype", "unit": "Customer ID"}
    frame().rename(columns=odd).to_parquet(tmp_path / "odd.parquet")
    table = started("odd.parquet")
    assert table["data"]["unit"] == odd["unit"]
    assert odd["value"] in {m["name"] for m in table["metric"]}
    assert odd["country"] in table["analysis"]["segments"]
    reported("odd.parquet")


def test_a_column_that_follows_the_variant_breaks_nothing_down(tmp_path: Path) -> None:
    data = frame()
    data["page"] = data.variant.map({"rules": "old page", "ml": "new page"})
    data.to_parquet(tmp_path / "log.parquet")
    table = started("log.parquet")
    assert table["analysis"]["segments"] == ["country"]
    assert "page has one variant in 100.0% of the rows" in (tmp_path / "abimpact.toml").read_text()


def test_units_with_several_rows_need_a_rule(tmp_path: Path) -> None:
    data = frame()
    pd.concat([data, data[:500]]).to_parquet(tmp_path / "log.parquet")
    assert started("log.parquet")["data"]["units"] == {"several_rows": "sum"}


def test_what_is_said_is_not_guessed(tmp_path: Path) -> None:
    frame().rename(columns={"variant": "x", "unit": "y"}).to_parquet(tmp_path / "log.parquet")
    table = started(
        tmp_path, "log.parquet", "--variant", "x", "--unit", "y", "--incumbent", "ml", "--segment", "sessions"
    )
    assert (table["data"]["unit"], table["data"]["variant"], table["data"]["incumbent"]) == ("y", "x", "ml")
    assert table["analysis"]["segments"] == ["sessions"]


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame().to_parquet(tmp_path / "log.parquet")
    (tmp_path / "abimpact.toml").write_text("# mine\n")
    code, said = refused(capsys, "init", "log.parquet")
    assert (code, "--force" in said) == (2, True)
    assert (tmp_path / "abimpact.toml").read_text() == "# mine\n"
    started("log.parquet", "--force")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nope.csv"], 3, "There is no file"),
        (["log.parquet", "--variant", "arm"], 3, "no column 'arm'"),
        (["log.parquet", "--variant", "value"], 2, "no two variants"),
        (["log.parquet", "--incumbent", "rulez"], 3, "Did you mean 'rules'?"),
        (["plain.csv"], 2, "No column looks like the variant"),
    ],
)
def test_mistakes_leave_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    frame().to_parquet(tmp_path / "log.parquet")
    frame().drop(columns="variant").to_csv(tmp_path / "plain.csv", index=False)
    found, told = refused(capsys, "init", *arguments)
    assert (found, said in told) == (code, True)
    assert not (tmp_path / "abimpact.toml").exists()


def test_a_person_is_asked_and_may_answer_otherwise(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "log.parquet")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "abimpact", "init", "log.parquet"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.write(ours, b"\nml\n\n")
        assert process.wait(timeout=60) == 0
    os.close(theirs)
    os.close(ours)
    data = tomllib.loads((tmp_path / "abimpact.toml").read_text())["data"]
    assert (data["variant"], data["incumbent"], data["unit"]) == ("variant", "ml", "unit")
