"""A run that is stopped: it tidies up, says so by its exit code, and leaves the files of the last run as they were."""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.faults.process import ASKED, SAMPLE, ended, is_working, listens, start

WATCHED = ("report", SAMPLE, "--resamples", "999", "-q")
OLD = "yesterday's"
TIDIED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


class Place:
    """A folder with two files of an earlier run and one for temporary files."""

    def __init__(self, path: Path) -> None:
        self.folder, self.scratch = path / "out", path / "scratch"
        self.folder.mkdir()
        self.scratch.mkdir()
        self.files = self.folder / "r.md", self.folder / "r.json"
        for file in self.files:
            file.write_text(OLD)

    def start(self, *more: str) -> subprocess.Popen[str]:
        outputs = [word for file in self.files for word in ("-o", str(file))]
        return start(*WATCHED, *outputs, *more, scratch=self.scratch)

    def is_whole(self, new: str) -> bool:
        """Whether each file is the old one or the whole new one."""
        page, numbers = (file.read_text() for file in self.files)
        return plain(page) in (OLD, new) and (numbers == OLD or "verdict" in json.loads(numbers))

    def left(self) -> list[str]:
        """What lies there that nobody asked for."""
        return [p.name for p in (*self.folder.iterdir(), *self.scratch.iterdir()) if p not in self.files]


def plain(page: str) -> str:
    """A report without what differs from run to run: when it was made, and by which command."""
    return re.sub(r"\*\*(created|command)\*\*: .*", "", page)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float]:
    """The Markdown of an undisturbed run, and how long it takes."""
    place = Place(tmp_path_factory.mktemp("whole"))
    began = time.monotonic()
    assert ended(place.start())[0] == 0
    assert place.left() == []
    return plain(place.files[0].read_text()), time.monotonic() - began


def stopped(place: Place, number: signal.Signals, after: float, new: str) -> str:
    """Stop a run `after` some seconds, and see what it leaves; what was odd in its code or words, "" if nothing."""
    process = place.start()
    listens(process)
    time.sleep(after)
    process.send_signal(number)
    code, output, errors = ended(process)
    assert place.is_whole(new), (code, errors)
    assert place.left() == [], (code, errors)
    is_told = code in (TIDIED[number], 0) and "Traceback" not in errors
    # Whoever printed the verdict has replaced both files before, and may still be stopped.
    is_new = OLD not in [file.read_text() for file in place.files]
    is_told &= is_new if output.startswith("SHIP") else code != 0 and output == ""
    is_told &= errors in ("", "abimpact: Interrupted; every file is whole or as it was.\n")
    return "" if is_told else f"exit {code}: {output}{errors}"


def many(times: int, whole: tuple[str, float], share: float, folder: Path, number: signal.Signals) -> None:
    moments, odd = random.Random(number), []
    for i in range(times):
        where = folder / str(i)
        where.mkdir()
        odd += [stopped(Place(where), number, moments.uniform(0, share * whole[1]), whole[0])]
    assert not any(odd), odd


STOPS = list(TIDIED)


def test_stopped_soon(whole: tuple[str, float], tmp_path: Path) -> None:
    many(1, whole, 1.0, tmp_path, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.fault(
    "SIGINT, SIGTERM or SIGHUP at a random moment of a report that replaces two files",
    "exit 130, 143 or 129 (or 0, when it was done before); both files whole, no temporary file left",
)
@pytest.mark.parametrize("number", STOPS, ids=lambda s: s.name)
def test_stopped_at_random_moments(
    number: signal.Signals, whole: tuple[str, float], tmp_path: Path, record_property: Any
) -> None:
    record_property("times", 50)
    many(50, whole, 1.1, tmp_path, number)


@pytest.mark.slow
@pytest.mark.fault(
    "SIGINT, SIGTERM or SIGHUP during the imports that a run begins with", "as above: no traceback, no file touched"
)
@pytest.mark.parametrize("number", STOPS, ids=lambda s: s.name)
def test_stopped_during_imports(
    number: signal.Signals, whole: tuple[str, float], tmp_path: Path, record_property: Any
) -> None:
    record_property("times", 20)
    many(20, whole, 0.25, tmp_path, number)


def killed(times: int, whole: tuple[str, float], place: Place) -> int:
    """Kill runs at random moments; how many left something behind."""
    moments, dirty = random.Random(9), 0
    for _ in range(times):
        process = place.start()
        time.sleep(moments.uniform(0, 1.1 * whole[1]))
        process.kill()
        ended(process)
        assert place.is_whole(whole[0])
        # What the last one left is gone as soon as the next one has got this far.
        assert len(list(place.scratch.iterdir())) <= 1
        dirty += bool(place.left())
    assert ended(place.start())[0] == 0
    assert place.left() == []
    return dirty


@pytest.mark.slow
@pytest.mark.fault(
    "SIGKILL at a random moment of a report that replaces two files",
    "both files whole; the next run removes what the killed one left",
)
def test_killed_at_random_moments(whole: tuple[str, float], tmp_path: Path, record_property: Any) -> None:
    record_property("times", 100)
    assert killed(100, whole, Place(tmp_path)) > 10


@pytest.mark.fault(
    "SIGKILL while the engine reads", "the temporary folder stays; the next run removes it, and none of a living run"
)
def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    place = Place(tmp_path)
    living = Living(place.scratch)
    process = place.start()
    while len(list(place.scratch.iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    ended(process)
    assert ended(place.start())[0] == 0
    assert [p.name for p in place.scratch.iterdir()] == [living.name]
    living.close()
    assert place.left() == []


class Living:
    """A living run of this process, as far as its folder for temporary files goes."""

    def __init__(self, folder: Path) -> None:
        from abimpact.leftovers import make_folder
        from abimpact.read.scratch import PREFIX

        self.path, self._descriptor = make_folder(folder, PREFIX)
        self.name = self.path.name

    def close(self) -> None:
        from abimpact.leftovers import remove_folder

        remove_folder(self.path, self._descriptor)


@pytest.fixture(scope="module")
def slow_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Units by long names, each in two rows, so that grouping them takes seconds."""
    n = 4_000_000
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "unit": pa.array([f"{x:x}" for x in rng.permutation(n)]),
            "variant": pa.array(["rules", "ml"]).take(pa.array(rng.integers(0, 2, n))),
            "value": rng.lognormal(size=n),
        }
    )
    path = tmp_path_factory.mktemp("logs") / "big.parquet"
    pq.write_table(pa.concat_tables([table, table]), path)
    return path


def test_ctrl_c_ends_the_engines_query(slow_log: Path, tmp_path: Path) -> None:
    """The query is broken off: the run uses hardly any more processor time, however slow the machine."""
    scratch, target = tmp_path / "scratch", tmp_path / "r.md"
    scratch.mkdir()
    process = start("report", slow_log, *ASKED, "--several-rows", "sum", "-o", target, scratch=scratch)
    is_working(process, scratch)
    time.sleep(0.5)
    assert process.poll() is None
    used = seconds_used(process.pid)
    at_end: list[float] = []
    watcher = threading.Thread(target=_watch, args=(process.pid, at_end))
    watcher.start()
    process.send_signal(signal.SIGINT)
    code, output, errors = ended(process)
    watcher.join()
    assert (code, output) == (130, "")
    assert errors == "abimpact: Interrupted; every file is whole or as it was.\n"
    # Undisturbed it takes some 6 seconds of them more.
    assert at_end[-1] - used < 2.5
    assert list(scratch.iterdir()) == []
    assert not target.exists()


def seconds_used(pid: int) -> float:
    """Processor time of a process, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _watch(pid: int, seen: list[float]) -> None:
    try:
        while True:
            seen.append(seconds_used(pid))
            time.sleep(0.005)
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return


@pytest.mark.slow
@pytest.mark.fault("SIGTERM and SIGINT at once, as terminals do", "exit 143 or 130; it tidies up once")
def test_signals_that_come_together_are_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    process = place.start()
    listens(process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] in (130, 143)
    assert place.left() == []


@pytest.mark.slow
@pytest.mark.fault("SIGHUP to a run under nohup", "it goes on: what was ignored from the start stays so")
def test_nohup_is_obeyed(log: Path, scratch: Path) -> None:
    process = start("report", log, *ASKED, scratch=scratch, before=("nohup",))
    listens(process)
    process.send_signal(signal.SIGHUP)
    is_working(process, scratch)
    process.send_signal(signal.SIGHUP)
    code, output, _ = ended(process)
    assert code == 0
    assert "KEEP TESTING" in output


@pytest.mark.slow
@pytest.mark.fault("SIGTERM while a bootstrap of 900,000 resamples runs", "exit 143 at once: no thread is waited for")
def test_resamples_are_not_waited_for(scratch: Path) -> None:
    process = start("report", SAMPLE, "--resamples", "900000", "-q", scratch=scratch)
    is_working(process, scratch)
    used = seconds_used(process.pid)
    while seconds_used(process.pid) - used < 3:
        assert process.poll() is None
        time.sleep(0.01)
    used = seconds_used(process.pid)
    at_end: list[float] = []
    watcher = threading.Thread(target=_watch, args=(process.pid, at_end))
    watcher.start()
    process.send_signal(signal.SIGTERM)
    code, output, _ = ended(process)
    watcher.join()
    assert (code, output, list(scratch.iterdir())) == (143, "", [])
    # Undisturbed it takes some 20 seconds of them more.
    assert at_end[-1] - used < 5


ROOT = SAMPLE.parent
VERBS: dict[str, tuple[Any, ...]] = {
    "check": ("check", SAMPLE, "-o", "out.json"),
    "simulate": ("simulate", SAMPLE, "--repetitions", "5000", "-o", "out.json"),
    "plan": ("plan", SAMPLE, "--lift", "2%", "--daily-units", "1000", "-o", "out.json"),
    "backtest": ("backtest", ROOT / "backtest", "-o", "out.json"),
    "portfolio": ("portfolio", ROOT / "portfolio", "-o", "out.json"),
    "init": ("init", SAMPLE),
}


@pytest.mark.slow
@pytest.mark.fault("SIGTERM to any other verb, four times each", "exit 143 (or as it ended before); nothing is left")
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_tidies_up(verb: str, tmp_path: Path, scratch: Path, record_property: Any) -> None:
    record_property("times", 4)
    for i in range(4):
        folder = tmp_path / f"out{i}"
        folder.mkdir()
        process = start(*VERBS[verb], folder=folder, scratch=scratch)
        listens(process)
        time.sleep(0.4 * i)
        process.send_signal(signal.SIGTERM)
        code, _, errors = ended(process)
        assert code in (0, 143), errors
        assert list(scratch.iterdir()) == []
        assert {p.name for p in folder.iterdir()} <= (set() if code else {"out.json", "abimpact.toml"})
