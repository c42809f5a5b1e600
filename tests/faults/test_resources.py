"""Memory and disks that run out, and folders for temporary files that are not there."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.faults.process import ASKED, SAMPLE, assert_error, run

GROUPED = (*ASKED, "--several-rows", "sum", "-q")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Units by long names, each in two rows: grouping them takes some 100 MB."""
    n = 400_000
    rng = np.random.default_rng(0)
    names = [f"{x:x}@example.com" for x in rng.permutation(n) + (1 << 60)]
    data = pd.DataFrame({"unit": names, "variant": rng.choice(["rules", "ml"], n), "value": rng.lognormal(size=n)})
    path = tmp_path_factory.mktemp("logs") / "wide.parquet"
    pd.concat([data, data]).to_parquet(path, index=False)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.fault("memory runs out (--memory-limit 20MB)", "exit 3, names --memory-limit; no temporary file left")
def test_the_memory_limit_is_named(wide: Path, scratch: Path) -> None:
    done = run("report", wide, *GROUPED, "--memory-limit", "20MB", environment={"TMPDIR": str(scratch)})
    assert_error(done, 3, "The memory limit was reached", "Give more with --memory-limit")
    assert list(scratch.iterdir()) == []


@pytest.mark.slow
@pytest.mark.fault(
    "the disk for temporary files is full (2 MB) while the engine spills", "exit 3, names the folder, TMPDIR and option"
)
def test_a_full_disk_for_temporary_files(wide: Path, small: Path) -> None:
    done = run("report", wide, *GROUPED, "--memory-limit", "60MB", environment={"TMPDIR": str(small)})
    assert_error(done, 3, f"no room left for temporary files in {small}", "TMPDIR", "--memory-limit")
    assert list(small.iterdir()) == []


@pytest.mark.slow
@pytest.mark.fault("temporary files may not grow beyond 1 MB (RLIMIT_FSIZE)", "the same")
def test_a_limit_on_temporary_files(wide: Path, scratch: Path) -> None:
    limit = ("bash", "-c", 'ulimit -f 1024; exec "$@"', "bash")
    asked = (*GROUPED, "--memory-limit", "60MB")
    done = run("report", wide, *asked, environment={"TMPDIR": str(scratch)}, before=limit)
    assert_error(done, 3, f"no room left for temporary files in {scratch}", "TMPDIR")
    assert list(scratch.iterdir()) == []


@pytest.mark.fault("the system gives a process fewer addresses than its libraries want (ulimit -v)", "exit 3, says so")
@pytest.mark.parametrize("megabytes", [400, 700, 1499])
def test_too_few_addresses(megabytes: int, log: Path, scratch: Path) -> None:
    done = run("report", log, *ASKED, environment={"TMPDIR": str(scratch)}, before=_addresses(megabytes))
    assert_error(done, 3, f"{megabytes:,} MB of addresses (ulimit -v)", "1,500 MB")
    assert list(scratch.iterdir()) == []


@pytest.mark.slow
@pytest.mark.fault("the system gives a process few addresses for its rows (ulimit -v)", "exit 0 or 3: no hang")
@pytest.mark.parametrize("megabytes", [1500, 1550, 1600, 2500])
def test_few_addresses(megabytes: int, wide: Path, scratch: Path) -> None:
    done = run("report", wide, *GROUPED, environment={"TMPDIR": str(scratch)}, before=_addresses(megabytes))
    if done.returncode:
        assert_error(done, 3, "memory")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(("megabytes", "share"), [(3_000, 1_750), (100_000_000, None)])
def test_the_engine_keeps_to_what_the_others_leave(megabytes: int, share: int | None) -> None:
    asked = "DuckDBEngine().rows(\"SELECT parse_formatted_bytes(current_setting('memory_limit'))\")[0][0]"
    code = f"from abimpact.read.duckdb_engine import DuckDBEngine; print({asked})"
    found, usual = (
        int(subprocess.run([*before, sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for before in (_addresses(megabytes), ())
    )
    # Written with one decimal.
    assert found == pytest.approx(share * 2**20 if share else usual, rel=0.06)


def _addresses(megabytes: int) -> tuple[str, ...]:
    return ("bash", "-c", f'ulimit -v {megabytes * 1024}; exec "$@"', "bash")


@pytest.mark.slow
@pytest.mark.fault("TMPDIR names a folder that is not there, or a file", "exit 2, names TMPDIR; rows go nowhere else")
@pytest.mark.parametrize("name", ["missing", "file"])
def test_no_folder_for_temporary_files(name: str, log: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("report", log, *ASKED, environment={"TMPDIR": str(tmp_path / name)})
    assert_error(done, 2, f"{tmp_path / name} cannot be used for temporary files", "TMPDIR")


@pytest.mark.slow
@pytest.mark.fault("TMPDIR may not be written to", "exit 2, names it")
def test_a_read_only_folder_for_temporary_files(nobody: tuple[str, ...]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="abimpact-"))
    folder.chmod(0o755)
    try:
        done = run("report", SAMPLE, environment={"TMPDIR": str(folder)}, before=nobody)
    finally:
        folder.rmdir()
    assert_error(done, 2, f"{folder} cannot be used for temporary files: it may not be written to")
