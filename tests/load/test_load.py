"""Much of one thing, and many runs: the numbers are those of small runs, and nothing piles up."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import abimpact
from tests.load import big

ASKED: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "resamples": 199}
# Far beyond what is measured (docs/load.md): this guards against what would never end.
HANG = 300
# What a run of its own may leave in the allocators of Python, numpy and the engine.
GROWTH = 48 << 20


def run(folder: Path, load: big.Load, *more: str) -> dict[str, Any]:
    """The result of the command, in a process of its own."""
    command = [sys.executable, "-m", "abimpact", "report", *load.sources, *big.WHO, *load.options, "--no-progress"]
    subprocess.run(
        [*command, "-q", "-o", "result.json", *more], cwd=folder, check=True, timeout=HANG, stdout=subprocess.DEVNULL
    )
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


def numbers(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "provenance"}


def sizes(full: int) -> Any:
    """A tenth of a load by default, all of it in the slow run."""
    return pytest.mark.parametrize("count", [max(full // 10, 12), pytest.param(full, marks=pytest.mark.slow)])


@sizes(1_000)
def test_a_metric_among_many_has_the_numbers_it_has_alone(count: int, tmp_path: Path) -> None:
    load = big.metrics(tmp_path, count, n=4_000)
    found = run(tmp_path, load, "--resamples", "99", "-o", "report.html", "-o", "report.md")
    assert len(found["metrics"]) == count
    last = found["metrics"][-1]
    alone = run(tmp_path, big.Load(load.sources, ("-m", load.options[-1])), "--resamples", "99")["metrics"][0]
    for metric in (last, alone):
        for estimate in metric["estimates"]:
            estimate.pop("pvalue_adjusted")
            estimate["notes"], estimate["histogram"] = [], None
    assert last["estimates"] == alone["estimates"]
    # GitHub shows no comment beyond this.
    assert len((tmp_path / "report.md").read_text(encoding="utf-8")) < 65_536
    assert (tmp_path / "report.html").stat().st_size < 4 << 20


@pytest.mark.slow
@sizes(500)
def test_many_segments(count: int, tmp_path: Path) -> None:
    found = run(tmp_path, big.segments(tmp_path, count, n=200 * count), "--resamples", "0")
    segments = found["metrics"][0]["segments"]
    named = [s for s in segments if s["value"] != "(other)"]
    assert len(named) == min(count, 50)
    # The others are there together: no unit is lost.
    for variant, units in found["experiment"]["units"].items():
        assert sum(s["units"][variant] for s in segments) == units


@pytest.mark.parametrize("make", [big.files, pytest.param(big.csv_files, marks=pytest.mark.slow)])
@sizes(1_000)
def test_many_files_have_the_numbers_of_one(make: Callable[..., big.Load], count: int, tmp_path: Path) -> None:
    load = make(tmp_path, count)
    found = run(tmp_path, load, "--resamples", "0")
    assert len(found["provenance"]["sources"]) == count
    big.units(100_000).to_parquet(tmp_path / "one.parquet")
    assert numbers(run(tmp_path, big.Load(("one.parquet",), load.options), "--resamples", "0")) == numbers(found)


@pytest.mark.slow
def test_many_variants(tmp_path: Path) -> None:
    found = run(tmp_path, big.variants(tmp_path), "-o", "report.md")
    assert len(found["verdicts"]) == 49
    assert len(found["metrics"]) == 98
    assert len((tmp_path / "report.md").read_text(encoding="utf-8")) < 65_536


@pytest.mark.slow
@pytest.mark.parametrize("make", [pytest.param(big.columns, id="parquet"), pytest.param(big.csv_columns, id="csv")])
@sizes(10_000)
def test_columns_that_nobody_asks_for(make: Callable[..., big.Load], count: int, tmp_path: Path) -> None:
    found = run(tmp_path, make(tmp_path, count), "--resamples", "0")
    assert [m["name"] for m in found["metrics"]] == ["value", "bought", "c17"]


IN_A_ROW = """
import gc, json, os, sys, threading
import abimpact
repeats, asked = int(sys.argv[1]), json.loads(sys.argv[2])
def state():
    gc.collect()
    pages = int(open("/proc/self/statm").read().split()[1])
    return [pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), threading.active_count()]
first = None
for i in range(repeats):
    report = abimpact.analyze("log.parquet", metrics=["value", "bought/value"], segments=["bought"], **asked)
    text = report.to_json()[: report.to_json().index('"provenance"')]
    first = first or text
    assert text == first
    if i == repeats // 5:
        warm = state()
print(json.dumps([warm, state()]))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("repeats", [pytest.param(15, id="few"), pytest.param(500, marks=pytest.mark.slow)])
def test_reports_in_a_row_leave_nothing(repeats: int, tmp_path: Path) -> None:
    big.units(2_000).to_parquet(tmp_path / "log.parquet")
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", IN_A_ROW, str(repeats), json.dumps(ASKED)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=2 * HANG,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
    )
    assert done.returncode == 0, done.stderr
    warm, end = json.loads(done.stdout)
    assert end[0] - warm[0] < GROWTH
    assert end[1:] == warm[1:]
    assert list((tmp_path / "tmp").iterdir()) == []


def _asked(i: int) -> dict[str, Any]:
    return {**ASKED, "metrics": [("value", "bought", "bought/value", "value:p90")[i % 4]], "seed": i // 4}


@pytest.mark.parametrize("at_once", [4, pytest.param(16, marks=pytest.mark.slow)])
def test_threads_have_the_numbers_they_have_alone(at_once: int, tmp_path: Path) -> None:
    log = big.units(4_000)
    log.to_parquet(tmp_path / "log.parquet")
    path = str(tmp_path / "log.parquet")
    alone = [numbers(abimpact.analyze(path, **_asked(i)).to_dict()) for i in range(at_once)]
    before = threading.active_count()

    def analyse(i: int) -> dict[str, Any]:
        report = abimpact.analyze(path if i % 2 else log, **_asked(i))
        # All of them write one file: whole or not at all.
        report.write(tmp_path / "result.json")
        return numbers(report.to_dict())

    with ThreadPoolExecutor(at_once) as pool:
        together = list(pool.map(analyse, range(at_once)))
    assert together == alone
    assert numbers(json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))) in alone
    assert threading.active_count() <= before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.parquet", "result.json"]


@pytest.mark.slow
def test_processes_have_the_numbers_they_have_alone(tmp_path: Path) -> None:
    pd.DataFrame(big.units(4_000)).to_parquet(tmp_path / "log.parquet")
    command = [
        sys.executable,
        "-m",
        "abimpact",
        "report",
        "log.parquet",
        *big.WHO,
        "-m",
        "value",
        "--no-progress",
        "-q",
    ]
    command += ["-o", "result.json", "-o", "report.html", "--plots", "plots"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, timeout=HANG)
    alone = numbers(json.loads((tmp_path / "result.json").read_text(encoding="utf-8")))
    names = sorted(p.name for p in tmp_path.rglob("*"))
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(16)]
    assert [one.wait(timeout=2 * HANG) for one in running] == [0] * 16
    assert numbers(json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))) == alone
    assert sorted(p.name for p in tmp_path.rglob("*")) == names
