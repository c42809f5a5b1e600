"""Two runs held against each other: what changed, and whether chance explains it."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy import stats

from abimpact import analyze, compare
from abimpact.cli.main import main
from tests.logs import frame
from tests.portfolio.build import run, sample

SCHEMA = json.loads(files("abimpact.portfolio").joinpath("compare.schema.json").read_text())
ASKED: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "time": "day", "resamples": 0}


def told(old: Any, new: Any) -> dict[str, Any]:
    found = compare(old, new).to_dict()
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def test_the_same_run_twice_changes_nothing() -> None:
    found = told(sample(), sample())
    assert found["headline"] == "Nothing changed: the same data, config, numbers and verdict (SHIP)."
    assert found["verdict"] == {"changed": False, "old": "ship/pays", "new": "ship/pays"}
    assert found["data"]["relation"] == "same"
    assert {m["status"] for m in found["metrics"]} == {"unchanged"}
    assert found["config"] == found["software"] == found["checks"] == []


def test_another_level_is_no_chance() -> None:
    new = analyze(Path("sample_data") / "checkouts.parquet", resamples=0, level=0.9).to_dict()
    found = told(sample(), new)
    assert [(c["key"], c["old"], c["new"]) for c in found["config"]] == [("level", 0.95, 0.9)]
    assert {m["status"] for m in found["metrics"]} == {"recomputed"}
    assert {m["outside_chance"] for m in found["metrics"]} == {None}
    assert "its interval went from" in found["headline"]


def test_separate_runs_add_their_errors() -> None:
    old, new = run(1, 0.02, 0.01), run(2, 0.06, 0.02)
    old["experiment"] |= {"start": "2026-01-01", "end": "2026-01-31"}
    new["experiment"] |= {"start": "2026-02-01", "end": "2026-02-28"}
    found = told(old, new)
    (m,) = found["metrics"]
    assert found["data"]["relation"] == "separate"
    assert (m["scale"], m["change"]) == ("relative", pytest.approx(0.04))
    assert m["spread"]["least"] == m["spread"]["most"] == pytest.approx(np.hypot(0.01, 0.02), rel=1e-9)
    assert (m["status"], m["outside_chance"]) == ("within_chance", False)
    far = run(2, 0.07, 0.02)
    far["experiment"] |= {"start": "2026-02-01", "end": "2026-02-28"}
    assert told(old, far)["metrics"][0]["outside_chance"] is True


def test_what_cannot_be_told_is_not() -> None:
    """Files and days that say nothing: between nested (0) and separate (0.014), a change of 0.02 may be either."""
    old, new = run(1, 0.02, 0.01), run(2, 0.04, 0.01)
    for r in (old, new):
        r["experiment"] |= {"start": None, "end": None}
    found = told(old, new)
    assert found["data"]["relation"] == "unknown"
    (m,) = found["metrics"]
    assert (m["status"], m["outside_chance"]) == ("unclear", None)
    assert m["spread"]["least"] == 0.0
    near = run(3, 0.06, 0.01)
    near["experiment"] |= {"start": None, "end": None}
    assert told(old, near)["metrics"][0]["status"] == "beyond_chance"


def test_a_log_that_grew_moves_by_what_the_new_units_bring() -> None:
    """The spread of the change of nested data, against a simulation: with n of N units it is se_N sqrt(N / n - 1)."""
    half, full = 500, 1_000
    rng = np.random.default_rng(1)
    x, y = rng.normal(10, 3, (2, 4_000, full))
    moved = (y.mean(1) / x.mean(1)) - (y[:, :half].mean(1) / x[:, :half].mean(1))
    log = frame(2 * full)
    log["value"] = rng.normal(10, 3, len(log))
    early = log[log.groupby("variant").cumcount() < half]
    runs = [analyze(part, metrics=["value"], **ASKED).to_dict() for part in (early, log)]
    for r, digest in zip(runs, "ab", strict=True):
        r["provenance"]["sources"] = [{"path": "log.parquet", "bytes": 1, "rows": 1, "sha256": digest * 64}]
    found = told(*runs)
    assert found["data"]["relation"] == "grown"
    (m,) = found["metrics"]
    # 4,000 simulated changes know their spread to 1.1 %, one log knows its variance to 2 %: three sigma.
    assert m["spread"]["least"] == pytest.approx(moved.std(), rel=0.07)


@pytest.mark.slow
def test_chance_is_called_chance_as_often_as_it_says() -> None:
    """A/A logs that grow by half: 5 % of changes lie outside (800 runs: a standard error of 0.8 points)."""
    rng = np.random.default_rng(7)
    outside = 0
    runs = 800
    for i in range(runs):
        x, y = rng.normal(10, 3, (2, 600))
        told_runs = []
        for n in (400, 600):
            d, v = y[:n].mean() - x[:n].mean(), x[:n].var(ddof=1) / n + y[:n].var(ddof=1) / n
            r = run(i, d / x[:n].mean(), 1.0)
            metric = r["metrics"][0]
            for arm, values in (("incumbent", x[:n]), ("proposed", y[:n])):
                metric[arm] |= {"units": n, "value": float(values.mean())}
            metric["estimates"][0]["se"] = float(np.sqrt(v))
            r["experiment"] |= {"units": {"rules": n, "ml": n}, "start": "2026-01-01", "end": f"2026-01-{n // 30:02}"}
            r["provenance"]["sources"][0]["sha256"] = f"{n:064}"
            told_runs.append(r)
        outside += compare(*told_runs).values.metrics[0].outside_chance is True
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, 0.05)
    assert low <= outside <= high


def test_everything_that_changed_is_listed(tmp_path: Path) -> None:
    log = frame(3_000)
    log["profit"] = log["value"]
    log.to_parquet(tmp_path / "log.parquet")
    old = analyze(tmp_path / "log.parquet", metrics=["value", "converted", "spend=value*2"], split="50:50", **ASKED)
    log.loc[log["variant"] == "ml", "value"] += 3
    bigger = log[(log["variant"] == "ml") | (log["unit"] % 5 > 0)]
    bigger.to_parquet(tmp_path / "log.parquet")
    new = analyze(tmp_path / "log.parquet", metrics=["value", "sessions", "spend=value*3"], split="50:50", **ASKED)
    found = told(old, new)
    assert found["verdict"]["changed"]
    assert found["verdict"]["new"].startswith("invalid/")
    assert [(s["change"], s["old"]["rows"] > s["new"]["rows"]) for s in found["data"]["sources"]] == [("changed", True)]
    assert found["data"]["units"]["rules"]["old"] > found["data"]["units"]["rules"]["new"]
    assert ("sample_ratio", "pass", "block") in [(c["code"], c["old"], c["new"]) for c in found["checks"]]
    status = {m["name"]: m["status"] for m in found["metrics"]}
    assert status == {
        "value": "beyond_chance",
        "sessions": "added",
        "spend": "redefined",
        "converted": "removed",
    }
    assert {c["key"] for c in found["config"]} >= {"metrics.sessions.spec", "metrics.converted.spec"}


@pytest.mark.parametrize(
    ("filters", "relation"),
    [
        (("date < '2026-03-16'", None), "grown"),
        ((None, "date < '2026-03-16'"), "shrunk"),
        (("date < '2026-03-16'", "date > '2026-03-04'"), "unknown"),
        (("date < '2026-03-16'", "date <= '2026-03-15'"), "same"),
    ],
)
def test_the_same_file_under_other_filters(filters: tuple[str | None, str | None], relation: str) -> None:
    path = Path("sample_data") / "checkouts.parquet"
    old, new = (analyze(path, where=where, resamples=0).to_dict() for where in filters)
    assert told(old, new)["data"]["relation"] == relation


def test_without_a_bounded_lift_differences_are_compared() -> None:
    old, new = run(1, 0.02, 0.01), run(1, 0.03, 0.01)
    new["metrics"][0]["estimates"][0]["relative"] |= {"kind": "whole", "low": None, "high": None}
    (m,) = told(old, new)["metrics"]
    assert (m["scale"], m["change"]) == ("absolute", pytest.approx(0.1))


def test_money_is_compared() -> None:
    old, new = run(1, 0.02, 0.01, currency="EUR"), run(1, 0.03, 0.01, currency="EUR")
    (value,) = told(old, new)["values"]
    assert (value["npv"]["old"]["estimate"], value["npv"]["new"]["estimate"]) == (pytest.approx(5), pytest.approx(25))


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, run_ in (("old", sample()), ("new", sample())):
        (tmp_path / f"{name}.json").write_text(json.dumps(run_))
    names = ["c.json", "c.md", "c.html", "c.csv", "c.txt"]
    paths = [str(tmp_path / n) for n in ("old.json", "new.json")]
    assert main(["compare", *paths, *(x for n in names for x in ("-o", str(tmp_path / n)))]) == 0
    assert capsys.readouterr().out.startswith(" SAME VERDICT   Nothing changed")
    assert json.loads((tmp_path / "c.json").read_text())["schema"] == "abimpact/compare/1"
    for name in names[1:]:
        assert "profit per checkout" in (tmp_path / name).read_text() or name == "c.txt"
    assert main(["compare", paths[0]]) == 2


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    from abimpact.portfolio.formats import render_text
    from abimpact.render.table import Options

    made = compare(sample(), run(2, 0.05, 0.01, metric="profit per checkout"))
    text = render_text(made.told, "terminal", Options(width=width, is_verbose=True))
    assert max(map(len, text.splitlines())) <= width
