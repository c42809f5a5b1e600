"""`abimpact check`: the findings of a report without any KPI, in every format, with a gate of its own."""

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import abimpact.render
from tests.cli.test_cli import SAMPLE, assert_error, run
from tests.logs import frame

SCHEMA = json.loads((Path(abimpact.render.__file__).parent / "check.schema.json").read_text())
REPORT = json.loads((Path(abimpact.render.__file__).parent / "report.schema.json").read_text())
LATER = {
    "constant_metric", "skewed_metric", "outliers", "pre_period_imbalance", "too_good", "novelty",
}  # fmt: skip
ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.parquet"
    frame(500).to_parquet(path)
    return path


def test_its_findings_are_those_of_the_report_that_need_no_outcome() -> None:
    sample = SAMPLE / "checkouts.parquet"
    checked, reported = (json.loads(run(verb, sample, "-f", "json").stdout) for verb in ("check", "report"))
    jsonschema.validate(checked, SCHEMA)
    assert checked["checks"] == [c for c in reported["checks"] if c["code"] not in LATER]
    assert checked["experiment"] == reported["experiment"]
    assert SCHEMA["properties"]["experiment"] == REPORT["properties"]["experiment"]


def test_no_outcome_is_compared(log: Path) -> None:
    for format_name in ("terminal", "markdown", "json"):
        text = run("check", log, *ASKED, "-m", "value", "-f", format_name).stdout
        assert "lift" not in text
        assert "absolute" not in text
        assert f"{frame(500).groupby('variant').value.mean()['ml']:.2f}" not in text


def test_no_metric_is_needed(log: Path) -> None:
    done = run("check", log, *ASKED)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The log is sound")


@pytest.mark.parametrize(("split", "code"), [("50:50", 0), ("90:10", 1)])
def test_the_gate_fails_on_what_blocks(log: Path, split: str, code: int) -> None:
    done = run("check", log, *ASKED, "--split", split, "--gate", "-q")
    assert done.returncode == code
    assert ("sample_ratio" in done.stderr) == bool(code)
    assert run("check", log, *ASKED, "--split", split).returncode == 0


def test_files_are_written_beside(log: Path, tmp_path: Path) -> None:
    done = run("check", log, *ASKED, "-o", tmp_path / "c.json", "-o", tmp_path / "c.md")
    assert done.returncode == 0
    jsonschema.validate(json.loads((tmp_path / "c.json").read_text()), SCHEMA)
    assert (tmp_path / "c.md").read_text().startswith("## The log is sound")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{log}", "-o", "c.html"], 2, "Extensions: .md .json"),
        (["{log}", "-f", "csv"], 2, "is not a format"),
        (["nope.csv"], 3, "There is no file"),
        (["{log}", "--variant", "arm"], 3, "no column 'arm'"),
    ],
)
def test_mistakes(log: Path, arguments: list[str], code: int, said: str) -> None:
    assert_error(run("check", *ASKED, *(a.format(log=log) for a in arguments)), code, said)


def test_duplicates_and_missing_units_are_found(tmp_path: Path) -> None:
    data = pd.concat([frame(500), frame(500).head(100)])
    data.loc[data.index[:3], "unit"] = None
    path = tmp_path / "log.parquet"
    data.to_parquet(path)
    found = {c["code"]: c for c in json.loads(run("check", path, *ASKED, "-f", "json").stdout)["checks"]}
    assert found["duplicate_rows"]["severity"] == "block"
    assert found["missing_unit"]["data"]["rows"] == 6
