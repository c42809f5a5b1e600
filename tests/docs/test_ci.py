"""The action and the jobs in docs/ci.md, run step by step in a folder of their own; only installing is stood in for."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB, GITLAB = (
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text("utf-8"), re.M | re.S)
)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STAND_IN = '#!/bin/sh\nprintf "%s\\n" "$0 $*" >> "$CALLS"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample, and programs that only say how they were called."""
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    (tmp_path / "bin").mkdir()
    for program in ("pip", "gh"):
        path = tmp_path / "bin" / program
        path.write_text(STAND_IN)
        path.chmod(0o755)
    return tmp_path


def run(folder: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A step as the runner runs it: bash that stops at the first error."""
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "CALLS": str(folder / "calls"), "PYTHONUTF8": "1", **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def filled(text: str, context: Mapping[str, str]) -> str:
    """Text whose `${{ … }}` are filled in; one that is unknown fails."""
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: context[found[1]], text)


def act(folder: Path, given: Mapping[str, str]) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run the action's own steps; the last one's result, and the outputs that were set."""
    known = {name: given.get(name, told.get("default", "")) for name, told in ACTION["inputs"].items()}
    context = {f"inputs.{name}": value for name, value in known.items()} | {"github.action_path": "/where it/lies"}
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    (folder / "output").touch()
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            variables = {name: filled(value, context) for name, value in step["env"].items()}
            done = run(folder, step["run"], **files, **variables)
    lines = (folder / "output").read_text("utf-8").splitlines()
    return done, {f"steps.report.outputs.{line.split('=')[0]}": line.split("=")[1] for line in lines}


def test_the_workflow_and_its_action(folder: Path) -> None:
    steps = GITHUB["jobs"]["impact"]["steps"]
    own = next(step for step in steps if step.get("uses") == "./")
    assert set(own["with"]) <= set(ACTION["inputs"])
    done, outputs = act(folder, own["with"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## SHIP")
    assert "::warning title=abimpact%3A outliers::" in done.stdout
    report = (folder / "abimpact-report" / "report.md").read_text("utf-8")
    assert (folder / "summary.md").read_text("utf-8") == report
    assert "90 % interval" in report
    assert (folder / "abimpact-report" / "junit.xml").exists()
    result = json.loads((folder / "abimpact-report" / "result.json").read_text("utf-8"))
    verdict = filled(ACTION["outputs"]["verdict"]["value"], outputs)
    assert verdict == f"{result['verdict']['code']}/{result['verdict']['reason']}"
    context = {"steps.impact.outputs.verdict": verdict, "github.token": "t", "github.event.number": "7"}
    said = [
        run(folder, filled(step["run"], context), **{k: filled(v, context) for k, v in step.get("env", {}).items()})
        for step in steps
        if "run" in step
    ]
    assert [step.returncode for step in said] == [0, 0]
    assert said[0].stdout == f"abimpact says {verdict}\n"
    calls = (folder / "calls").read_text().splitlines()
    assert calls[0].endswith("/pip install /where it/lies")
    assert calls[1].endswith("/gh pr comment 7 --edit-last --create-if-none --body-file abimpact-report/report.md")


@pytest.mark.parametrize(
    ("given", "code", "verdict"),
    [
        ({"options": "--split=60:40\n--resamples=0"}, 1, "invalid/sample_ratio"),
        ({"options": "--split=60:40\n--resamples=0\n\n", "gate": "false"}, 0, "invalid/sample_ratio"),
        ({"sources": "missing.csv"}, 3, None),
        ({"sources": '--help"; touch hacked; "'}, 3, None),
    ],
)
def test_the_action_passes_the_exit_code_on(
    folder: Path, given: dict[str, str], code: int, verdict: str | None
) -> None:
    done, outputs = act(folder, {"sources": "sample_data/checkouts.parquet\n", **given})
    assert done.returncode == code, done.stderr
    assert outputs.get("steps.report.outputs.verdict") == verdict
    assert not (folder / "hacked").exists()


def test_the_action_says_what_its_inputs_are() -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page.partition("| input |")[2].partition("## ")[0], re.M) == [
        *ACTION["inputs"]
    ]
    assert all(step.get("shell") == "bash" for step in ACTION["runs"]["steps"] if "run" in step)
    assert "${{" not in "".join(step.get("run", "") for step in ACTION["runs"]["steps"])


def test_the_gitlab_job(folder: Path) -> None:
    job: dict[str, Any] = GITLAB["impact"]
    done = run(folder, "\n".join(job["script"]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(" SHIP")
    for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (folder / path).stat().st_size > 0
