"""The same inputs and seed give the same bytes, less `created`: whatever the threads, rows, files, place or Python.

What legitimately differs is listed here: with other files, the list of files (`config.sources`, `sources`); with other
commands, the command; with another Python, its version. Where the first or last row of a unit is asked for and no time
tells which that is, the order of rows has a meaning; here it is told by `at`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

UNITS = 6_000

KINDS = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
time = "day"
split = "1:1:1"
[data.decisions]
incumbent = "old"
proposed = "new"
[[metric]]
name = "spent"
role = "primary"
covariates = ["before"]
[[metric]]
name = "capped"
value = "spent"
cap_quantile = 0.99
[[metric]]
name = "filled"
value = "sometimes"
missing = "zero"
[[metric]]
name = "known"
value = "sometimes * 1.1 + spent / 3"
[[metric]]
name = "bought"
role = "primary"
[[metric]]
name = "per visit"
kind = "ratio"
numerator = "spent"
denominator = "visits"
covariates = ["before"]
[[metric]]
name = "slowest"
kind = "quantile"
value = "ms"
quantile = 0.9
better = "lower"
role = "guardrail"
margin = "5%"
[[metric]]
name = "visits"
role = "guardrail"
margin = "2%"
[[limit]]
name = "reviews"
value = "visits"
at_most = 300
[analysis]
segments = ["country", "kind"]
resamples = 499
[value]
metric = "spent"
currency = "EUR"
units_per_year = 100000
build_cost = 10
run_cost_per_year = 5
prior_lift_sd = "2%"
"""
STRATA = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
proposed = "ml"
[[metric]]
name = "spent"
role = "primary"
[[metric]]
name = "bought"
[analysis]
strata = ["country"]
resamples = 199
"""
PHASES = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
proposed = "ml"
time = "day"
planned_end = 2026-04-30
[[data.split_schedule]]
from = 2026-03-01
split = "50:50"
[[data.split_schedule]]
from = 2026-03-15
split = "1:1"
[[metric]]
name = "spent"
role = "primary"
[analysis]
sequential = "always-valid"
resamples = 0
"""
CLUSTERS = """
[data]
unit = "unit"
variant = "shop_variant"
incumbent = "rules"
cluster = "shop"
[[metric]]
name = "spent"
role = "primary"
[[metric]]
name = "per visit"
kind = "ratio"
numerator = "spent"
denominator = "visits"
[[metric]]
name = "median"
kind = "quantile"
value = "ms"
quantile = 0.5
[analysis]
segments = ["country"]
"""
SEVERAL = """
[data]
unit = "customer"
variant = "customer_variant"
incumbent = "rules"
time = "day"
[data.units]
several_rows = "RULE"
[[metric]]
name = "spent"
role = "primary"
covariates = ["before"]
"""
EVENTS = """
[data]
unit = "customer"
variant = "customer_variant"
incumbent = "rules"
time = "at"
timezone = "Europe/Berlin"
as_of = 2026-05-01
[data.events]
name = "event"
value = "spent"
window_days = 14
[[metric]]
name = "orders"
value = "count of order"
role = "primary"
[[metric]]
name = "revenue"
value = "sum of value where event = 'order'"
[[metric]]
name = "ordered"
value = "any order"
"""
SUMMED = SEVERAL.replace("RULE", "sum").replace('time = "day"\n', "")
CASES = {
    "kinds": KINDS,
    "strata": STRATA,
    "phases": PHASES,
    "clusters": CLUSTERS,
    "mean of rows": SEVERAL.replace("RULE", "mean"),
    "first row": SEVERAL.replace("RULE", "first").replace('"day"', '"at"'),
    "last row": SEVERAL.replace("RULE", "last").replace('"day"', '"at"'),
    "sum of rows": SUMMED,
    "events": EVENTS,
}
# Other orders, files and settings, each held against one Parquet file read by two threads.
CHANGES = (
    "1 thread",
    "8 threads",
    "rows in another order",
    "three files",
    "forty files",
    "small row groups",
    "CSV",
    "CSV in four files",
    "JSON lines",
)
EVERYWHERE = {
    "hash seed": {"PYTHONHASHSEED": "4242"},
    "time zone": {"TZ": "Pacific/Auckland"},
    "locale": {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
    "plain locale": {"LC_ALL": "C", "PYTHONUTF8": "0"},
    "little memory": {},
}


def log() -> pd.DataFrame:
    """Heavy tails with every digit, so that sums depend on the order in which they are added."""
    rng = np.random.default_rng(7)
    n = UNITS
    before = rng.lognormal(2, 1.5, n)
    days = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 28, n), unit="D")
    customer, shop = rng.integers(0, n // 3, n), rng.integers(0, 60, n)
    names = np.array(["rules", "ml", "nn"])
    return pd.DataFrame(
        {
            "unit": np.arange(n),
            "variant": rng.permutation(names[np.arange(n) % 3]),
            "day": days,
            "at": days + pd.to_timedelta(rng.integers(0, 86_400, n), unit="s"),
            "country": rng.choice(np.array(["DE", "FR", "NL", "é", None], dtype=object), n),
            "kind": rng.choice(["a", "b"], n),
            "before": before,
            "spent": before * rng.lognormal(0, 1, n) * (rng.random(n) < 0.7),
            "sometimes": np.where(rng.random(n) < 0.3, np.nan, rng.normal(0, 1e6, n)),
            "bought": (rng.random(n) < 0.3).astype(int),
            "visits": rng.poisson(3, n) + 1,
            "ms": rng.gamma(2, 90, n),
            "old": (rng.random(n) < 0.3).astype(int),
            "new": (rng.random(n) < 0.3).astype(int),
            "customer": customer,
            "customer_variant": names[customer % 2],
            "shop": shop,
            "shop_variant": names[shop % 2],
            "event": rng.choice(["visit", "order"], n),
        }
    )


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return log()


def write(data: pd.DataFrame, folder: Path, change: str) -> list[str]:
    """The log in the files that `change` asks for; their names."""
    parts, written = [data], "parquet"
    match change:
        case "rows in another order":
            parts = [data.sample(frac=1.0, random_state=3)]
        case "three files":
            parts = [data[:10], data[10:4_000], data[4_000:]]
        case "forty files":
            parts = [data[i::40] for i in range(40)]
        case "CSV":
            written = "csv"
        case "CSV in four files":
            parts, written = [data[i::4] for i in range(4)], "csv"
        case "JSON lines":
            written = "jsonl"
    names = [f"part{i:02}.{written}" for i in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        if written == "csv":
            part.to_csv(folder / name, index=False)
        elif written == "jsonl":
            lines = part.assign(day=part["day"].dt.strftime("%Y-%m-%d"), at=part["at"].dt.strftime("%Y-%m-%d %H:%M:%S"))
            rows = lines.astype(object).where(lines.notna(), None).to_dict(orient="records")
            (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        else:
            groups = 500 if change == "small row groups" else None
            pq.write_table(pa.Table.from_pandas(part, preserve_index=False), folder / name, row_group_size=groups)
    return names


def report(
    folder: Path,
    sources: Sequence[str],
    *options: str,
    env: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> dict[str, Any]:
    """The result of a run in a process of its own."""
    run = subprocess.run(
        [python, "-m", "abimpact", "report", *sources, "-f", "json", "--no-progress", *options],
        cwd=folder,
        env={**os.environ, **(env or {})},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    found: dict[str, Any] = json.loads(run.stdout.decode("utf-8", errors="replace"))
    return found


def same_bytes(found: dict[str, Any], *, other_files: bool = False, other_python: bool = False) -> str:
    """The JSON's text without what may differ."""
    made = found["provenance"]
    for key in ("created", "command", *(["sources"] if other_files else []), *(["python"] if other_python else [])):
        made.pop(key)
    if other_files:
        made["config"].pop("sources")
    return json.dumps(found, indent=1, ensure_ascii=False)


def prepared(folder: Path, data: pd.DataFrame, case: str, change: str = "") -> list[str]:
    folder.mkdir()
    (folder / "abimpact.toml").write_text(CASES[case], encoding="utf-8")
    return write(data, folder, change)


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    """Results that are made once each, by case."""
    return {}


def of_case(
    case: str, data: pd.DataFrame, known: dict[str, dict[str, Any]], factory: pytest.TempPathFactory
) -> dict[str, Any]:
    if case not in known:
        folder = factory.mktemp(case) / "one"
        known[case] = report(folder, prepared(folder, data, case), "--threads", "2")
    found: dict[str, Any] = json.loads(json.dumps(known[case]))
    return found


def _quick(case: str, change: str) -> bool:
    return (case, change) in {("kinds", "forty files")}


@pytest.mark.parametrize(
    ("case", "change"),
    [
        pytest.param(case, change, marks=() if _quick(case, change) else pytest.mark.slow)
        for case in CASES
        for change in CHANGES
    ],
)
def test_order_files_and_threads_change_no_byte(
    case: str,
    change: str,
    data: pd.DataFrame,
    expected: dict[str, dict[str, Any]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    one = of_case(case, data, expected, tmp_path_factory)
    folder = tmp_path / "other"
    threads = {"1 thread": "1", "8 threads": "8"}.get(change, "2")
    other = report(folder, prepared(folder, data, case, change), "--threads", threads)
    assert same_bytes(other, other_files=True) == same_bytes(one, other_files=True)


@pytest.mark.parametrize("case", [pytest.param("kinds", marks=pytest.mark.slow), "events"])
def test_surroundings_change_no_byte(
    case: str,
    data: pd.DataFrame,
    expected: dict[str, dict[str, Any]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    one = same_bytes(of_case(case, data, expected, tmp_path_factory))
    folder = tmp_path / "one"
    sources = prepared(folder, data, case)
    env = {name: value for changed in EVERYWHERE.values() for name, value in changed.items()}
    settings = {"all of them": env} if case == "events" else EVERYWHERE
    for name, changed in settings.items():
        more = ("--memory-limit", "500MB") if name in ("little memory", "all of them") else ()
        assert same_bytes(report(folder, sources, *more, env=changed)) == one, name


@pytest.mark.slow
def test_the_folder_changes_only_paths(
    data: pd.DataFrame,
    expected: dict[str, dict[str, Any]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    one = of_case("kinds", data, expected, tmp_path_factory)
    folder = tmp_path / "one"
    (name,) = prepared(folder, data, "kinds")
    other = report(tmp_path, [str(folder / name)])
    assert other["provenance"].pop("config")["config"] == str(folder / "abimpact.toml")
    one["provenance"].pop("config")
    assert other["provenance"]["sources"][0].pop("path") == str(folder / name)
    one["provenance"]["sources"][0].pop("path")
    assert same_bytes(other) == same_bytes(one)


def pythons() -> list[str]:
    """The interpreters that run abimpact: those of ABIMPACT_PYTHONS, as CI sets it, and those that are found."""
    named = [path for path in os.environ.get("ABIMPACT_PYTHONS", "").split(os.pathsep) if path]
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13, 14)]
    return [*named, *filter(None, found)]


VERSIONS = "import json, sys, duckdb, numpy, scipy; print(json.dumps([sys.version_info[:2], duckdb.__version__, "
VERSIONS += "numpy.__version__, scipy.__version__]))"


def same_libraries(python: str) -> tuple[int, int] | None:
    """The version of an interpreter that has abimpact, with the libraries of this one; else None."""
    told = []
    for path in (sys.executable, python):
        run = subprocess.run([path, "-c", f"import abimpact.cli.main; {VERSIONS}"], capture_output=True, check=False)
        if run.returncode:
            return None
        told.append(json.loads(run.stdout))
    return (told[1][0][0], told[1][0][1]) if told[0][1:] == told[1][1:] else None


@pytest.mark.slow
def test_every_python_writes_the_same_bytes(
    data: pd.DataFrame,
    expected: dict[str, dict[str, Any]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    others = {
        version: path for path in pythons() if (version := same_libraries(path)) and version != sys.version_info[:2]
    }
    if not others:
        pytest.skip(
            "no other Python has abimpact with the same libraries; .ci/run names those it makes in ABIMPACT_PYTHONS"
        )
    for case in CASES:
        one = same_bytes(of_case(case, data, expected, tmp_path_factory), other_python=True)
        folder = tmp_path / case
        folder.mkdir()
        sources = prepared(folder / "one", data, case)
        for version, path in others.items():
            found = report(folder / "one", sources, python=path)
            assert found["provenance"]["python"].startswith(".".join(map(str, version)))
            assert same_bytes(found, other_python=True) == one, (case, version)
