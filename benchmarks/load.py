"""Measures what docs/load.md tells: logs that are large in one way, and many reports in one process.

    python benchmarks/load.py [--quick] [NAME ...]

prints a Markdown table; --quick takes a tenth of each load, as a smoke test.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.load.big import LOADS, WHO, Load  # noqa: E402

# Files of a run that people would ask for.
OUTPUTS = ("report.html", "report.md", "result.json")
MB = 1 << 20
MAKE = """
import json, sys
from pathlib import Path
from tests.load.big import LOADS
name, count, folder = sys.argv[1:]
made = LOADS[name][0](Path(folder), int(count))
print(json.dumps([made.sources, made.options]))
"""
HEADERS = (
    "load",
    "seconds",
    "of processors",
    "memory, MB",
    "HTML, MB",
    "Markdown, MB",
    "JSON, MB",
    "lines in terminal",
)


def made(name: str, count: int, folder: Path) -> Load:
    """The log, written by a process of its own: what it takes is not measured."""
    command = [sys.executable, "-c", MAKE, name, str(count), str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    sources, options = json.loads(run.stdout)
    return Load(tuple(sources), tuple(options))


def measured(folder: Path, load: Load) -> dict[str, float]:
    """Seconds (and of processors), peak memory and sizes of the outputs of one run, outputs included."""
    command = [sys.executable, "-m", "abimpact", "report", *load.sources, *WHO, *load.options, "--no-progress"]
    with (folder / "stdout").open("wb") as out:
        start = time.monotonic()
        run = subprocess.Popen([*command, *(x for name in OUTPUTS for x in ("-o", name))], cwd=folder, stdout=out)
        _, status, used = os.wait4(run.pid, 0)
        wall = time.monotonic() - start
    if status:
        raise SystemExit(f"exit status {status}")
    return {
        "seconds": wall,
        "busy": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
        **{name: (folder / name).stat().st_size / MB for name in OUTPUTS},
        "lines": (folder / "stdout").read_bytes().count(b"\n"),
    }


def main(arguments: list[str]) -> None:
    """Measure the loads that are named (all)."""
    is_quick = "--quick" in arguments
    print(
        "| load | seconds | of processors | memory, MB | HTML, MB | Markdown, MB | JSON, MB | lines in the terminal |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in [name for name in arguments if name != "--quick"] or list(LOADS):
        count = max(LOADS[name][1] // 10, 2) if is_quick else LOADS[name][1]
        with tempfile.TemporaryDirectory() as folder:
            found = measured(Path(folder), made(name, count, Path(folder)))
        cells = [*(f"{found[key]:.1f}" for key in ("seconds", "busy")), f"{found['memory']:.0f}"]
        cells += [f"{found[output]:.2f}" for output in OUTPUTS]
        print(f"| {count:,} {name} | {' | '.join(cells)} | {found['lines']:.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
