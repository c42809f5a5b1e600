"""The command line as people run it: exit codes, streams, files, help and errors."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.logs import frame

SAMPLE = Path(__file__).parents[2] / "sample_data"


def run(
    *arguments: Any, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "abimpact", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound log without an effect."""
    path = tmp_path_factory.mktemp("logs") / "log.parquet"
    frame().to_parquet(path)
    return path


ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "99")


def assert_error(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    """One paragraph on standard error, nothing on standard output, no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("abimpact: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for text in said:
        assert text in done.stderr


def test_the_sample_ships() -> None:
    done = run("report", SAMPLE / "checkouts.parquet")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" SHIP  ml earns more than rules: profit per checkout +")
    assert "Guardrails hold" in done.stdout
    assert "\x1b" not in done.stdout


def test_formats_and_files_hold_the_same_report(log: Path, tmp_path: Path) -> None:
    done = run("report", log, *ASKED, "-q", "-o", tmp_path / "r.md", "-o", tmp_path / "r.json")
    assert done.stdout.count("\n") == 1
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["schema"] == "abimpact/report/1"
    headline = result["verdict"]["headline"]
    assert headline in done.stdout
    assert (tmp_path / "r.md").read_text().startswith("## KEEP TESTING: ")
    assert json.loads(run("report", log, *ASKED, "-f", "json").stdout)["metrics"] == result["metrics"]
    assert run("report", log, *ASKED, "-f", "markdown").stdout.startswith("## KEEP TESTING: ")
    assert "bootstrap" in run("report", log, *ASKED, "-v").stdout
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["r.json", "r.md"]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 0),
        (["--gate"], 1),
        (["--fail-on", "keep_testing"], 1),
        (["--fail-on", "keep_testing/inconclusive"], 1),
        (["--fail-on", "keep_testing/guardrail"], 0),
        (["--fail-on", "invalid", "--fail-on", "keep"], 0),
        (["--gate", "--fail-on", "invalid"], 0),
    ],
)
def test_the_gate(log: Path, flags: list[str], code: int) -> None:
    done = run("report", log, *ASKED, "-q", *flags)
    assert done.returncode == code
    assert done.stdout.startswith("KEEP TESTING")
    assert ("the gate failed: keep_testing/inconclusive" in done.stderr) == (code == 1)


def test_a_blocking_finding_is_no_error_and_withholds_kpis(tmp_path: Path) -> None:
    data = frame()
    data[(data.variant == "rules") | (data.index % 3 == 0)].to_parquet(tmp_path / "log.parquet")
    done = run("report", tmp_path / "log.parquet", *ASKED, "--split", "50:50", "-o", tmp_path / "r.json")
    assert done.returncode == 0
    assert done.stdout.lstrip().startswith("INVALID")
    assert "value  " not in done.stdout
    assert "value  " in run("report", tmp_path / "log.parquet", *ASKED, "--split", "50:50", "--show-anyway").stdout
    result = json.loads((tmp_path / "r.json").read_text())
    assert (result["verdict"]["code"], result["verdict"]["reason"]) == ("invalid", "sample_ratio")
    assert result["metrics"][0]["estimates"]


def csv(tmp_path: Path, text: str | bytes, name: str = "bad.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


HEADER = "unit,variant,value\n"
ROWS = "".join(f"{i},{'ml' if i % 2 else 'rules'},{i}\n" for i in range(100))
BAD_FILES = {
    "empty file": (b"", "bad.csv", 3, "is empty"),
    "header only": (HEADER, "bad.csv", 3, "has 0 rows"),
    "truncated parquet": (b"PAR1" + b"x" * 200, "bad.parquet", 3, "is cut off"),
    "text called parquet": (HEADER + ROWS, "bad.parquet", 3, "is not a Parquet file"),
    "one variant": (HEADER + ROWS.replace("ml", "rules"), "bad.csv", 3, "one variant only ('rules')"),
    "no such variant": (HEADER + ROWS.replace("rules", "old"), "bad.csv", 3, "'old' (50 rows)"),
    "text in a metric": (HEADER + ROWS + "101,ml,oops\n", "bad.csv", 3, "'oops'"),
    "ragged rows": (HEADER + ROWS + "101,ml\n", "bad.csv", 3, "line 102 has 2 values where the header has 3"),
    "no such column": (HEADER.replace("value", "values") + ROWS, "bad.csv", 3, "Did you mean 'values'?"),
    "all-null metric": (
        HEADER + "".join(f"{i},{'ml' if i % 2 else 'rules'},\n" for i in range(100)),
        "bad.csv",
        3,
        "no value",
    ),
    "unknown ending": (HEADER + ROWS, "bad.docx", 2, "'.docx' is not known"),
}


@pytest.mark.parametrize("bad", BAD_FILES)
def test_bad_files(tmp_path: Path, bad: str) -> None:
    content, name, code, said = BAD_FILES[bad]
    path = csv(tmp_path, content, name)
    assert_error(run("report", path, *ASKED, "-o", tmp_path / "r.md"), code, said)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nope.csv"], 3, "There is no file nope.csv"),
        (["*.nope"], 3, "No file matches"),
        (["{log}", "-o", "r.doc"], 2, "'.doc'"),
        (["{log}", "-f", "pdf"], 2, "is not a format"),
        (["{log}", "--fail-on", "shipp"], 2, "Did you mean 'ship'?"),
        (["{log}", "--level", "95"], 2, "no confidence level"),
        (["{log}", "--resamples", "-1"], 2, "--resamples"),
        (["{log}", "--value", "build_cost"], 2, "KEY=VALUE"),
        (["{log}", "--value", "build_cost=1"], 2, "value.currency, value.units_per_year are missing"),
        (["{log}", "--memory-limit", "lots"], 2, "--memory-limit"),
        (["{log}", "--split", "1:1:1"], 2, "3 parts for 2 variants"),
        (["{log}", "--where", "nope > 1"], 3, "no column 'nope'"),
        (["{log}", "--where", "read_csv('/etc/passwd')"], 2, "may not stand in an expression"),
        (["{log}", "-m", "x=country * 2"], 3, "country"),
        (["{log}", "-c", "nope.toml"], 2, "nope.toml"),
        (["{log}", "--nope"], 2, "--nope"),
        (["{log}", "-o", "/no/such/folder/r.md"], 2, "cannot be written"),
        (["{log}", "--time", "country"], 3, "country"),
    ],
)
def test_mistakes(log: Path, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    given = [a.format(log=log) for a in arguments]
    assert_error(run("report", *ASKED, *given, folder=tmp_path), code, said)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_config_key_is_named(log: Path, tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text("[data]\nvarient = 'x'\n")
    assert_error(run("report", log, "-c", config), 2, "data.varient is not known. Did you mean 'variant'?")


def test_a_bug_is_one_line_with_exit_code_70(log: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import abimpact.pipeline.report\ndef broken(*_, **__): raise RuntimeError('secret')\n"
        "abimpact.pipeline.report.run_report = broken\n"
    )
    environment = {"PYTHONPATH": str(tmp_path)}
    done = run("report", log, *ASKED, environment=environment)
    assert_error(done, 70, "A bug in abimpact: RuntimeError")
    assert "secret" not in done.stderr
    assert "Traceback" in run("report", log, *ASKED, "-v", environment=environment).stderr


@pytest.mark.parametrize("variable", ["GITHUB_ACTIONS", "FORCE_COLOR", "TTY_COMPATIBLE"])
def test_pipes_get_no_colour(log: Path, variable: str) -> None:
    for arguments in (["--help"], ["report", "--help"], ["report", str(log), *ASKED], ["report", "--nope"]):
        done = run(*arguments, environment={variable: "1"})
        assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("form", ["terminal", "markdown", "json"])
def test_a_stream_without_unicode_gets_the_report_all_the_same(log: Path, form: str) -> None:
    done = run("report", log, *ASKED, "-f", form, environment={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "value" in done.stdout


def test_help_has_four_panels_and_examples() -> None:
    text = run("report", "--help").stdout
    for panel in ("What is what", "Decision", "Output", "Running"):
        assert f"─ {panel} ─" in text
    assert "abimpact report sample_data/checkouts.parquet" in text
    assert run("--help").returncode == 0
    assert run("--version").stdout.startswith("abimpact ")
    assert run().returncode == 2


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from abimpact.cli.main import main; main(['--help']); "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "{'numpy', 'duckdb', 'pandas', 'scipy', 'pyarrow', 'pydantic', 'sqlglot', 'matplotlib'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_failure(log: Path) -> None:
    command = f"{sys.executable} -m abimpact report {log} {' '.join(ASKED)} -v | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    command = f"{sys.executable} -m abimpact report {log} {' '.join(ASKED)} -v --gate | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_plots_are_written_to_a_new_folder(log: Path, tmp_path: Path) -> None:
    done = run("report", log, *ASKED, "-q", "--plots", tmp_path / "a" / "b")
    assert done.returncode == 0, done.stderr
    names = {p.name for p in (tmp_path / "a" / "b").iterdir()}
    assert {"kpis.svg", "primary.svg"} <= names
    assert names == {f"{name.split('.')[0]}.{kind}" for name in names for kind in ("png", "svg")}


def test_plots_need_a_folder_that_can_be_made(log: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("report", log, *ASKED, "-q", "--plots", tmp_path / "file" / "b")
    assert_error(done, 2, "no folder can be made there")
