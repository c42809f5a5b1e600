"""Every number of a report is the same, whichever engine the log lies on."""

import json
from pathlib import Path
from typing import Any

import pytest

from abimpact.cli.main import main
from tests.engines.comparing import differences, numbers
from tests.engines.conftest import SAMPLE, Server

# Spark's client leaves its sockets to the end of the process.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

# One report with all kinds of metrics, adjusted and not, by segment and day, of units with several rows.
EVERYTHING = """
-m revenue -m orders/visits -m converted -m latency:p90:lower -m profit=revenue*0.3-orders/2 -m small -m large:p50
-m amount --guardrail latency@2% --covariate before --segment country --segment zone --time started --unit person
--where zone<>'mars' --resamples 999 --variant variant --incumbent rules --proposed ml --proposed Third
""".split()
PLAIN = "--unit person --incumbent rules --variant variant".split()
PLAIN_MEAN = [*PLAIN, "--several-rows", "mean", "--proposed", "ml"]
CASES = {
    "sum": [*EVERYTHING, "--several-rows", "sum"],
    "first": [*EVERYTHING, "--several-rows", "first", "--missing", "zero"],
    "last": [*PLAIN, *"-m revenue -m converted --segment country --time started --several-rows last".split()],
    "max": [*PLAIN, *"-m revenue -m visits --time day --several-rows max --proposed ml --split 1:1".split()],
    "clusters": [
        *PLAIN_MEAN,
        *"-m revenue -m orders/visits -m latency:p90 -m converted --cluster store --time day".split(),
    ],
    "no rule": [*PLAIN, *"-m revenue --time started".split()],
    "rows": "-m revenue -m latency:p99 -m large --segment zone --incumbent rules".split(),
}
CONFIG = """
[data]
unit = "person"
variant = "variant"
incumbent = "rules"
time = "day"
as_of = 2026-03-05
[data.units]
several_rows = "mean"
[data.derive]
is_big = "revenue > 50"
[[metric]]
name = "revenue"
value = "revenue"
role = "primary"
cap_quantile = 0.99
missing = "zero"
[[metric]]
name = "later"
value = "latency"
matures_after = "2d"
[[metric]]
name = "big"
value = "is_big"
[analysis]
resamples = 499
sequential = "always-valid"
[value]
metric = "revenue"
currency = "EUR"
units_per_year = 100_000
build_cost = 5_000
run_cost_per_year = 0
"""


RAMP = """
[data]
unit = "person"
variant = "variant"
incumbent = "rules"
proposed = "ml"
time = "started"
timezone = "America/New_York"
from = 2026-03-01
to = 2026-03-04
[[data.split_schedule]]
from = 2026-03-01
split = "60:40"
[[data.split_schedule]]
from = 2026-03-03
split = "50:50"
[data.units]
several_rows = "sum"
[[metric]]
name = "revenue"
value = "revenue"
role = "primary"
[[metric]]
name = "orders per visit"
kind = "ratio"
numerator = "orders"
denominator = "visits"
[analysis]
strata = ["country"]
"""
EVENTS = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
time = "event_time"
[data.events]
name = "event"
value = "value"
exposure = "exposure"
window_days = 14
[[metric]]
name = "orders"
value = "count of order"
role = "primary"
[[metric]]
name = "any order"
value = "any order"
[[metric]]
name = "sum"
value = "sum of value where event = 'order'"
missing = "zero"
[[metric]]
name = "first"
value = "first of value where event = 'order'"
[[metric]]
name = "last"
value = "last of value where event = 'order' and value > 2"
[[metric]]
name = "mean"
value = "mean of value where event = 'session'"
[[metric]]
name = "ratio"
kind = "ratio"
numerator = "count of order"
denominator = "count of session"
[analysis]
segments = ["country"]
resamples = 199
"""
DECISIONS = """
[data]
unit = "person"
variant = "variant"
incumbent = "rules"
proposed = "ml"
met_by = "zone"
time = "started"
[data.derive]
by_rules = "latency > 300"
by_model = "latency > 250"
[data.decisions]
incumbent = "by_rules"
proposed = "by_model"
[data.units]
several_rows = "first"
[[metric]]
name = "revenue"
value = "revenue"
role = "primary"
covariates = ["before"]
"""


def result(command: str, source: list[str], arguments: list[str], path: Path) -> Any:
    assert main([command, *source, *arguments, "-q", "-o", str(path)]) == 0
    return json.loads(path.read_text())


def compared(server: Server, table: str, arguments: list[str], folder: Path, command: str = "report") -> Any:
    """The engine's result, after it is held against DuckDB's."""
    ours = result(command, [str(server.files[table])], arguments, folder / "duckdb.json")
    theirs = result(command, server.source(table), arguments, folder / "engine.json")
    assert list(differences(ours, theirs)) == []
    assert theirs["provenance"]["engine"].split()[0] in ("postgres", "pyspark")
    return theirs


def test_the_sample_is_the_same(server: Server, tmp_path: Path) -> None:
    found = compared(server, "checkouts", ["-c", str(SAMPLE / "abimpact.toml")], tmp_path)
    assert numbers(found) > 700
    assert found["metrics"][0]["segments"]
    assert found["value"]["currency"] == "EUR"


@pytest.mark.parametrize("case", CASES)
def test_all_kinds_of_metrics_are_the_same(postgres: Server, tmp_path: Path, case: str) -> None:
    found = compared(postgres, "log", CASES[case], tmp_path)
    if case == "first":
        assert {m["kind"] for m in found["metrics"]} == {"mean", "ratio", "proportion", "quantile"}
        assert {e["method"] for m in found["metrics"] for e in m["estimates"]} >= {
            "adjusted",
            "bootstrap",
            "delta",
            "score",
            "quantile",
        }


def test_all_kinds_of_metrics_are_the_same_on_spark(spark: Server, tmp_path: Path) -> None:
    some = "-m revenue -m orders/visits -m converted -m latency:p90:lower -m amount --covariate before --time started"
    found = compared(spark, "log", [*PLAIN, *some.split(), *"--segment country --several-rows first".split()], tmp_path)
    assert {m["kind"] for m in found["metrics"]} == {"mean", "ratio", "proportion", "quantile"}


def test_phases_and_zones_are_the_same(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text(RAMP)
    found = compared(server, "log", ["-c", str(config)], tmp_path)
    assert (found["experiment"]["start"], found["experiment"]["end"]) == ("2026-03-01", "2026-03-04")


def test_units_made_of_events_are_the_same(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text(EVENTS)
    found = compared(server, "events", ["-c", str(config)], tmp_path)
    assert [m["kind"] for m in found["metrics"]] == ["mean", "proportion", *["mean"] * 4, "ratio"]
    assert found["metrics"][0]["segments"]


def test_decisions_and_meetings_are_the_same(postgres: Server, tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text(DECISIONS)
    found = compared(postgres, "log", ["-c", str(config)], tmp_path)
    assert {"interference", "agreeing_units"} <= {c["code"] for c in found["checks"]}


def test_totals_are_held_against_a_log(postgres: Server, tmp_path: Path) -> None:
    totals = tmp_path / "totals.csv"
    totals.write_text("variant,units,revenue\nrules,1000,30000\nml,1000,30000\n")
    arguments = [*PLAIN, "-m", "revenue", "--time", "started", "--reconcile", str(totals), "--several-rows", "sum"]
    found = compared(postgres, "log", [*arguments, "--proposed", "ml"], tmp_path, "check")
    assert "reconcile" in {c["code"] for c in found["checks"]}


def test_a_config_is_followed(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text(CONFIG)
    found = compared(server, "log", ["-c", str(config)], tmp_path)
    codes = {c["code"] for c in found["checks"]}
    assert {"capped", "immature", "duplicate_rows", "units_in_both_arms"} <= codes


def test_check_says_the_same(server: Server, tmp_path: Path) -> None:
    arguments = "--unit person --incumbent rules --proposed ml --time started --segment country".split()
    found = compared(server, "log", arguments, tmp_path, "check")
    assert {"missing_unit", "missing_variant", "unknown_variant"} <= {c["code"] for c in found["checks"]}


def test_a_plan_is_the_same(postgres: Server, tmp_path: Path) -> None:
    arguments = ["-c", str(SAMPLE / "abimpact.toml"), "--lift", "3%"]
    found = compared(postgres, "checkouts", arguments, tmp_path, "plan")
    assert numbers(found) > 20
