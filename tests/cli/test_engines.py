"""Engines on the command line, as far as none is needed: what is refused, and that no password is ever shown."""

import sys
from pathlib import Path

import pytest

from abimpact.api import analyze
from abimpact.cli.main import main
from abimpact.errors import UsageError
from tests.logs import frame

URL = "postgresql://ann:hunter22@db.invalid/shop"


@pytest.fixture(autouse=True)
def no_ibis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ibis", None)
    monkeypatch.chdir(tmp_path)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["report", *arguments]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "hunter22" not in streams.err
    assert "Traceback" not in streams.err
    return streams.err


@pytest.mark.parametrize("source", [[URL], ["--engine", URL]])
def test_a_missing_extra_is_named(capsys: pytest.CaptureFixture[str], source: list[str]) -> None:
    assert "pip install 'abimpact[postgres]'" in error_of(capsys, *source, "--table", "log", "-m", "x")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["postgress://ann:hunter22@h/d", "-m", "x"], "Did you mean 'postgres'?"),
        (["--engine", "shop", "-m", "x"], "'shop' is not the URL of an engine"),
        ([URL, "--engine", URL], "Two engines"),
        (["log.csv", "--engine", URL], "two sources"),
        ([URL, "log.csv"], "two sources"),
        (["--query", "SELECT 1"], "--query needs an engine"),
        (["-m", "x"], "What is to be read?"),
        ([URL, "--sheet", "Q1"], "--sheet is for files"),
        ([URL, "--memory-limit", "1GB"], "--memory-limit is for files"),
        ([URL, "--nonsense", URL], "no such option"),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert expected.lower() in error_of(capsys, *arguments).lower()


def test_files_win_over_an_engine_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ABIMPACT_ENGINE", URL)
    frame().to_parquet(tmp_path / "log.parquet")
    assert main(["report", "log.parquet", "-m", "value", "--incumbent", "rules", "-q", "--resamples", "0"]) == 0
    assert "pip install 'abimpact[postgres]'" in error_of(capsys.readouterr() and capsys, "--table", "log")


def test_the_api_takes_engines() -> None:
    with pytest.raises(UsageError, match="postgresql:// needs packages"):
        analyze(engine=URL, table="log", metrics=["x"])
    with pytest.raises(UsageError, match="postgresql:// needs packages"):
        analyze(URL, table="log", metrics=["x"])


def test_a_bug_shows_no_password(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object, url: str) -> None:
        raise RuntimeError(f"cannot parse {url}")

    monkeypatch.setattr("abimpact.read.ibis_engine.IbisEngine.__init__", fails)
    assert main(["report", URL, "--table", "log", "-m", "x", "-v"]) == 70
    streams = capsys.readouterr()
    assert "cannot parse postgresql://ann:***@db.invalid/shop" in streams.err
    assert "hunter22" not in streams.out + streams.err
