"""The command line called in this process as a shell calls it, and what must be true of every call."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import FrameType
from unittest import mock

from abimpact.cli.main import main
from abimpact.errors import AbimpactError

# A call may take ten seconds of a machine that does nothing else; test machines do.
MOST_SECONDS = 90
ANSWERED, GATE, USAGE, DATA = 0, 1, 2, 3
CODES = (ANSWERED, USAGE, DATA)
ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "0")


class HangError(BaseException):
    """A call that took too long; nothing on the way may catch it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The exit code of a call and what it printed."""

    code: int
    out: str
    err: str


def call(arguments: Sequence[str], folder: Path, *, may_gate: bool = False) -> Outcome:
    """Run the command line in `folder`; AssertionError for a traceback, a bug, a hang or a leftover."""
    before = _content(folder)
    with tempfile.TemporaryDirectory() as scratch, _streams() as (out, err), _within(folder, scratch):
        code = main(list(arguments))
        left = os.listdir(scratch)
    outcome = Outcome(code, _text(out), _text(err))
    said = f"{arguments}\n{outcome.err}"
    assert code in ((*CODES, GATE) if may_gate else CODES), said
    assert "Traceback" not in outcome.err, said
    assert not left, said
    if code in (USAGE, DATA):
        assert outcome.out == "", said
        assert outcome.err.startswith("abimpact: "), said
        assert outcome.err.count("\n") == 1, said
        assert len(outcome.err) < 3000, said
        assert _content(folder) == before, said
    return outcome


@contextmanager
def _streams() -> Iterator[tuple[TextIOWrapper, TextIOWrapper]]:
    out, err = (TextIOWrapper(BytesIO(), "utf-8", errors="backslashreplace") for _ in range(2))
    with mock.patch.object(sys, "stdout", out), mock.patch.object(sys, "stderr", err):
        yield out, err
        out.flush()
        err.flush()


@contextmanager
def _within(folder: Path, scratch: str) -> Iterator[None]:
    """The working folder, a folder for temporary files, and an alarm."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise HangError

    here = os.getcwd()
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(MOST_SECONDS)
    os.chdir(folder)
    try:
        with mock.patch.object(tempfile, "tempdir", scratch):
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        os.chdir(here)


def _text(stream: TextIOWrapper) -> str:
    content: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return content.decode("utf-8")


def _content(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file in a folder with its size and time."""
    return {str(p): (s.st_size, s.st_mtime_ns) for p in folder.rglob("*") for s in [p.lstat()]}


def check_error(error: AbimpactError) -> None:
    """An error says something, and ends with a code of its own."""
    assert error.exit_code in (USAGE, DATA)
    assert error.message
