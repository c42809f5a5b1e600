"""`abimpact rerun`: what was stored runs again, whichever verb wrote it, and says what is not what it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

import abimpact
from abimpact.cli.main import main
from abimpact.errors import AbimpactError, DataError, UsageError
from abimpact.spec.expression import column
from abimpact.spec.metric import Better, Metric, MetricKind, Role, Tolerance
from tests.logs import frame

SAMPLES = Path(__file__).parents[2] / "sample_data"
SCHEMA = json.loads((Path(abimpact.__file__).parent / "rerun" / "rerun.schema.json").read_text(encoding="utf-8"))
LOG = "--variant variant --incumbent rules --unit unit".split()
# What each verb is asked, by name; log.csv holds tests.logs.frame, the samples lie beside it.
ASKED = {
    "specs": "report log.csv -m value -m value/sessions -m value:p90:lower --guardrail sessions@5% --segment country",
    "options": "report log.csv -m converted --seed 7 --level 0.9 --where sessions<9 --missing zero "
    "--covariate sessions --split 50:50 --resamples 199",
    "several rows": "report twice.csv -m value --several-rows mean --resamples 0",
    "money": "report log.csv -m value --value currency=EUR --value units_per_year=1000 --value build_cost=5 "
    "--value run_cost_per_year=1 --value team_cost=3 --value audit_cost_per_year=4 --value cost_per_sessions=0.001",
    "page": "report log.csv -m value -o page.html",
    "capacity": "report sample_data/decisions/payments.parquet -c sample_data/decisions/capacity.toml",
    "three": "report sample_data/decisions/payments.parquet -c sample_data/decisions/three.toml",
    "several files": "report sample_data/messy --resamples 99",
    "check": "check log.csv -m value",
    "totals": "check sample_data/messy --reconcile sample_data/messy_totals.csv",
    "simulate": "simulate log.csv -m value --repetitions 50 --lift 3%",
    "plan": "plan log.csv -m value --lift 4% --start 2026-05-01",
    "plan of numbers": "plan --baseline 0.1 --lift 4% --daily-units 900",
    "backtest": "backtest sample_data/backtest/simple.parquet -c sample_data/backtest/simpler.toml",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log and its result, made once."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        frame().to_csv("log.csv", index=False)
        stored("report log.csv -m value -m converted --resamples 0")
    return folder


@pytest.fixture
def folder(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with log.csv and result.json."""
    monkeypatch.chdir(tmp_path)
    for name in ("log.csv", "result.json"):
        shutil.copy(made / name, tmp_path / name)
    return tmp_path


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("result.json").read_text(encoding="utf-8"))
    return found


def edited(change: Callable[[dict[str, Any]], object]) -> None:
    found = document()
    change(found)
    Path("result.json").write_text(json.dumps(found), encoding="utf-8")


def stored(asked: str, path: str = "result.json") -> dict[str, Any]:
    verb, *rest = asked.split()
    more = LOG if {"log.csv", "twice.csv"} & set(rest) else []
    assert main([verb, *rest, *more, "-o", path, "-q"]) == 0
    return document() if path == "result.json" else {}


def rerun(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["rerun", "result.json", "-f", "json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return code, found


QUICK = ("specs", "several rows", "plan of numbers")


@pytest.mark.parametrize(
    "asked",
    [pytest.param(asked, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, asked in ASKED.items()],
)
def test_every_result_holds(asked: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "twice.csv" in asked:
        pd.concat([frame(), frame().head(200)]).to_csv("twice.csv", index=False)
    if "sample_data" in asked:
        shutil.copytree(SAMPLES, folder / "sample_data")
    old = stored(asked)
    code, found = rerun(capsys)
    assert (code, found["holds"], found["differences"]) == (0, True, [])
    assert found["numbers"]["identical"] == found["numbers"]["compared"] > 10
    assert found["is_input_same"]
    # The rerun is a whole result, and tells of itself what was told before.
    new = found["rerun"]
    for document in (old, new):
        document["provenance"] |= {"created": "", "command": ""}
    assert new == old


@pytest.mark.usefixtures("folder")
def test_a_changed_log_is_named_with_the_largest_difference(capsys: pytest.CaptureFixture[str]) -> None:
    old = document()
    log = frame()
    log.loc[log["variant"] == "ml", "value"] += 2
    log.to_csv("log.csv", index=False)
    code, found = rerun(capsys)
    assert (code, found["holds"], found["is_input_same"], found["is_software_same"]) == (1, False, False, True)
    assert [i["status"] for i in found["inputs"]] == ["changed"]
    assert found["inputs"][0]["old"]["sha256"] == old["provenance"]["sources"][0]["sha256"]
    keys = {d["key"]: d for d in found["differences"]}
    moved = keys["metrics[value].proposed.value"]
    assert moved["new"] - moved["old"] == pytest.approx(2)
    assert moved["relative"] == pytest.approx(2 / moved["new"])
    assert found["is_verdict_same"] is False
    assert found["numbers"]["different"] < found["numbers"]["compared"]
    largest = found["numbers"]["largest"]
    assert largest["relative"] == max(d["relative"] for d in found["differences"] if d["relative"] is not None)
    assert not any(key.startswith("metrics[converted].estimates") for key in keys)


@pytest.mark.usefixtures("folder")
def test_rows_in_another_order_are_another_input_with_the_same_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    frame().sample(frac=1, random_state=1).to_csv("log.csv", index=False)
    code, found = rerun(capsys)
    assert (code, found["holds"], found["is_input_same"]) == (0, True, False)
    main(["rerun", "result.json"])
    assert "not what it was: log.csv (changed)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("folder")
def test_an_edited_number_or_verdict_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    estimate = document()["metrics"][0]["estimates"][0]
    edited(lambda d: d["metrics"][0]["estimates"][0].update(pvalue=estimate["pvalue"] * (1 + 1e-6)))
    code, found = rerun(capsys)
    assert (code, [d["key"] for d in found["differences"]]) == (1, ["metrics[value].estimates[welch].pvalue"])
    assert found["differences"][0]["relative"] == pytest.approx(1e-6, rel=1e-3)
    assert rerun(capsys, "--tolerance", "1e-5")[0] == 0
    edited(lambda d: d["verdict"].update(code="ship"))
    code, found = rerun(capsys, "--tolerance", "1e-5")
    assert (code, found["is_verdict_same"]) == (1, False)


@pytest.mark.usefixtures("folder")
def test_other_versions_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    edited(lambda d: d["provenance"].update(abimpact="0.0.1", packages={**d["provenance"]["packages"], "numpy": "1.0"}))
    code, found = rerun(capsys)
    assert (code, found["is_software_same"]) == (0, False)
    assert {s["name"]: s["old"] for s in found["software"]} == {"numpy": "1.0", "abimpact": "0.0.1"}
    main(["rerun", "result.json"])
    assert "Other versions: abimpact" in " ".join(capsys.readouterr().out.split())


def test_a_result_moves_with_its_log(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any
) -> None:
    (folder / "in").mkdir()
    shutil.move("log.csv", "in/log.csv")
    stored(f"report {folder}/in/log.csv -m value")
    there = tmp_path_factory.mktemp("there")
    shutil.move("in/log.csv", there / "log.csv")
    shutil.move("result.json", there / "result.json")
    monkeypatch.chdir(there)
    code, found = rerun(capsys)
    assert (code, found["is_input_same"]) == (0, True)
    shutil.move("log.csv", "renamed.csv")
    capsys.readouterr()
    assert main(["rerun", "result.json"]) == 3
    assert "--data PATH" in capsys.readouterr().err
    assert rerun(capsys, "--data", "renamed.csv")[0] == 0


@pytest.mark.usefixtures("folder")
def test_further_files_are_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(SAMPLES / "messy", "messy")
    stored("report messy --resamples 0")
    shutil.move("messy", "elsewhere")
    shutil.move("elsewhere/customers.csv", "customers.csv")
    code, found = rerun(capsys, "--data", "elsewhere", "--data", "customers.csv")
    assert (code, found["is_input_same"]) == (0, True)


@pytest.mark.usefixtures("folder")
def test_a_promise_and_a_signed_plan_are_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    stored("report log.csv -m value", "earlier.json")
    assert main(["plan", "log.csv", *LOG, "-m", "value", "--lift", "4%", "-o", "plan.toml", "-q"]) == 0
    old = stored("report log.csv --plan plan.toml --promised earlier.json")
    assert old["plan"]
    assert old["promise"]
    assert rerun(capsys)[0] == 0
    # The plan as it was held against is kept; what was promised is read again.
    Path("plan.toml").unlink()
    assert rerun(capsys)[0] == 0
    Path("earlier.json").unlink()
    assert main(["rerun", "result.json"]) == 3


@pytest.mark.usefixtures("folder")
def test_outside_its_folders_only_what_is_unchanged_is_read(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: Any
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    shutil.move("log.csv", outside / "log.csv")
    stored(f"report {outside}/log.csv -m value")
    assert rerun(capsys)[0] == 0
    (outside / "log.csv").write_text("unit,variant,value,secret\n1,rules,2,3\n", encoding="utf-8")
    code, found = rerun(capsys)
    assert (code, found["holds"], found["rerun"], found["numbers"]) == (1, False, None, None)
    assert "secret" not in json.dumps(found)
    # A pattern does not take in what was not recorded.
    frame().to_csv(outside / "log.csv", index=False)
    stored(f"report {outside}/*.csv -m value")
    (outside / "more.csv").write_text("secret\n1\n", encoding="utf-8")
    assert rerun(capsys)[0] == 0
    code, found = rerun(capsys, "--data", str(outside))
    assert (code, [i["status"] for i in found["inputs"]]) == (1, ["same", "added"])


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda d: d["provenance"]["config"].update(engine="postgresql://u:***@h/d", sources=[]), 2, "password"),
        (lambda d: d["provenance"]["config"].update(sources=[]), 2, "table in memory"),
        (lambda d: d.update(schema="abimpact/portfolio/1"), 3, "portfolio"),
        (lambda d: d.update(schema="abimpact/report/9"), 3, "report/9"),
        (lambda d: d.update(schema="other"), 3, "no result"),
        (lambda d: d.pop("provenance"), 3, "provenance"),
        (lambda d: d["provenance"]["config"].update(other_key=1), 3, "other_key"),
        (lambda d: d["provenance"]["config"].update(level="high"), 3, "level"),
        (lambda d: d["provenance"]["config"].update(level=2.0), 2, "level"),
        (lambda d: d["provenance"]["config"].update(where="read_text('/etc/passwd') = ''"), 2, "read_text"),
        (lambda d: d["provenance"]["config"].update(value={"worth": -1}), 3, "value."),
        (lambda d: d["provenance"]["config"].update(value=[1]), 3, "config"),
        (lambda d: d["provenance"]["config"].update(metrics=[{"spec": 3}]), 3, "config"),
        (lambda d: d["provenance"]["config"].update(metrics=[1]), 3, "config"),
        (lambda d: d["provenance"]["config"].update(sources=[None]), 3, "config"),
        (lambda d: d["provenance"]["config"].update(signed={"path": 1}), 3, "config"),
        (lambda d: d["provenance"]["config"].update(options={"promised": "x"}), 3, "promised"),
        (lambda d: d["provenance"]["config"].update(derive={"x": "1"}, fill=[{"column": "a"}]), 3, "fill"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_run_again_is_refused(
    change: Callable[[dict[str, Any]], object],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edited(change)
    capsys.readouterr()
    assert main(["rerun", "result.json"]) == code
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_file_does_not_ask_for_a_run_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    stored("simulate log.csv -m value --repetitions 3")
    edited(lambda d: d["provenance"]["config"]["options"].update(repetitions=10**9))
    assert main(["rerun", "result.json"]) == 3
    assert "repetitions" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"schema": 3}', "[" * 100_000, '{"schema": NaN}'])
@pytest.mark.usefixtures("folder")
def test_files_that_are_no_result(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("result.json").write_text(text, encoding="utf-8")
    assert main(["rerun", "result.json"]) == 3
    assert capsys.readouterr().err.startswith("abimpact: result.json: ")


@pytest.mark.usefixtures("folder")
def test_python_reruns_files_results_and_tables() -> None:
    log = frame()
    metric = Metric(
        name="spent",
        kind=MetricKind.MEAN,
        role=Role.GUARDRAIL,
        better=Better.LOWER,
        value=column("value"),
        margin=Tolerance(amount=0.07, is_relative=True),
        covariates=("sessions",),
    )
    asked: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "resamples": 99}
    report = abimpact.analyze(log, metrics=["converted"], guardrails=[metric], **asked)
    with pytest.raises(UsageError, match="table in memory"):
        abimpact.rerun(report)
    assert abimpact.rerun(report, log).values.holds
    assert abimpact.rerun(report, "log.csv").values.holds
    assert not abimpact.rerun(report, pd.concat([log, log])).values.holds
    report = abimpact.analyze("log.csv", metrics=["value"], **asked)
    assert abimpact.rerun(report.to_dict()).values.holds
    found = abimpact.rerun(report, log.head(1500))
    assert not found.values.holds
    assert found.to_markdown().startswith("## DIFFERS: ")
    with pytest.raises(UsageError, match="tolerance"):
        abimpact.rerun(report, tolerance=-1)
    with pytest.raises(DataError):
        abimpact.rerun({"schema": "x"})
    assert issubclass(DataError, AbimpactError)
