"""Command lines: any row of words ends in an answer or in one line that says what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abimpact.cli.main import app
from tests.fuzz.running import call
from tests.fuzz.strategies import NASTY
from tests.logs import frame

VERBS = sorted(str(command.name) for command in app.registered_commands if command.name != "init")
FLAGS = (
    "-c --unit --variant --incumbent --proposed -m --guardrail --covariate --segment --cluster --time "
    "--several-rows --where --missing --split --level --resamples --seed -f -o --gate --fail-on --show-anyway "
    "--engine --table --query "
    "--sheet --plan --promised --met-by --plots --reconcile --memory-limit --threads --no-progress -q -v "
    "--value --lift "
    "--units --days --power --baseline --sd --looks --outcome --score --threshold --payoff --allow-path --allow-engine "
    "--prior-lift-sd --from --help --version --nonsense -- -"
).split()
VALUES = (
    *"unit variant value rules ml converted sessions value/sessions value:p90 value:lower value@2% x=value*2".split(),
    *"log.parquet log.csv . nowhere *.csv pipe.csv pipe.json pipe.toml empty.csv other.json json md html csv".split(),
    *"out.md out.json pipe.md 50:50 0.95 0 1 -1 2 1e9 nan 3% ship keep 4GB 0GB sum zero country day".split(),
    *"postgresql://u:secret@127.0.0.1:1/x pyspark://local http://127.0.0.1:1/x.csv s3://b/x.parquet /dev/null".split(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import os

    home = tmp_path_factory.mktemp("lines")
    data = frame(120)
    data.to_parquet(home / "log.parquet")
    data.to_csv(home / "log.csv", index=False)
    (home / "empty.csv").touch()
    (home / "other.json").write_text("{}")
    for ending in ("csv", "json", "toml", "md"):
        os.mkfifo(home / f"pipe.{ending}")
    return home


words = st.one_of(st.sampled_from(FLAGS), st.sampled_from(VALUES), st.sampled_from([n for n in NASTY if "\0" not in n]))
pairs = st.tuples(st.sampled_from(FLAGS), st.sampled_from(VALUES))
sound = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "0")


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Words in any order, or a sound line with a few words more; a verb alone shows its help."""
    verb = draw(st.one_of(st.sampled_from(VERBS), st.sampled_from(NASTY[:6])))
    if draw(st.booleans()):
        return [verb, *draw(st.lists(words, min_size=1, max_size=6))]
    more = [word for pair in draw(st.lists(pairs, max_size=2)) for word in pair]
    return [verb, draw(st.sampled_from(("log.parquet", "log.csv", "*.csv"))), *sound, *more]


def check_line(folder: Path, line: list[str]) -> None:
    # What other words do is tested with fewer of them.
    if "--engine" in line and "pyspark://local" in line:
        return
    outcome = call(line, folder, may_gate=True)
    assert "u:secret" not in outcome.out + outcome.err
    for path in folder.glob("out.*"):
        path.unlink()


@settings(max_examples=25)
@given(lines())
def test_any_line_ends_well(folder: Path, line: list[str]) -> None:
    check_line(folder, line)


@pytest.mark.slow
@settings(max_examples=600)
@given(lines())
def test_more_lines_end_well(folder: Path, line: list[str]) -> None:
    check_line(folder, line)
