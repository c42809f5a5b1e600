"""`abimpact plan`: its formats, files and mistakes, as users see them."""

import json
from pathlib import Path

import jsonschema
import pytest

import abimpact
from abimpact.cli.main import main
from tests.cli.test_cli import SAMPLE, run

SCHEMA = json.loads((Path(abimpact.__file__).parent / "plan" / "plan.schema.json").read_text())
ASKED = ("--baseline", "0.048", "--lift", "5%", "--daily-units", "10000")


def test_the_published_number_of_units() -> None:
    found = json.loads(run("plan", *ASKED, "-f", "json").stdout)
    jsonschema.validate(found, SCHEMA)
    # Methods.md l, as statsmodels has it.
    assert found["units"] == {"incumbent": 127_487, "proposed": 127_487}
    assert (found["total_units"], found["days"], found["days_whole_weeks"]) == (254_974, 26, 28)


def test_the_json_of_a_log_with_money_and_guardrails_is_valid() -> None:
    found = json.loads(run("plan", SAMPLE / "checkouts.parquet", "--value", "prior_lift_sd=2%", "-f", "json").stdout)
    jsonschema.validate(found, SCHEMA)
    assert found["value"]["chose_length"]
    assert found["value"]["best"]["days"] == found["days"]
    assert [m["role"] for m in found["metrics"]] == ["primary", "guardrail", "guardrail"]


def test_files_by_their_extension(tmp_path: Path) -> None:
    files = [tmp_path / f"plan.{end}" for end in ("toml", "md", "html", "json")]
    done = run("plan", *ASKED, "-q", "--start", "2026-05-04", "--plots", tmp_path / "plots",
               *(part for file in files for part in ("-o", file)))  # fmt: skip
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    toml, sheet, html, numbers = (file.read_text(encoding="utf-8") for file in files)
    assert "digest = " in toml
    assert "planned_end = 2026-05-31" in toml
    assert sheet.startswith("# Plan")
    assert html.startswith("<!doctype html>")
    assert json.loads(numbers)["schema"] == "abimpact/plan/1"
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {
        f"{name}.{end}" for name in ("power", "detectable") for end in ("svg", "png")
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--lift", "5%"), 2, "neither a log nor a baseline"),
        (("--sd", "5", "--lift", "5%"), 2, "--baseline"),
        ((*ASKED, "--start", "soon"), 2, "is no date"),
        ((*ASKED, "-o", "plan.pdf"), 2, "extension"),
        (("no.parquet", "--lift", "5%", "-m", "x"), 3, "no.parquet"),
    ],
)
def test_mistakes_are_named(
    arguments: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *arguments]) == code
    found = capsys.readouterr()
    assert found.out == ""
    assert said in found.err
