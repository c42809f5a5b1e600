"""What is written as TOML is read as the same tables."""

import tomllib
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from abimpact.spec.toml import dumps

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = st.one_of(TEXT, st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False),
                  st.dates(date(1900, 1, 1)), st.lists(TEXT, min_size=1, max_size=3))  # fmt: skip
TABLE = st.dictionaries(TEXT.filter(bool), PLAIN, min_size=1, max_size=4)
TABLES = st.dictionaries(
    TEXT.filter(bool), st.one_of(PLAIN, TABLE, st.lists(TABLE, min_size=1, max_size=3)), max_size=5
)


@given(TABLES)
def test_reading_gives_what_was_written(tables: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(tables)) == tables


def test_what_is_nothing_is_left_out() -> None:
    assert dumps({"a": None, "b": [], "c": {}, "d": {"e": {"f": 1}}}) == "[d]\n\n[d.e]\nf = 1\n"
