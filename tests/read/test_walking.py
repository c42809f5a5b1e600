"""Patterns and folders end, whatever links lie in them, and find what a shell would."""

import glob
import itertools
from pathlib import Path

import pytest

from abimpact.errors import DataError
from abimpact.read import walking
from abimpact.read.sources import expand
from abimpact.read.walking import files_below, files_matching

PARTS = ("*", "**", "a*", "?", "[ab]*", "b", ".*", "..", "x.csv", "*.csv")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/b/x.csv", "a/y.csv", "b/x.csv", "x.csv", ".h/x.csv", "a/.x.csv", "ab/b/a/x.csv", "a/b/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("v\n1\n")
    return tmp_path


def test_patterns_match_as_in_a_shell(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    for n in (1, 2, 3):
        for parts in itertools.product(PARTS, repeat=n):
            pattern = "/".join(parts)
            # To Python a file has ** below itself; to a shell it has not.
            if not glob.has_magic(pattern) or ".." in parts or "csv/**" in pattern:
                continue
            for root in ("", f"{tree}/"):
                expected = sorted({Path(p) for p in glob.glob(root + pattern, recursive=True) if Path(p).is_file()})
                assert files_matching(root + pattern) == expected, pattern


def test_loops_of_links_end(tree: Path) -> None:
    for folder in (tree, tree / "a", tree / "a" / "b"):
        for name in ("l1", "l2", "l3"):
            (folder / name).symlink_to(tree)
    (tree / "self").symlink_to(tree / "self")
    found = {p.relative_to(tree) for p in files_below(tree)}
    assert {Path("x.csv"), Path("a/b/x.csv")} <= found
    files = {Path(f).resolve() for f in tree.rglob("x.csv") if not any(p.startswith(".") for p in f.parts[-3:])}
    assert {p.resolve() for p in files_matching(f"{tree}/**/**/*/**/**/x.csv")} == files
    assert {Path(f.path) for f in expand([str(tree)])} == {tree / p for p in found if p.suffix == ".csv"}
    with pytest.raises(DataError, match="self"):
        expand([str(tree / "self")])


def test_a_deep_tree_and_a_long_pattern_end(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(150):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "x.csv").write_text("v\n1\n")
    assert files_matching(f"{tmp_path}/{'**/d/' * 40}**/x.csv") == [deep / "x.csv"]


def test_a_search_without_end_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MOST_ENTRIES", 5)
    with pytest.raises(DataError, match="more than 5 files"):
        files_matching(f"{tree}/**/*.csv")


@pytest.mark.parametrize("source", ["\0", "a\0b.csv", "x" * 5000, "x" * 300 + ".csv", "/" * 5000 + "x*"])
def test_names_that_no_system_takes_are_errors(source: str) -> None:
    with pytest.raises(DataError):
        expand([source])
