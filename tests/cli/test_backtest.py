"""`abimpact backtest`: its samples, formats, files and mistakes, as users see them."""

import csv
import json
from dataclasses import dataclass
from html import unescape
from io import StringIO
from pathlib import Path

import pytest

from abimpact.cli.main import main
from tests.backtest.histories import payments
from tests.cli.test_cli import SAMPLE, run

FOLDER = SAMPLE / "backtest"
ASKED = ("--incumbent", "rules_decision", "--proposed", "trees >= 0.05", "--outcome", "fraud", "--resamples", "99",
         "--payoff", "false_positive=-5", "--payoff", "false_negative=-amount",
         "--payoff", "true_negative=0.03*amount")  # fmt: skip


@dataclass(frozen=True)
class Invoke:
    """The command in this process, which is quicker than one of its own."""

    streams: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        return code, *self.streams.readouterr()


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    return Invoke(capsys)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("histories") / "log.parquet"
    payments(1_000).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("config", "file", "code", "said"),
    [
        ("abimpact", "payments", 0, "TEST IT  Worth an A/B test: had trees decided instead of rules"),
        ("released", "payments", 0, "TEST IT  Worth an A/B test: had trees decided instead of rules"),
        ("reviews", "payments", 0, "TEST IT  Worth an A/B test: had trees decided instead of rules"),
        ("simpler", "simple", 0, "KEEP  Keep rules, with 3 more IFs"),
        ("selective", "payments", 3, "selective labels"),
    ],
)
def test_the_samples(invoke: Invoke, config: str, file: str, code: int, said: str) -> None:
    found, out, errors = invoke("backtest", FOLDER / f"{file}.parquet", "-c", FOLDER / f"{config}.toml", "-q")
    assert found == code
    told, silent = (errors, out) if code else (out, errors)
    assert said in told
    assert told.count("\n") == 1
    assert silent == ""


def test_files_by_their_extension(log: Path, tmp_path: Path) -> None:
    files = {end: tmp_path / f"b.{end}" for end in ("md", "html", "json", "csv", "txt")}
    done = run("backtest", log, *ASKED, "-q", *(part for file in files.values() for part in ("-o", file)))
    assert (done.returncode, done.stderr) == (0, "")
    text = {end: file.read_text(encoding="utf-8") for end, file in files.items()}
    found = json.loads(text["json"])
    assert found["schema"] == "abimpact/backtest/1"
    headline = found["verdict"]["headline"]
    assert headline in done.stdout
    assert headline in text["txt"]
    assert headline in unescape(text["html"])
    assert text["md"].startswith("## ")
    rows = list(csv.DictReader(StringIO(text["csv"])))
    paired = next(r for r in rows if r["value"] == "bootstrap" and r["scale"] == "per_unit")
    assert float(paired["low"]) == found["difference"]["per_unit"]["low"]


@pytest.mark.parametrize("width", ["80", "40"])
def test_lines_fit_the_terminal(log: Path, width: str) -> None:
    from abimpact import backtest
    from abimpact.backtest.formats import render
    from abimpact.render.table import Options

    found = backtest(
        str(log), incumbent="rules_decision", scores={"trees": "trees", "logistic": "logistic"}, outcome="fraud",
        time="date",
        payoff={"false_negative": "-amount"}, segments=["country"], resamples=0, config="/dev/null",
        decisions={"rules_fired": "rules_fired", "tree_columns": ["amount"]},
        limits=[{"name": "reviews", "value": "1", "at_most": 2}],
    ).values  # fmt: skip
    for line in render(found, "terminal", Options(width=int(width), is_verbose=True)).splitlines():
        assert len(line) <= int(width)


def test_names_from_the_log_are_escaped(invoke: Invoke, tmp_path: Path) -> None:
    data = payments(1_000)
    data["rules_fired"] = data.rules_fired.map(lambda x: "<script>[red]=1+1|x" if isinstance(x, str) else None)
    path = tmp_path / "log.parquet"
    data.to_parquet(path)
    asked = ("backtest", path, *ASKED, "--rules-fired", "rules_fired", "--score", "<b>*x*=trees", "--threshold", "0.05")
    assert "<script>" not in invoke(*asked, "-f", "html")[1]
    assert "<b>*x*" not in invoke(*asked, "-f", "markdown")[1]
    assert "[red]" in invoke(*asked)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "proposed variant have decided"),
        (("--proposed", "mll"), 3, "no column 'mll'"),
        (("--payoff", "nope"), 2, "KIND=EXPR"),
        (("-f", "xlsx"), 2, "is not a format of backtest"),
        (("-o", "b.xlsx"), 2, "Extensions: .md .html .json .csv .txt"),
        (("--proposed", "trees > 0.1", "--payoff", "true_positiv=1"), 2, "true_positive"),
    ],
)
def test_mistakes(invoke: Invoke, log: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    base = [a for a in ASKED if a not in ("--proposed", "trees >= 0.05")]
    found, out, errors = invoke("backtest", log, *base, *arguments)
    assert (found, out, errors.count("\n")) == (code, "", 1)
    assert errors.startswith("abimpact: ")
    assert said in errors


def test_costs_decide_too(invoke: Invoke, log: Path) -> None:
    value = ("currency=EUR", "units_per_year=100000", "run_cost_per_year=9000000", "build_cost=0")
    _, out, _ = invoke("backtest", log, *ASKED, "-f", "json", *(part for v in value for part in ("--value", v)))
    found = json.loads(out)
    assert (found["verdict"]["code"], found["verdict"]["reason"]) == ("keep", "does_not_pay")
    worth = found["proposed"][0]["value"]
    assert worth["annual"]["estimate"] == pytest.approx(100_000 * found["difference"]["per_unit"]["estimate"])
    assert worth["annual_net"]["estimate"] == pytest.approx(worth["annual"]["estimate"] - 9_000_000)
