"""Checks a bill of materials (CycloneDX): `python .ci/bill.py abimpact.cdx.json`. Exit 1 if it lacks what we need."""

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def name_of(requirement: str) -> str:
    """A package's name as indexes spell it."""
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def main(path: str) -> int:
    """Every package that abimpact needs has to be there with its version, and no path of this machine."""
    text = Path(path).read_text(encoding="utf-8")
    bill = json.loads(text)
    found = {name_of(part["name"]): part.get("version") for part in bill.get("components", ())}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wrong = [f"lacks {name}" for name in map(name_of, project["dependencies"]) if not found.get(name)]
    wrong += ["is no CycloneDX"] * (bill.get("bomFormat") != "CycloneDX") + ["names a local file"] * ("file://" in text)
    print("\n".join(f"{path}: {what}" for what in wrong) or f"{path}: {len(found)} components")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
