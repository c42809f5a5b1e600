import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abimpact.render import escape


@given(st.text())
def test_nothing_hidden_reaches_a_terminal(text: str) -> None:
    shown = escape.terminal(text)
    hidden = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert hidden <= {"\u200c", "\u200d"}
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("a\r\nb\tc", "a  b c"),
        ("\x9b31m", "\\x9b31m"),
        ("\udc80", "\\udc80"),
        ("[bold]ümläut 界[/bold]", "[bold]ümläut 界[/bold]"),
    ],
)
def test_terminal(text: str, shown: str) -> None:
    assert escape.terminal(text) == shown


def test_what_an_encoding_lacks_becomes_ascii() -> None:
    assert escape.terminal("−4 % … 界 p < 10⁻⁹", "ascii") == "-4 % .. \\u754c p < 10^-9"
    assert escape.terminal("−4 % é", "latin-1") == "-4 % é"
    assert escape.terminal("12\u202f345 \u00a0 12’345", "ascii") == "12 345   12'345"


def test_json_is_json_in_any_encoding() -> None:
    value = {"é": "déjà – ✓ 漢 😀", "n": [1.5, None]}
    for encoding in ("utf-8", "ascii", "latin-1"):
        text = escape.json_text(value, encoding)
        assert json.loads(text.encode(encoding).decode(encoding)) == value
    assert "é" in escape.json_text(value)
