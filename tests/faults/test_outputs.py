"""Places that cannot be written to, disks that are full, runs that want the same file: a file is whole or as it was."""

import ast
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import abimpact
from abimpact.errors import UsageError
from abimpact.leftovers import make_file
from abimpact.render.write import PREFIX, SUFFIX, append, write, write_all
from tests.faults.process import ASKED, SAMPLE, assert_error, ended, run, start

OLD = "yesterday's"


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def open_to_all(log: Path) -> Iterator[Path]:
    """A folder, with a log in it, that any user may enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="abimpact-"))
    folder.chmod(0o755)
    shutil.copy(log, folder / "log.parquet")
    (folder / "log.parquet").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.fault("the disk is full while a report is written", "exit 2, names file and reason; the old report stays")
def test_a_full_disk_keeps_the_old_report(log: Path, full: Path) -> None:
    old, other = full / "r.html", full / "r.json"
    old.write_text(OLD)
    other.write_text(OLD)
    (full / "ballast").write_bytes(b"x" * (full_bytes(full) - 8192))
    done = run("report", log, *ASKED, "-o", other, "-o", old)
    assert_error(done, 2, f"{other}: cannot be written: No space left on device")
    assert (old.read_text(), other.read_text()) == (OLD, OLD)
    assert sorted(p.name for p in full.iterdir()) == ["ballast", "r.html", "r.json"]


def full_bytes(disk: Path) -> int:
    """How much fits on a disk."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


@pytest.mark.slow
@pytest.mark.fault("a file may not grow beyond 2 kB (RLIMIT_FSIZE)", "exit 2, names the file; the old report stays")
def test_a_limit_on_files_keeps_the_old_report(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    out.write_text(OLD)
    limit = ("bash", "-c", 'ulimit -f 2; exec "$@"', "bash")
    assert_error(run("report", log, *ASKED, "-o", out, before=limit), 2, str(out), "File too large")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("r.json", OLD)]


def test_none_is_replaced_unless_all_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(OLD)
    with pytest.raises(UsageError, match=r"missing/b\.md"):
        write_all({str(tmp_path / "a.md"): "new", str(tmp_path / "missing" / "b.md"): "new"})
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.md", OLD)]


@pytest.mark.slow
@pytest.mark.fault("/dev/full as the output", "exit 2, names it")
def test_a_full_device(log: Path) -> None:
    (target := Path("/dev/full")).exists() or pytest.skip("there is no /dev/full")
    with pytest.raises(UsageError, match="/dev/full: cannot be written: No space left on device"):
        write(str(target), "x" * 100_000)
    assert run("report", log, *ASKED, "-o", "/dev/full.md").returncode in (0, 2)


@pytest.mark.slow
@pytest.mark.fault("the folder for the output is read-only", "exit 2, names the file; nothing is left there")
def test_a_read_only_folder(open_to_all: Path, nobody: tuple[str, ...]) -> None:
    out = open_to_all / "out"
    out.mkdir(mode=0o555)
    done = run("report", open_to_all / "log.parquet", *ASKED, "-o", out / "r.md", before=nobody)
    assert_error(done, 2, f"{out}/r.md: cannot be written: Permission denied", "may write to")
    assert list(out.iterdir()) == []


@pytest.mark.slow
@pytest.mark.fault("the right to the folder is lost while the report is made", "the same; the old report stays")
def test_permission_lost_midway(open_to_all: Path, nobody: tuple[str, ...]) -> None:
    out, scratch = open_to_all / "out", open_to_all / "scratch"
    for folder in (out, scratch):
        folder.mkdir()
        folder.chmod(0o777)
    (out / "r.md").write_text(OLD)
    process = start("report", open_to_all / "log.parquet", *ASKED, "-o", out / "r.md", scratch=scratch, before=nobody)
    while not list(scratch.iterdir()):
        assert process.poll() is None
    out.chmod(0o555)
    code, output, errors = ended(process)
    assert (code, output) == (2, ""), errors
    assert "r.md: cannot be written" in errors
    assert [(p.name, p.read_text()) for p in out.iterdir()] == [("r.md", OLD)]


@pytest.mark.slow
@pytest.mark.fault("a log, or a folder of one, that may not be read", "exit 3, names it")
@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_log_that_may_not_be_read(place: str, open_to_all: Path, nobody: tuple[str, ...]) -> None:
    named = open_to_all / "log.parquet" if place == "file" else open_to_all / "closed"
    if place == "folder":
        named.mkdir()
        shutil.copy(open_to_all / "log.parquet", named)
    named.chmod(0)
    assert_error(run("report", named, *ASKED, before=nobody), 3, str(named), "Permission denied")


@pytest.mark.slow
@pytest.mark.fault(
    "the output is a folder, lies in none, or is a loop of links", "exit 2, names it; nothing is left there"
)
@pytest.mark.parametrize("name", ["folder.md", "missing/r.md", "loop.md"])
def test_no_place_for_a_file(name: str, log: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "loop.md").symlink_to("loop.md")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    assert_error(run("report", log, *ASKED, "-o", tmp_path / name), 2, f"{tmp_path / name}: cannot be written")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


@pytest.mark.fault("the output is the log itself, by name or by a link", "exit 2; the log stays")
@pytest.mark.parametrize("way", ["name", "link"])
def test_the_log_is_not_overwritten(way: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    pd.DataFrame({"unit": range(400), "variant": ["rules", "ml"] * 200, "value": np.arange(400.0)}).to_csv(log)
    (tmp_path / "link.csv").symlink_to(log)
    before = log.read_bytes()
    out = log if way == "name" else tmp_path / "link.csv"
    assert_error(run("report", log, *ASKED, "-o", out), 2, str(out), "is read by this run")
    assert log.read_bytes() == before


@pytest.mark.slow
@pytest.mark.fault("the umask is 077, or the old file has a mode of its own", "both are kept, while it is written too")
def test_umask_and_mode_are_kept(log: Path, tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text(OLD)
    (tmp_path / "old.md").chmod(0o640)
    outputs = ("-o", tmp_path / "new.md", "-o", tmp_path / "old.md", "--plots", tmp_path / "plots")
    done = run("report", log, *ASKED, *outputs, before=("bash", "-c", 'umask 077; exec "$@"', "bash"))
    assert done.returncode == 0, done.stderr
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert (modes.pop("old.md"), modes.pop("plots")) == (0o640, 0o700)
    assert set(modes.values()) == {0o600}


def test_nobody_reads_the_new_file_before_it_has_the_mode_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.md"
    path.write_text(OLD)
    path.chmod(0o600)
    modes = []
    real = os.write

    def seen(descriptor: int, data: bytes) -> int:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", seen)
    write(str(path), "new")
    assert modes == [0o600]


@pytest.mark.slow
@pytest.mark.fault("two runs write the same files at once", "each file is that of one of them, whole")
def test_two_runs_at_once(log: Path, tmp_path: Path, record_property: Any) -> None:
    record_property("times", 3)
    page, numbers = tmp_path / "r.md", tmp_path / "r.json"
    for _ in range(3):
        runs = [
            start("report", log, *ASKED, "--level", level, "-q", "-o", page, "-o", numbers) for level in ("0.9", "0.99")
        ]
        assert [ended(process)[0] for process in runs] == [0, 0]
        level = {e["absolute"]["level"] for e in json.loads(numbers.read_text())["metrics"][0]["estimates"]}
        assert len(level) == 1
        assert len({"90 %", "99 %"} & {f"{n} %" for n in (90, 99) if f"{n} %" in page.read_text()}) == 1
        assert sorted(p.name for p in tmp_path.iterdir()) == ["r.json", "r.md"]


def test_what_a_killed_run_left_beside_a_target_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    left, descriptor = make_file(tmp_path, PREFIX, SUFFIX, 0o600)
    os.close(descriptor)
    living, descriptor = make_file(tmp_path, PREFIX, SUFFIX, 0o600)
    others = [tmp_path / ".abimpact-notes.tmp", tmp_path / ".abimpact-0123456789abcdef.tmp.bak", tmp_path / "r.tmp"]
    for other in others:
        other.write_text("mine")
    link = tmp_path / f"{PREFIX}{'0' * 16}{SUFFIX}"
    link.symlink_to(others[0])
    write(str(tmp_path / "r.md"), "new")
    assert not left.exists()
    assert living.exists()
    assert link.is_symlink()
    assert [other.read_text() for other in others] == ["mine"] * 3
    os.close(descriptor)
    write(str(tmp_path / "r.md"), "new")
    assert not living.exists()


def test_a_summary_that_cannot_be_appended_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append(str(path), "é\n")
    assert path.read_text() == "before\né\n"
    with pytest.raises(OSError, match="Is a directory"):
        append(str(tmp_path), "x")


WRITERS = set("open write_text write_bytes mkdtemp mkstemp NamedTemporaryFile TemporaryDirectory save".split())
ALLOWED = {"render/write.py", "leftovers.py"}


def test_every_file_is_written_in_one_place() -> None:
    root = Path(abimpact.__file__).parent
    found = []
    for path in root.rglob("*.py"):
        if (name := str(path.relative_to(root))) in ALLOWED:
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        found += [f"{name}:{call.lineno}" for call in calls if writes(call)]
    # Into memory, and standard output to nowhere.
    assert [f for f in found if not f.startswith(("render/slides.py", "cli/printing.py"))] == []


def writes(call: ast.Call) -> bool:
    """Whether a call may write to a file."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in WRITERS:
        return False
    given = [a.value for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Constant)]
    return name != "open" or any(isinstance(v, str) and set(v) & set("wax+") and len(v) <= 3 for v in given)


def test_the_check_of_writers_can_fail() -> None:
    assert writes(ast.parse('open(path, "w")').body[0].value)  # type: ignore[attr-defined]
    assert writes(ast.parse("path.write_text(text)").body[0].value)  # type: ignore[attr-defined]
    assert not writes(ast.parse('open(path, "rb")').body[0].value)  # type: ignore[attr-defined]
    assert SAMPLE.exists()
