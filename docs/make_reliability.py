"""Run every fault of tests/faults and write the table of docs/reliability.md from what happened."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE / "reliability.md"
START, END = "<!-- faults: made by docs/make_reliability.py -->", "<!-- end -->"


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a fault, in the order in which they were run."""
    lines = ["| injected | times | what happens | as said |", "| --- | ---: | --- | ---: |"]
    for name, row in rows.items():
        what, then = row["fault"]
        tried = row["times"] - row["skipped"]
        share = f"{row['passed']} of {tried}" if tried else "not tried here"
        lines.append(f"| {_cell(what)} <!-- {name} --> | {tried} | {_cell(then)} | {share} |")
    return "\n".join(lines)


def with_table(page: str, made: str) -> str:
    """The page with that table between its marks."""
    before, _, rest = page.partition(START)
    return f"{before}{START}\n\n{made}\n\n{END}{rest.partition(END)[2]}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def rows_of(*arguments: str) -> dict[str, Any]:
    """What pytest saw, by the name of the test."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "pytest", "-m", "", str(HERE.parent / "tests" / "faults"), *arguments]
        subprocess.run(command, env={**os.environ, "ABIMPACT_FAULTS": str(found)}, check=False, cwd=HERE.parent)
        told: dict[str, Any] = json.loads(found.read_text())
    return dict(sorted(told.items(), key=lambda item: item[1]["place"]))


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), table(rows_of(*sys.argv[1:]))), encoding="utf-8")
