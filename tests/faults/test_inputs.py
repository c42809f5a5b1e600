"""Logs that do not hold still: no number of a file that changed while it was read is ever reported."""

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abimpact.cli.main import main
from abimpact.read.duckdb_engine import DuckDBEngine
from tests.faults.process import ASKED, SAMPLE, ended, is_working, start
from tests.logs import frame


def _delete(path: Path) -> None:
    path.unlink()


def _cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"1,ml,2\n")


def _replace(path: Path) -> None:
    other = path.with_suffix(".other")
    shutil.copy2(path, other)
    other.replace(path)


def _overwrite(path: Path) -> None:
    """The same number of bytes, some of them others."""
    with path.open("r+b") as file:
        file.seek(200)
        old = file.read(1)
        file.seek(200)
        file.write(b"7" if old != b"7" else b"8")


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted": (_delete, "it was deleted or moved"),
    "cut off": (_cut_off, "bytes and has"),
    "grown": (_grow, "bytes and has"),
    "replaced": (_replace, "another file took its place"),
    "overwritten": (_overwrite, "it was written to"),
}
WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "parquet": lambda data, path: data.to_parquet(path),
    "csv": lambda data, path: data.to_csv(path, index=False),
    "feather": lambda data, path: data.to_feather(path),
    "jsonl": lambda data, path: data.to_json(path, orient="records", lines=True, date_format="iso"),
    "xlsx": lambda data, path: data.head(400).to_excel(path, index=False),
}
LABELLED = ("--outcome", "fraud", "--incumbent", "old", "--score", "score", "--payoff", "true_positive=5")
VERBS: dict[str, tuple[str, ...]] = {
    "report": ("report", *ASKED),
    "check": ("check", *ASKED[:-2]),
    "simulate": ("simulate", *ASKED[:-2], "--repetitions", "20"),
    "plan": ("plan", *ASKED[:-2], "--lift", "5%", "--daily-units", "100"),
    "backtest": ("backtest", "--unit", "unit", *LABELLED, "--payoff", "false_positive=-1", "--resamples", "99"),
    "init": ("init", "--force", "-q"),
}


def data() -> pd.DataFrame:
    found = frame()
    return found.assign(fraud=found.index % 7 == 0, old=found.index % 5 == 0, score=found.index % 11 / 11)


def changing(
    change: Callable[[Path], None], path: Path, monkeypatch: pytest.MonkeyPatch, *, at: int
) -> Callable[[], bool]:
    """Let the file change before the engine's query number `at`; the function says whether it has."""
    queries = [0]
    asked = DuckDBEngine.rows

    def rows(engine: DuckDBEngine, sql: str) -> list[tuple[Any, ...]]:
        queries[0] += 1
        if queries[0] == at:
            time.sleep(0.01)  # a clock of a file system may tick as slowly
            change(path)
        return asked(engine, sql)

    monkeypatch.setattr(DuckDBEngine, "rows", rows)
    return lambda: queries[0] >= at


def assert_refused(path: Path, said: str, out: Path, capsys: pytest.CaptureFixture[str], code: int) -> None:
    shown = capsys.readouterr()
    assert code == 3, shown.err
    assert shown.out == ""
    assert shown.err.startswith(f"abimpact: {path} changed while it was read: "), shown.err
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.fault(
    "the log (Parquet, CSV, Feather, JSON lines, Excel) is deleted, cut off, grown, replaced or overwritten "
    "between two queries of a report",
    "exit 3, names the file and what happened to it; nothing is reported",
)
@pytest.mark.parametrize(
    "ending", [e if e in ("parquet", "csv") else pytest.param(e, marks=pytest.mark.slow) for e in WRITERS]
)
@pytest.mark.parametrize("how", CHANGES)
def test_a_log_that_changes_is_refused(
    how: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / f"log.{ending}", tmp_path / "r.json"
    WRITERS[ending](data(), path)
    change, said = CHANGES[how]
    changing(change, path, monkeypatch, at=4)
    assert_refused(path, said, out, capsys, main(["report", str(path), *ASKED, "-o", str(out)]))


@pytest.mark.fault("the log of any other verb is replaced while it is read", "the same")
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_it(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "log.parquet"
    data().to_parquet(path)
    assert main([VERBS[verb][0], str(path), *VERBS[verb][1:]]) == 0, capsys.readouterr().err
    capsys.readouterr()
    has_changed = changing(_replace, path, monkeypatch, at=3)
    code = main([VERBS[verb][0], str(path), *VERBS[verb][1:]])
    assert has_changed()
    assert_refused(path, "another file took its place", tmp_path / "none", capsys, code)


@pytest.mark.fault("a file that columns are filled in from, or one of many, changes", "the same")
@pytest.mark.parametrize("place", ["fill", "folder"])
def test_every_file_is_watched(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, users, config = tmp_path / "log", tmp_path / "users.csv", tmp_path / "abimpact.toml"
    folder.mkdir()
    whole = data()
    for i in range(3):
        whole[i::3].to_parquet(folder / f"{i}.parquet")
    whole[["unit"]].assign(plan="free").to_csv(users, index=False)
    config.write_text(f'[[data.fill]]\ncolumn = "plan"\nfile = "{users}"\nby = "unit"\n')
    changed = users if place == "fill" else folder / "2.parquet"
    changing(_overwrite, changed, monkeypatch, at=8)
    code = main(["report", str(folder), *ASKED, "-c", str(config)])
    assert_refused(changed, "it was written to", tmp_path / "none", capsys, code)


@pytest.mark.fault("a file is added to the folder of a log while it is read", "it is not read, as result.json says")
def test_a_file_that_arrives_late_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    data().to_parquet(folder / "1.parquet")
    has_changed = changing(
        lambda path: shutil.copy2(path, folder / "2.parquet") and None, folder / "1.parquet", monkeypatch, at=4
    )
    assert main(["report", str(folder), *ASKED, "-f", "json"]) == 0
    assert has_changed()
    assert "2.parquet" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.fault(
    "the same five changes at a random moment of a whole process", "exit 3 and no report; or 0, when it was done before"
)
@pytest.mark.parametrize("how", CHANGES)
def test_a_log_that_changes_at_random_moments(how: str, tmp_path: Path, record_property: Any) -> None:
    times, refused = 10, 0
    record_property("times", times)
    moments = random.Random(how)
    for i in range(times):
        folder = tmp_path / str(i)
        scratch, path, out = folder / "scratch", folder / "log.parquet", folder / "r.json"
        scratch.mkdir(parents=True)
        shutil.copy(SAMPLE, path)
        shutil.copy(SAMPLE.with_name("abimpact.toml"), folder)
        process = start("report", path, "-q", "-o", out, scratch=scratch)
        is_working(process, scratch)
        time.sleep(moments.uniform(0, 0.6))
        CHANGES[how][0](path)
        code, output, errors = ended(process)
        assert (code, bool(output), out.exists()) in ((0, True, True), (3, False, False)), errors
        assert "changed while it was read" in errors or code == 0
        assert not list(scratch.iterdir())
        refused += code == 3
    assert refused
