"""Machines as they are: without a home, a terminal, UTF-8 or a right clock; text files of any system."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.process import ASKED, HANG, assert_error, run, variables
from tests.logs import frame

pytestmark = pytest.mark.slow
DRAWN = ("-o", "r.html", "-o", "r.xlsx", "--plots", "plots")


@pytest.mark.fault(
    "HOME is not set, not there, or cannot be written to; pictures are drawn", "exit 0, nothing on standard error"
)
@pytest.mark.parametrize("home", ["unset", "missing", "a file"])
def test_no_home(home: str, log: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tmp_path / "a file").write_text("")
    scratch = tmp_path_factory.mktemp("scratch")
    environment = {"TMPDIR": str(scratch)} | ({} if home == "unset" else {"HOME": str(tmp_path / home)})
    done = run(
        "report", log, *ASKED, "-q", *DRAWN, folder=tmp_path, environment=environment, without=("HOME", "MPLCONFIGDIR")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "r.html").exists()
    assert {p.name for p in tmp_path.iterdir()} - {"missing"} == {"a file", "plots", "r.html", "r.xlsx"}
    assert list(scratch.iterdir()) == []


@pytest.mark.fault("LC_ALL=C, LANG=C or an ASCII stream, with names that are neither", "exit 0, escapes where need be")
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "LANG": "C"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["C", "latin-1", "ascii"],
)
def test_no_utf8(environment: dict[str, str], tmp_path: Path) -> None:
    data = frame()
    path = tmp_path / "жур–нал.csv"
    data.assign(variant=data.variant.replace({"ml": "мл×2"})).rename(columns={"value": "доход €"}).to_csv(path)
    asked = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "доход €", "--resamples", "99")
    done = run("report", path, *asked, "-v", "-o", tmp_path / "r.md", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "мл×2" in (tmp_path / "r.md").read_text(encoding="utf-8")
    failed = run("report", path, *asked, "--segment", "стра–на", environment=environment)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (3, "", 1)


@pytest.mark.fault("UTF-8 is forbidden as well (PYTHONUTF8=0)", "names in ASCII: exit 0; others: exit 3, says so")
def test_utf8_forbidden(log: Path, tmp_path: Path) -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run("report", log, *ASKED, "-v", "-o", tmp_path / "r.md", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "–" in (tmp_path / "r.md").read_text(encoding="utf-8")
    shutil.copy(log, path := tmp_path / "жур–нал.parquet")
    assert_error(run("report", path, *ASKED, environment=environment), 3, "not UTF-8 text", "PYTHONUTF8=1")


@pytest.mark.fault("lines end as on Windows or on old Macs, with a byte order mark", "the same numbers")
@pytest.mark.parametrize("how", ["windows", "mac"])
def test_line_ends(how: str, tmp_path: Path) -> None:
    text = frame()[["unit", "variant", "value"]].to_csv(index=False)
    (tmp_path / "unix.csv").write_bytes(text.encode())
    lines = text.splitlines()
    end = {"windows": "\r\n", "mac": "\r"}[how]
    (tmp_path / "other.csv").write_bytes(b"\xef\xbb\xbf" + "".join(line + end for line in lines).encode())
    unix, other = (run("report", tmp_path / f"{name}.csv", *ASKED, "-f", "csv") for name in ("unix", "other"))
    assert (unix.returncode, other.returncode, other.stderr) == (0, 0, "")
    assert other.stdout == unix.stdout


@pytest.mark.fault("some lines end as on Windows, others do not", "exit 3, says so: which rows there are is not sure")
def test_mixed_line_ends(tmp_path: Path) -> None:
    lines = frame()[["unit", "variant", "value"]].to_csv(index=False).splitlines()
    text = "".join(line + ("\r\n" if i % 2 else "\n") for i, line in enumerate(lines))
    (tmp_path / "mixed.csv").write_bytes(text.encode())
    assert_error(run("report", tmp_path / "mixed.csv", *ASKED), 3, "mixed.csv: its lines end in two ways")


@pytest.mark.fault("a config with line ends of Windows and a byte order mark", "it is read")
def test_a_config_of_windows(log: Path, tmp_path: Path) -> None:
    text = '[data]\nunit = "unit"\nvariant = "variant"\nincumbent = "rules"\n'
    text += '[[metric]]\nname = "v"\nrole = "primary"\nvalue = "value"\n'
    (tmp_path / "abimpact.toml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert run("report", log, "-q", "--resamples", "0", folder=tmp_path).returncode == 0


CLOCK = """
import datetime, time
class Back(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        n[0] += 1
        return datetime.datetime.fromtimestamp(1e9 - 1e6 * n[0], tz)
n = [0]
datetime.datetime = Back
real = time.time
time.time = lambda: real() - 3e7 * (n.__setitem__(0, n[0] + 1) or n[0])
"""


@pytest.mark.fault("the clock jumps back by years at every look", "the same numbers; only `created` is another")
def test_a_clock_that_jumps(log: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    plain = run("report", log, *ASKED, "-f", "json")
    jumped = run("report", log, *ASKED, "-f", "json", environment={"PYTHONPATH": str(tmp_path)})
    assert (jumped.returncode, jumped.stderr) == (0, "")
    differing = [b for a, b in zip(plain.stdout.splitlines(), jumped.stdout.splitlines(), strict=True) if a != b]
    assert [line.split(":")[0].strip() for line in differing] == ['"created"']


@pytest.mark.fault("standard output is a closed pipe (| head -1), closed, or a full disk", "exit 0, 0 and 2")
@pytest.mark.parametrize(
    ("redirection", "code"), [("| head -1", 0), (">&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 0), ("> /dev/full", 2)]
)
def test_standard_streams(redirection: str, code: int, log: Path) -> None:
    command = f"{sys.executable} -m abimpact report {log} {' '.join(ASKED)} -v {redirection}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False, timeout=HANG
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.fault("there is no terminal and no standard input (setsid, cron)", "exit 0; init asks nothing")
@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not there")
def test_no_terminal(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "log.csv", index=False)
    done = run("init", "log.csv", folder=tmp_path, before=("setsid",), without=("TERM", "COLUMNS"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "abimpact.toml").exists()


@pytest.mark.fault("the terminal hangs up while a report is made", "the process ends")
def test_a_terminal_that_hangs_up(log: Path) -> None:
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "abimpact", "report", str(log), *ASKED],
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
        env=variables({"TERM": "xterm"}),
    )
    os.close(there)
    os.close(here)
    assert process.wait(HANG) in (0, 2)


@pytest.mark.fault("the working folder was deleted", "exit 0 or an error of one line")
def test_no_working_folder(log: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m abimpact report {log} {' '.join(ASKED)} -q"
    path = variables({"PYTHONPATH": str(Path(__file__).parents[2])})
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=HANG, env=path)
    assert done.returncode in (0, 3), done.stderr
    assert "Traceback" not in done.stderr
