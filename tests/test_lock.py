"""requirements/dev.lock: pins all that pyproject.toml asks for, as it asks for it, with digests, and names no index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def pinned() -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


@pytest.mark.parametrize("asked", [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["release"]])
def test_what_is_asked_for_is_pinned(asked: str) -> None:
    requirement = Requirement(asked)
    versions = pinned().get(canonicalize_name(requirement.name), [])
    assert versions, "run requirements/lock"
    assert all(version in requirement.specifier for version in versions)


def test_every_pin_has_digests_and_no_index_is_named() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(entries) > 50
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", LOCK)


def test_what_runs_is_one_version_on_every_python() -> None:
    assert all(len(pinned()[name]) == 1 for name in ("duckdb", "numpy", "scipy", "pandas", "pyarrow"))
