"""Asks whether any locked package has a known vulnerability: `python .ci/audit.py requirements/dev.lock`.

Exit 1: a package has one, or is unknown to a service that knows the others, so that nobody can tell. A service that
cannot be reached, or knows none of the packages (as in networks that only have a mirror of the index), is no answer:
that is said loudly, and does not fail the run.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SERVICES = ("pypi", "osv")
PATIENCE = 300


def asked(service: str, lock: str) -> list[dict[str, Any]] | None:
    """What a service says of each package; None where it does not answer."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, "-m", "pip_audit", "-r", lock, "--disable-pip", "--no-deps", "-s", service]
        try:
            run = subprocess.run(
                [*command, "-f", "json", "-o", str(out), "--progress-spinner", "off"],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"{service}: no answer in {PATIENCE} seconds")
            return None
        if not out.exists() or not out.read_text(encoding="utf-8").strip():
            print(f"{service}: no answer: {(run.stderr.strip().splitlines() or ['nothing was said'])[-1][:300]}")
            return None
        found: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))["dependencies"]
    if not any("skip_reason" not in package for package in found):
        print(f"{service}: knows none of {len(found)} packages, so it is no audit")
        return None
    return found


def judged(service: str, found: list[dict[str, Any]]) -> int:
    """Print what was found; the exit code."""
    bad = [(p, v) for p in found for v in p.get("vulns", ())]
    skipped = [p for p in found if "skip_reason" in p]
    for package, vulnerability in bad:
        fixed = ", ".join(vulnerability["fix_versions"]) or "none yet"
        print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    for package in skipped:
        print(f"{package['name']} could not be audited: {package['skip_reason']}")
    print(f"{service}: {len(found)} packages, {len(bad)} vulnerabilities, {len(skipped)} not audited")
    return 1 if bad or skipped else 0


def main(lock: str) -> int:
    """Ask one service after the other, until one answers."""
    for service in SERVICES:
        found = asked(service, lock)
        if found is not None:
            return judged(service, found)
    print("!! " * 20)
    print("!! NOT AUDITED: no service of vulnerabilities answers from here. Run this step where one does: a release")
    print("!! needs it (CONTRIBUTING.md).")
    print("!! " * 20)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
