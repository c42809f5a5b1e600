"""Every attempt of the catalogue is refused, in time, and reaches nothing."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from abimpact.spec.toml import dumps
from tests.fuzz.running import DATA, USAGE, Outcome, call
from tests.hostile.attempts import CATALOGUE, CODE, NETWORK, Attempt
from tests.logs import frame

SECRET = "kanarienvogel"
# Far more than any attempt takes; machines that test are busy.
MOST_SECONDS = 20
ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "--resamples", "0")
# Where an expression is read: the words of a command line, or a config.
CHANNELS = ("metric", "guardrail", "where", "derive", "value", "weight", "cost", "backtest", "payoff", "limit")


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of a log and its config, a file beside it that nobody named, and a port that nobody may call."""

    folder: Path
    canary: Path
    port: socket.socket

    def filled(self, text: str) -> str:
        text = text.replace("CANARY", str(self.canary)).replace("FOLDER", str(self.canary.parent))
        return text.replace("PORT", str(self.port.getsockname()[1]))

    def check(self) -> None:
        """The canary is as it was, nothing lies beside it, and nobody called."""
        assert self.canary.read_text() == f"unit,secret\n1,{SECRET}\n"
        assert sorted(p.name for p in self.canary.parent.iterdir()) == ["canary.csv", "canary.toml"]
        with pytest.raises(BlockingIOError):
            self.port.accept()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    root = tmp_path_factory.mktemp("hostile")
    (root / "run" / "below").mkdir(parents=True)
    (root / "outside").mkdir()
    canary = root / "outside" / "canary.csv"
    canary.write_text(f"unit,secret\n1,{SECRET}\n")
    (root / "outside" / "canary.toml").write_text(f'[report]\ntitle = "{SECRET}"\n')
    data = frame(60)
    data.to_parquet(root / "run" / "log.parquet")
    (root / "run" / "linked.csv").symlink_to(canary)
    (root / "run" / "linked").symlink_to(root / "outside")
    import os

    os.mkfifo(root / "run" / "pipe.toml")
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        port.setblocking(False)
        yield Home(root / "run", canary, port)


def channel(name: str, text: str) -> tuple[list[str], dict[str, object]]:
    """The words, and the config, that put an expression where it is read."""
    metric = {"name": "m", "role": "primary", "value": "value"}
    money = {"currency": "EUR", "units_per_year": 9, "build_cost": 0, "run_cost_per_year": 0}
    report = ["report", "log.parquet", *ASKED]
    backtest = ["backtest", "log.parquet", "--incumbent", "converted", "--outcome", "converted"]
    found: dict[str, tuple[list[str], dict[str, object]]] = {
        "metric": ([*report, "-m", f"m={text}"], {}),
        "guardrail": ([*report, "-m", "value", "--guardrail", f"g={text}"], {}),
        "where": ([*report, "-m", "value", f"--where={text}"], {}),
        "derive": ([*report, "-m", "d"], {"data": {"derive": {"d": text}}}),
        "value": (report, {"metric": [{**metric, "value": text}]}),
        "weight": (report, {"metric": [{**metric, "weight": text}]}),
        "cost": (report, {"metric": [metric], "value": {**money, "cost_per_unit": text}}),
        "limit": (report, {"metric": [metric], "limit": [{"name": "l", "value": text, "at_most": 1}]}),
        "backtest": ([*backtest, f"--proposed={text}"], {}),
        "payoff": ([*backtest, "--proposed", "converted"], {"payoff": {"true_positive": text}}),
    }
    return found[name]


def attempted(home: Home, words: list[str], config: str) -> Outcome:
    (home.folder / "abimpact.toml").write_text(config, encoding="utf-8")
    started = time.process_time()
    outcome = call([*words, "-o", "out.json", "-o", "out.html"], home.folder)
    assert time.process_time() - started < MOST_SECONDS
    assert SECRET not in outcome.out + outcome.err
    for path in home.folder.glob("out.*"):
        assert SECRET not in path.read_text()
        path.unlink()
    home.check()
    return outcome


def check_expression(home: Home, attempt: Attempt, name: str) -> None:
    text = home.filled(attempt.text)
    if "\0" in text and name in ("metric", "guardrail", "where", "backtest"):
        pytest.skip("no word of a command line has a zero character")
    words, config = channel(name, text)
    outcome = attempted(home, words, dumps(config))
    # An empty weight or cost is none.
    assert outcome.code in (USAGE, DATA) or not text, (text[:80], outcome)


EXPRESSIONS = [a for a in CATALOGUE if not a.is_config]
CONFIGS = [a for a in CATALOGUE if a.is_config]


def named(attempt: Attempt) -> str:
    return f"{attempt.kind}: {attempt.text[:60]!a}"


@pytest.mark.parametrize("attempt", EXPRESSIONS[::4], ids=named)
def test_an_expression_cannot(home: Home, attempt: Attempt) -> None:
    """Some, each in another channel; all of them in every channel are among the slow tests."""
    check_expression(home, attempt, CHANNELS[EXPRESSIONS.index(attempt) % len(CHANNELS)])


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANNELS)
def test_no_expression_can_in_any_channel(home: Home, name: str) -> None:
    for attempt in EXPRESSIONS:
        if "\0" not in attempt.text:
            check_expression(home, attempt, name)


@pytest.mark.parametrize("attempt", CONFIGS[::3], ids=named)
def test_a_config_cannot(home: Home, attempt: Attempt) -> None:
    check_config(home, attempt)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", CONFIGS, ids=named)
def test_no_config_can(home: Home, attempt: Attempt) -> None:
    check_config(home, attempt)


def check_config(home: Home, attempt: Attempt) -> None:
    words = ["report", *(() if attempt.kind in (NETWORK, CODE) else ("log.parquet",)), "-c", "abimpact.toml"]
    words += [] if "[[metric]]" in attempt.text else ["-m", "value"]
    given = ["--variant", "variant", "--incumbent", "rules", "--resamples", "0"]
    taken = {"unit =": (), "variant =": given[2:], "resamples": given[:4]}
    words += next((list(rest) for key, rest in taken.items() if f"\n{key}" in attempt.text), given)
    outcome = attempted(home, words, home.filled(attempt.text))
    assert outcome.code in (USAGE, DATA), outcome


def test_a_huge_text_in_the_log_is_not_multiplied(home: Home) -> None:
    """The texts of derived columns are bounded by what the log has, whatever the config puts together."""
    config = "[data.derive]\n" + "".join(
        f'd{i} = "concat({", ".join(["variant" if i == 0 else f"d{i - 1}"] * 30)})"\n' for i in range(3)
    )
    outcome = attempted(home, ["report", "log.parquet", *ASKED, "-m", "x=length(d2)"], config)
    assert (outcome.code, "values" in outcome.err) == (USAGE, True)


@pytest.mark.parametrize("verb", ["portfolio", "compare", "check", "report"])
def test_results_and_plans_are_no_way_out(home: Home, verb: str) -> None:
    """A stored result or a plan that names other files makes nobody read them."""
    source = {"path": str(home.canary), "bytes": 1, "rows": 1, "sha256": "0"}
    result = {"schema": "abimpact/report/1", "provenance": {"sources": [source], "config": {}}}
    (home.folder / "result.json").write_text(json.dumps(result))
    (home.folder / "plan.toml").write_text(f'[plan]\ndigest = "sha256:0"\n[data.outcomes]\nfile = "{home.canary}"\n')
    plan = ["log.parquet", *ASKED, "-m", "value", "--plan", "plan.toml"]
    words = {
        "portfolio": ["portfolio", "result.json"],
        "compare": ["compare", "result.json", "result.json"],
        "check": ["report", "log.parquet", *ASKED, "-m", "value", "--promised", "result.json"],
        "report": ["report", *plan],
    }[verb]
    try:
        assert attempted(home, words, "").code in (USAGE, DATA)
    finally:
        for name in ("result.json", "plan.toml"):
            (home.folder / name).unlink()


def test_the_catalogue_is_as_large_as_is_said() -> None:
    assert len(CATALOGUE) >= 200
    assert len({a.text for a in CATALOGUE}) == len(CATALOGUE)
    assert len({a.kind for a in CATALOGUE}) == 8


@pytest.mark.parametrize("name", ["metric", "guardrail", "value", "weight"])
@pytest.mark.parametrize(
    "text", ["9" * 1_000_000, "value/" * 100_000, "a:" * 100_000, "x of " * 100_000, "(" * 100_000]
)
def test_a_text_without_end_is_refused_at_once(home: Home, name: str, text: str) -> None:
    words, config = channel(name, text)
    outcome = attempted(home, words, dumps(config))
    assert (outcome.code, "characters" in outcome.err) == (USAGE, True)
