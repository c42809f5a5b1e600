"""What README and docs show is what the program prints; `--update-golden` rewrites the blocks."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# Pages that size a test by a limit of a bootstrap, which may move by one resample with the last digit of a sum.
RESAMPLED = ("backtest.md", "why.md")


@dataclass(frozen=True)
class Example:
    """A command or script, and where in its page the output that it should have begins and ends."""

    page: Path
    line: int
    arguments: list[str]
    start: int
    end: int


def examples(page: Path) -> list[Example]:
    """`console` blocks that run abimpact, and `python` blocks with the `text` block right behind them, if any."""
    text = page.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    found = []
    for block, after in pairwise([*blocks, None]):
        assert block is not None
        language, body = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if language == "console" and body.startswith("$ abimpact "):
            command = body.split("\n", 1)[0]
            start = block.start(2) + len(command) + 1
            found.append(Example(page, line, ["sh", "-c", command.removeprefix("$ ")], start, block.end(2)))
        if language == "python":
            is_next = after is not None and after[1] == "text" and not text[block.end() : after.start()].strip()
            shown = after if is_next else None
            start, end = (shown.start(2), shown.end(2)) if shown else (block.end(), block.end())
            found.append(Example(page, line, [sys.executable, "-c", body], start, end))
    return found


def printed(arguments: list[str], folder: Path) -> str:
    """What a command prints on both streams, in `folder` and with this environment's programs."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE)


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_print_what_the_page_shows(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if page.name in RESAMPLED and tuple(map(int, np.__version__.split(".")[:2])) >= (2, 5):
        pytest.skip("from numpy 2.5 on a limit of its bootstrap is another resample")
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    text = page.read_text(encoding="utf-8")
    # From the last to the first, so that an updated block does not move those still to come.
    for example in reversed(examples(page)):
        output = printed(example.arguments, tmp_path)
        if request.config.getoption("--update-golden"):
            text = text[: example.start] + output + text[example.end :]
            page.write_text(text, encoding="utf-8")
        else:
            assert output == text[example.start : example.end], f"{page.name}, line {example.line}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in HEADING.findall(text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_on_the_map() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    assert [p for p in PAGES[1:] if p != index and p.resolve() not in listed] == []


def test_no_page_is_on_the_map_twice() -> None:
    listed = re.findall(r"^- \[.+\]\((.+?)\)", (ROOT / "docs" / "index.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(set(listed)) == sorted(listed)
