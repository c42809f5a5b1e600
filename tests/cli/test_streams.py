"""What reaches standard output and standard error, whatever these are, and the exit code then."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.logs import frame

ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "99")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "log.parquet"
    frame().to_parquet(path)
    return path


def shell(log: Path, redirection: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m abimpact report {log} {' '.join(ASKED)} {redirection}"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("redirection", "code"), [(">&-", 0), ("2>&-", 0), ("<&-", 0), ("--gate >&- 2>&-", 1)])
def test_closed_streams_change_nothing(log: Path, redirection: str, code: int) -> None:
    done = shell(log, redirection)
    assert (done.returncode, done.stderr) == (code, "")


def test_a_full_disk_behind_standard_output_is_an_error_that_says_so(log: Path) -> None:
    done = shell(log, "> /dev/full")
    assert done.returncode == 2
    assert done.stderr == "abimpact: Standard output cannot be written: No space left on device.\n"


def on_a_terminal(log: Path, *flags: str, **environment: str) -> str:
    """What a run shows on a terminal, less the progress bar of a slow machine."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "abimpact", "report", str(log), *ASKED, "--no-progress", *flags],
        stdout=there,
        stderr=there,
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm-256color", **environment},
    )
    os.close(there)
    shown = b""
    try:
        while part := os.read(here, 1 << 16):
            shown += part
    except OSError:
        pass  # so a terminal on Linux says that its other end was closed
    os.close(here)
    assert process.wait() == 0
    return shown.decode()


def test_colour_is_for_terminals_and_no_color_is_obeyed(log: Path) -> None:
    assert "\x1b[" in on_a_terminal(log)
    assert "\x1b[" not in on_a_terminal(log, NO_COLOR="1")


@pytest.mark.parametrize("width", [60, 100])
def test_a_report_fits_the_terminal(log: Path, width: int) -> None:
    lines = on_a_terminal(log, NO_COLOR="1", COLUMNS=str(width)).splitlines()
    assert width - 15 < max(map(len, lines)) <= width


def test_a_failed_run_leaves_the_old_report(log: Path, tmp_path: Path) -> None:
    old = tmp_path / "report.md"
    old.write_text("yesterday's")
    assert shell(log, f"-o {old} --where 'value < 0'").returncode == 3
    assert old.read_text() == "yesterday's"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize(
    ("verdict", "hint"),
    [("keep/gaurdrail", "keep/guardrail"), ("invalid/sampleratio", "invalid/sample_ratio"), ("ship/", "ship")],
)
def test_a_gate_on_a_verdict_that_there_is_not_would_never_fail(log: Path, verdict: str, hint: str) -> None:
    done = shell(log, f"--fail-on {verdict}")
    assert done.returncode == 2
    assert f"--fail-on '{verdict}' is not a verdict. Did you mean '{hint}'?" in done.stderr
