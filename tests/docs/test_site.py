"""The docs build as a site without a warning, and its navigation is the map in index.md."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(folder: Path, source: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_site_builds_without_warnings_and_holds_every_page(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    home = (tmp_path / "index.html").read_text("utf-8")
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    listed = re.findall(r"^- \[.+?\]\(([^)#]+)\.(?:md|ipynb)\)", index, re.MULTILINE)
    for page in ["overview", *listed]:
        assert (tmp_path / page / "index.html").exists(), page
        assert f'href="{page}/"' in home, page
    # What lies outside docs/ is copied, and links to it lead there.
    assert (tmp_path / "repository" / "abimpact" / "render" / "report.schema.json").exists()
    assert "repository/abimpact/render/report.schema.json" in (tmp_path / "result-json" / "index.html").read_text(
        "utf-8"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lost.md", "# A page that nobody lists\n"),
        ("index.md", "# Home\n\n[nowhere](nowhere.md)\n"),
        ("index.md", "# Home\n\n[no such place](index.md#place)\n"),
    ],
)
def test_a_lost_page_or_link_fails_the_build(tmp_path: Path, name: str, text: str) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for path in ("mkdocs.yml", "README.md", "docs/site_hooks.py"):
        (tmp_path / path).write_text((ROOT / path).read_text("utf-8") if path != "README.md" else "# Overview\n")
    (docs / "index.md").write_text("# Home\n")
    assert build(tmp_path / "sound", tmp_path).returncode == 0
    (docs / name).write_text(text)
    assert build(tmp_path / "site", tmp_path).returncode == 1
