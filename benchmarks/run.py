#!/usr/bin/env python3
"""Times abimpact against the tools that people would use instead, as whole processes in turn (A B A B …).

    python benchmarks/run.py            # 10k, 1M and 10M units, five runs each, other tasks; writes docs/benchmarks.md
    python benchmarks/run.py --quick    # 10k units, one run, abimpact and DuckDB alone; writes nothing

Every peer has an environment of its own with pinned versions, made on the first run and compiled to bytecode, as
abimpact's is. Every peer does the tests and the sample ratio that abimpact does, without its bootstrap (9,999 resamples
of five metrics), without its proof that units are unique and without its other checks.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from jobs import OPT_IN, PEERS, ROOT, SIZES, TASKS, USERS_WITH_EVENTS, Peer, Task, script

HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "benchmarks"
QUICK = ("abimpact", "duckdb")
# Resamples of scipy: some seconds of them.
BY_ROWS = 500
TO_CSV = "import duckdb, sys; duckdb.sql(f\"COPY (FROM '{sys.argv[1]}') TO '{sys.argv[2]}' (HEADER)\")"


@dataclass(frozen=True)
class Run:
    """One finished process: seconds of wall and processor time, and peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def interpreter(peer: Peer) -> str | None:
    """The Python of a peer's environment, made if it is not there; None if that version of Python is not installed."""
    base = _python(peer.python) if peer.python else sys.executable
    if base is None:
        return None
    folder = CACHE / "-".join(p.rsplit("/", 1)[-1].replace("==", "-") for p in peer.packages)
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([base, "-m", "venv", str(folder)], check=True)
        editable = ["-e"] if peer.packages[0] == str(ROOT) else []
        subprocess.run([str(python), "-m", "pip", "install", "-q", *editable, *peer.packages], check=True)
    subprocess.run([str(python), "-m", "compileall", "-q", str(folder), str(ROOT / "abimpact")], check=False)
    return str(python)


def _python(version: str) -> str | None:
    """That version of Python, if there is one that starts."""
    found = shutil.which(f"python{version}")
    starts = found is not None and not subprocess.run([found, "--version"], capture_output=True, check=False).returncode
    return found if starts else None


def log(name: str, python: str) -> Path:
    """The log of that name, users_SIZE.parquet or .csv or events.parquet, made once."""
    path = CACHE / name
    if path.exists():
        return path
    if path.suffix == ".csv":
        command = ["-c", TO_CSV, str(log(f"{path.stem}.parquet", python)), str(path)]
    else:
        units = USERS_WITH_EVENTS if path.stem == "events" else SIZES[path.stem.removeprefix("users_")]
        command = [str(HERE / "gen_users.py"), "--units", str(units), "--seed", "7", "--out", str(path)]
        command += ["--events"] if path.stem == "events" else []
    subprocess.run([python, *command], check=True, stderr=subprocess.DEVNULL)
    return path


def timed(command: list[str]) -> Run:
    """Run a command to its end and take the operating system's account of it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(command)} failed: {process.stderr.read().decode() if process.stderr else ''}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(peers: dict[str, Peer], name: str, runs: int) -> dict[str, list[Run]]:
    """`runs` rounds of all peers in turn on the log of that name, after one round that only warms caches."""
    pythons = {key: python for key, peer in peers.items() if (python := interpreter(peer))}
    path = log(name, pythons["abimpact"])
    found: dict[str, list[Run]] = {key: [] for key in pythons}
    for turn in range(runs + (runs > 1)):
        for key, python in pythons.items():
            run = timed([python, *(str(path) if a == "FILE" else a for a in peers[key].arguments)])
            if turn or runs == 1:
                found[key].append(run)
    return found


def median(runs: list[Run], figure: str) -> float:
    """The median of one figure."""
    return statistics.median(getattr(run, figure) for run in runs)


def table(peers: dict[str, Peer], found: dict[str, list[Run]]) -> str:
    """Medians, and the wall time of each round against abimpact's in the same round."""
    lines = [
        "| process | does | wall | CPU | peak memory | abimpact's wall is |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, runs in found.items():
        ratio = statistics.median(a.wall / b.wall for a, b in zip(found["abimpact"], runs, strict=True))
        peer = peers[name]
        lines.append(
            f"| {peer.label} | {peer.does} | {median(runs, 'wall'):.2f} s | {median(runs, 'cpu'):.2f} s "
            f"| {median(runs, 'memory'):.0f} MB | {ratio:.2f} × |"
        )
    return "\n".join(lines)


def picture(measured: dict[str, dict[str, list[Run]]]) -> str:
    """Median wall times as bars, one group a size."""
    sys.path.insert(0, str(ROOT))  # abimpact need not be installed for the Python that runs this script
    from abimpact.render.picture import Box, Label, Picture, Shape, svg

    shapes: list[Shape] = []
    y = 8.0
    for size, found in measured.items():
        shapes.append(Label("ink", 10, y + 14, f"{SIZES[size]:,} units"))
        y += 22
        longest = max(median(runs, "wall") for runs in found.values())
        for name, runs in found.items():
            wall = median(runs, "wall")
            shapes += [
                Label("soft", 250, y + 13, PEERS[name].label, "end"),
                Box("ml" if name in ("abimpact", "no-bootstrap") else "rules", 260, y + 3, 250 * wall / longest, 12),
                Label("soft", 266 + 250 * wall / longest, y + 13, f"{wall:.2f} s"),
            ]
            y += 18
        y += 14
    return svg(Picture(width=580, height=y, alt="Wall times of whole processes", shapes=shapes), is_alone=True)


def section(task: Task) -> str:
    """A task's heading, words and table."""
    peers = {"abimpact": task.abimpact, "other": task.other}
    found = measure(peers, task.log, task.runs)
    rounds = "" if task.runs > 1 else " One round."
    return f"## {task.title}\n\n{task.says}{rounds}\n\n{table(peers, found)}"


def resampled() -> str:
    """One metric resampled by abimpact and by scipy in one process."""
    python = interpreter(PEERS["abimpact"])
    assert python is not None
    path = log("users_1M.parquet", python)
    command = [python, script("bootstrap_alone.py"), str(path), str(BY_ROWS)]
    said = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return f"## The bootstrap alone\n\nRevenue of 1,000,000 units, one process. {said.stdout.strip()}"


def page(tables: dict[str, str], sections: list[str], runs: int) -> str:
    """The text of docs/benchmarks.md."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}, Python {platform.python_version()})"
    parts = [
        "# Benchmarks",
        "",
        f"Made by `python benchmarks/run.py`: medians of {runs} rounds in which the processes take turns, imports",
        f"included, bytecode compiled, on {machine}. The last column is the median over rounds",
        "of abimpact's wall time over the peer's: below 1, abimpact is faster.",
        "",
        "All do the same tests (a proportion, two means, a ratio, a mean adjusted by a covariate) and the sample",
        "ratio. abimpact also resamples all of them 9,999 times (unless it says otherwise), proves that every unit",
        "has one row, tells the effect by day, and runs its other checks. spotify-confidence has no ratio of sums",
        "and is given three metrics. What does not use all cores is at a disadvantage in wall time, not in CPU time.",
        "",
        "![Wall times](benchmarks.svg)",
    ]
    for size, text in tables.items():
        parts += ["", f"## {SIZES[size]:,} units", "", text]
    for text in sections:
        parts += ["", text]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Parse the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke test: 10k units, one round, nothing written")
    parser.add_argument("--sizes", nargs="+", default=["10k", "1M", "10M"], choices=list(SIZES))
    parser.add_argument("--tasks", nargs="*", default=[t for t in TASKS if t not in OPT_IN], choices=list(TASKS))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    if options.quick:
        quick = {name: PEERS[name] for name in QUICK}
        print(table(quick, measure(quick, "users_10k.parquet", 1)))
        return
    measured = {size: measure(PEERS, f"users_{size}.parquet", options.runs) for size in options.sizes}
    tables = {size: table(PEERS, found) for size, found in measured.items()}
    for text in tables.values():
        print(text, flush=True)
    sections = [*(section(TASKS[name]) for name in options.tasks), resampled()]
    (ROOT / "docs" / "benchmarks.svg").write_text(picture(measured) + "\n", encoding="utf-8")
    text = page(tables, sections, options.runs)
    (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
