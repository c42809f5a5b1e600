"""What was injected, how often, and what happened: rows of the table in docs/reliability.md.

Every test of a fault is marked `fault(what, then)` and may `record_property("times", n)`. With ABIMPACT_FAULTS in the
environment the rows are written to the file that it names: see docs/make_reliability.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.logs import frame

_ROWS: dict[str, dict[str, Any]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(what, then): what is injected, and what happens then")


@pytest.fixture(autouse=True)
def _fault(request: pytest.FixtureRequest, record_property: Any) -> None:
    if marker := request.node.get_closest_marker("fault"):
        record_property("fault", marker.args)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    told = dict(report.user_properties)
    is_skipped = report.when == "setup" and report.skipped
    if "fault" not in told or not (report.when == "call" or is_skipped):
        return
    name = report.nodeid.partition("::")[2].partition("[")[0]
    row = _ROWS.setdefault(name, {"fault": told["fault"], "times": 0, "passed": 0, "skipped": 0})
    row["place"] = report.location[:2]
    times = told.get("times", 1)
    row["times"] += times
    row["passed"] += times * report.passed
    row["skipped"] += times * report.skipped


def pytest_sessionfinish() -> None:
    if (path := os.environ.get("ABIMPACT_FAULTS")) and _ROWS and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(path).write_text(json.dumps(_ROWS, indent=1))


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sound log without an effect."""
    path = tmp_path_factory.mktemp("logs") / "log.parquet"
    frame().to_parquet(path)
    return path


@pytest.fixture(scope="session")
def nobody() -> tuple[str, ...]:
    """What goes in front of a command so that a user without rights runs it: root may write everywhere."""
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("permissions are tried as another user, which takes root and setpriv")
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if subprocess.run([*prefix, sys.executable, "-c", "import abimpact, typer"], check=False).returncode:
        pytest.skip("another user may not read this Python's packages")
    return prefix


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder for temporary files."""
    path = tmp_path / "scratch"
    path.mkdir()
    return path
