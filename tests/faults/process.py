"""Whole runs of abimpact, what they leave behind, and moments at which something may happen to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parents[2] / "sample_data" / "checkouts.parquet"
PROGRAM = (sys.executable, "-m", "abimpact")
ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "99")
# No run takes this long, however busy the machine.
HANG = 120


def run(
    *arguments: Any,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    before: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """A run to its end, with variables added to its environment or taken from it; `before` goes in front."""
    return subprocess.run(
        [*before, *PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=folder,
        env=variables(environment, without),
        stdin=subprocess.DEVNULL,
        timeout=HANG,
        check=False,
    )


def variables(added: Mapping[str, str] | None = None, without: tuple[str, ...] = ()) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k not in without}, **(added or {})}


def start(
    *arguments: Any, folder: Path | None = None, scratch: Path | None = None, before: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """A run that is under way; its temporary files lie in `scratch`, and `before` goes in front."""
    return subprocess.Popen(
        [*before, *PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=variables({"TMPDIR": str(scratch)} if scratch else None),
        preexec_fn=_obey,
    )


def _obey() -> None:
    """Tests that run in the background of a shell, or under nohup, would hand on that signals are ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code of a run under way, its standard output and standard error."""
    output, errors = process.communicate(timeout=HANG)
    return process.returncode, output, errors


def listens(process: subprocess.Popen[str]) -> None:
    """Wait until the process has a handler of its own: before that Python itself is starting."""
    end = time.monotonic() + HANG
    while process.poll() is None and time.monotonic() < end:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
        # Python catches SIGINT from the start; the program's handlers come together.
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)


def is_working(process: subprocess.Popen[str], scratch: Path) -> None:
    """Wait until the engine of the process is there, and it reads."""
    end = time.monotonic() + HANG
    while not list(scratch.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def assert_error(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    """One paragraph on standard error, nothing on standard output, no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("abimpact: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for text in said:
        assert text in done.stderr, done.stderr
