import os
import stat
from pathlib import Path

import pytest

from abimpact.errors import UsageError
from abimpact.render.write import write


def test_writes_and_leaves_nothing_else(tmp_path: Path) -> None:
    write(str(tmp_path / "r.md"), "é\n")
    assert (tmp_path / "r.md").read_bytes() == "é\n".encode()
    assert os.listdir(tmp_path) == ["r.md"]


def test_keeps_the_mode_of_a_file_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "r.md"
    path.write_text("old")
    path.chmod(0o640)
    write(str(path), "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    write(str(tmp_path / "link.md"), "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"


def test_a_failed_write_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.md"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UsageError, match=r"r\.md: cannot be written: No space left on device"):
        write(str(path), "new")
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["r.md"])


@pytest.mark.parametrize("name", ["missing/r.md", "folder"])
def test_unwritable_is_a_usage_error_that_names_the_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError) as caught:
        write(str(tmp_path / name), "x")
    assert name in caught.value.message
    assert caught.value.exit_code == 2
    assert os.listdir(tmp_path) == ["folder"]


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.md"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="read-only"):
        write(str(path), "new")
    assert path.read_text() == "old"


def test_a_device_is_written_to_directly() -> None:
    write(os.devnull, "x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_odd_file_names_survive_as_escapes(tmp_path: Path) -> None:
    write(str(tmp_path / "r.json"), '"\udc80"')
    assert (tmp_path / "r.json").read_bytes() == b'"\\udc80"'
