"""The limits and counts of the page on security are those of the code."""

import re
from pathlib import Path

import pytest

from abimpact.portfolio import stored
from abimpact.read import compressed, walking
from abimpact.spec import calendar, expression, resolve, schema, toml
from tests.hostile.attempts import CATALOGUE

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
LIMITS = {
    "an expression: characters": expression.MOST_CHARACTERS,
    "an expression: depth": expression.MOST_DEPTH,
    "an expression: digits of a number": expression.MOST_DIGITS,
    "derived columns": expression.MOST_DERIVED,
    "derived columns, one upon the other": expression.MOST_LEVELS,
    "values that one text is put together from": expression.MOST_TEXTS,
    "a config or plan: MB": toml.MOST_BYTES >> 20,
    "a stored result: MB": stored.MOST_BYTES >> 20,
    "bootstrap resamples": resolve.MOST_RESAMPLES,
    "confidence level": resolve.MOST_LEVEL,
    "planned looks": resolve.MOST_LOOKS,
    "shares of a split": calendar.MOST_PARTS,
    "letters of a title, an owner, a currency": schema.MOST_LETTERS,
    "years of a horizon": schema.MOST_YEARS,
    "files and folders that a pattern goes through": walking.MOST_ENTRIES,
    "a compressed file: times its own size, from 256 MB on": compressed.MOST_RATIO,
    "bytes of a line of text": 2_000_000,
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_is_that_of_the_code(limit: str) -> None:
    assert f"| {limit} | {LIMITS[limit]:,} |\n" in PAGE.read_text(encoding="utf-8")


def test_the_page_names_no_other_limit() -> None:
    assert len(re.findall(r"^\| .+ \| [\d.,]+ \|$", PAGE.read_text(encoding="utf-8"), re.M)) == len(LIMITS)
    assert compressed.LEAST_BYTES == 256 << 20


def test_the_catalogue_is_that_of_the_tests() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    kinds = dict.fromkeys(a.kind for a in CATALOGUE)
    assert f"a catalogue of {len(CATALOGUE)} attempts" in text
    assert f"{len(kinds)} kinds" in text
