"""`abimpact check`: the findings of a report without any KPI, in every format, with a gate of its own."""

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pandas as pd
import pytest

import abimpact
import abimpact.render
from abimpact.cli.main import main
from tests.cli.test_cli import SAMPLE, assert_error, run
from tests.logs import frame

SCHEMA = json.loads((Path(abimpact.render.__file__).parent / "check.schema.json").read_text())
REPORT = json.loads((Path(abimpact.render.__file__).parent / "report.schema.json").read_text())
# What compares outcomes.
PEEKING = {"outliers", "too_good", "novelty", "still_moving", "mix_shift"}
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
    assert checked["checks"] == [c for c in reported["checks"] if c["code"] not in PEEKING]
    assert checked["experiment"] == reported["experiment"]
    assert SCHEMA["properties"]["experiment"] == REPORT["properties"]["experiment"]


@pytest.mark.parametrize("name", ["terminal", "markdown", "html", "json", "csv", "junit", "github", "text"])
def test_no_outcome_is_compared_in_any_format(log: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["check", str(log), *ASKED, "-m", "value", "-f", name]) == 0
    text = capsys.readouterr().out
    assert "sample_ratio" in text or name in ("text", "terminal")
    assert "lift" not in text
    assert "absolute" not in text.replace("position:absolute", "")
    assert f"{frame(500).groupby('variant').value.mean()['ml']:.2f}" not in text


def test_metrics_and_covariates_are_checked_without_their_effects(log: Path, tmp_path: Path) -> None:
    data = frame(500, constant=1)
    data["before"] = data.value * 0 + np.arange(500) % 7 + 5 * (data.variant == "ml")
    data.to_parquet(log)
    path = tmp_path / "c.json"
    asked = ["-m", "value", "-m", "constant", "-m", "value:p90", "--covariate", "before", "-q", "-o", str(path)]
    assert main(["check", str(log), *ASKED, *asked]) == 0
    found = {c["code"]: c["severity"] for c in json.loads(path.read_text())["checks"]}
    assert (found["constant_metric"], found["pre_period_imbalance"], found["skewed_metric"]) == ("warn", "warn", "pass")
    assert not PEEKING & set(found)


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


def test_files_are_written_in_every_format(log: Path, tmp_path: Path) -> None:
    names = ("c.json", "c.md", "c.html", "c.csv", "c.xml", "c.txt", "c.xlsx")
    assert main(["check", str(log), *ASKED, "-q", *(x for n in names for x in ("-o", str(tmp_path / n)))]) == 0
    checks = json.loads((tmp_path / "c.json").read_text())
    jsonschema.validate(checks, SCHEMA)
    codes = [c["code"] for c in checks["checks"]]
    assert (tmp_path / "c.md").read_text().startswith("## SOUND: The log is sound")
    assert list(pd.read_csv(tmp_path / "c.csv")["code"]) == codes
    assert list(pd.read_excel(tmp_path / "c.xlsx", sheet_name="Checks", engine="openpyxl")["check"]) == codes
    cases = ElementTree.parse(tmp_path / "c.xml").iter("testcase")
    assert [case.get("name") for case in cases] == codes
    assert len((tmp_path / "c.txt").read_text().splitlines()) == 3
    assert all(code in (tmp_path / "c.html").read_text() for code in codes)


def test_from_python_too(log: Path) -> None:
    found = abimpact.check(log, unit="unit", variant="variant", incumbent="rules", split="90:10")
    assert found.to_dict()["schema"] == "abimpact/check/1"
    assert found.to_markdown().startswith("## NOT SOUND: The log is not sound: sample_ratio")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{log}", "-o", "c.pptx"], 2, "Extensions: .md .html"),
        (["{log}", "-f", "cvs"], 2, "Did you mean 'csv'?"),
        (["{log}", "-f", "xlsx"], 2, "-o checks.xlsx"),
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
