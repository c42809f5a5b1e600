"""Broken and odd files: a right answer or one line that says what is wrong, and nothing left behind."""

import json
import tempfile
from pathlib import Path

import pytest

from tests.fuzz import broken
from tests.fuzz.running import ANSWERED, ASKED, DATA, USAGE, call

SLOW = ("10,000 columns", "10,000 columns of text", "a line of 100 MB")
# What these hold is the sound log, however it is packed.
SOUND = (
    "a mark at the start", "utf-16", "latin-1", "old line ends", "windows line ends", "names twice",
    "names twice in parquet", "a name of 100,000 letters", "10,000 columns", "10,000 columns of text",
    "texts of 100 kB", "loops of links", "a deep folder", "an empty partition", "a file without rows",
    "dates out of range", "names of all kinds",
)  # fmt: skip
# These can be read too, and have other numbers.
READABLE = (
    "zeros within", "two gzips", "the ends of int64", "the end of uint64", "tiny values",
    "huge numbers as text", "variants of all kinds",
)  # fmt: skip
# Names that no system can open are usage; everything else is the data's.
ODD_NAMES = ("a process's own",)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("sound")
    broken.written("log.csv", broken.HEADER + broken.ROWS)(folder)
    return json.loads(call(["report", "log.csv", *ASKED, "-f", "json"], folder).out)["metrics"]


def check(folder: Path, name: str, maker: broken.Maker, sound: object) -> None:
    source = maker(folder)
    outcome = call(["report", source, *ASKED, "-f", "json", "-o", "result.json", "-o", "page.html"], folder)
    if name in SOUND or name in READABLE:
        assert outcome.code == ANSWERED, outcome.err
        found = json.loads(outcome.out)["metrics"]
        if name in SOUND:
            assert [(m["incumbent"]["value"], m["estimates"]) for m in found] == [
                (m["incumbent"]["value"], m["estimates"])
                for m in sound  # type: ignore[attr-defined]
            ]
    else:
        assert outcome.code == (USAGE if name in ODD_NAMES else DATA), outcome


@pytest.mark.parametrize("name", [n for n in broken.MAKERS if n not in SLOW])
def test_a_broken_file(tmp_path: Path, name: str, sound: object) -> None:
    check(tmp_path, name, broken.MAKERS[name], sound)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_a_large_file(tmp_path: Path, name: str, sound: object) -> None:
    check(tmp_path, name, broken.MAKERS[name], sound)


@pytest.mark.slow
@pytest.mark.parametrize("name", broken.BOMBS)
def test_a_bomb(tmp_path: Path, name: str) -> None:
    source = broken.BOMBS[name](tmp_path)
    for verb in (["report", source, *ASKED], ["init", source]):
        outcome = call(verb, tmp_path)
        assert outcome.code == DATA
        assert "unpacks to more than" in outcome.err or "a line is longer than" in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["check", "init", "backtest", "portfolio", "compare"])
@pytest.mark.parametrize("name", [n for n in broken.MAKERS if n not in SLOW])
def test_other_verbs_read_it_likewise(tmp_path: Path, name: str, verb: str) -> None:
    source = broken.MAKERS[name](tmp_path)
    options = {"check": ASKED[:6], "backtest": ("--incumbent", "value", "--outcome", "value", "--proposed", "value")}
    outcome = call([verb, source, *([source] if verb == "compare" else options.get(verb, ()))], tmp_path)
    assert outcome.code in ((ANSWERED, DATA, USAGE) if name in SOUND + READABLE else (DATA, USAGE, ANSWERED))


PARTS = {"head": (0.0, 0.1), "pages": (0.1, 0.5), "footer": (0.5, 0.99), "end": (0.99, 1.0)}


def check_flips(ending: str, part: str, seeds: range) -> None:
    """A file whose bits are changed is read, or refused; nothing else may come of it."""
    content = broken.packed(ending)
    first, last = (round(share * len(content)) for share in PARTS[part])
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / f"log.{ending}").write_bytes(broken.flipped(content, first, max(last, first + 1), seed))
            assert call(["report", f"log.{ending}", *ASKED, "-q"], Path(folder)).code in (ANSWERED, DATA)


@pytest.mark.parametrize("part", PARTS)
def test_changed_bits_of_a_parquet_file(part: str) -> None:
    check_flips("parquet", part, range(4))


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("ending", broken.PACKED)
def test_changed_bits_of_any_file(ending: str, part: str) -> None:
    check_flips(ending, part, range(60 if ending == "parquet" else 12))


@pytest.mark.slow
@pytest.mark.parametrize("ending", broken.PACKED)
def test_files_cut_anywhere(tmp_path: Path, ending: str) -> None:
    content = broken.packed(ending)
    for length in range(0, len(content), max(len(content) // 25, 1)):
        (tmp_path / f"log.{ending}").write_bytes(content[:length])
        outcome = call(["report", f"log.{ending}", *ASKED, "-q"], tmp_path)
        # Lines of text end anywhere, and a Stata file has tags behind its data; any other says if it is not whole.
        assert outcome.code == DATA or ending in ("csv", "jsonl", "arrow", "dta"), (length, outcome)
