import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from abimpact.render.escape import markdown as safe
from abimpact.render.markdown import to_markdown
from tests.render.build import SITUATIONS, _named, hostile, invalid, plain

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ALLOWED = ("<details><summary>", "</details>")


def _shape(text: str) -> list[str]:
    """The structure of a document: its blocks, and the marks inside them, without the text."""
    shape = []
    for token in PARSER.parse(text):
        shape.append(token.type)
        shape += [child.type for child in token.children or [] if child.type not in {"text", "text_special"}]
    return shape


def test_hostile_names_give_the_same_shape() -> None:
    assert _shape(to_markdown(hostile())) == _shape(to_markdown(plain()))


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_any_name_gives_the_same_shape(text: str) -> None:
    assert _shape(to_markdown(_named(text))) == _shape(to_markdown(plain()))


@given(st.text(st.sampled_from("#-+=>*_`|<!&@[](): \\~0123.)abw\n\t\r"), max_size=12))
def test_any_text_is_one_paragraph_of_itself(text: str) -> None:
    tokens = PARSER.parse(safe(text))
    assert [t.type for t in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    content = "".join(c.content for t in tokens for c in t.children or [])
    assert content.replace("\u2060", "").split() == text.split()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_html_but_details(situation: str) -> None:
    for token in PARSER.parse(to_markdown(SITUATIONS[situation]())):
        assert token.type != "html_block" or token.content.startswith(ALLOWED)
        assert "html_inline" not in [c.type for c in token.children or []]


@pytest.mark.parametrize("text", ["@team", "a@b.example", "#12", "o/r#12", "http://x.example", "www.x.example", "GH-1"])
def test_links_and_mentions_are_broken(text: str) -> None:
    assert text not in safe(text)
    assert safe(text).replace("\u2060", "") == text


def test_ordinary_names_and_numbers_stay_readable() -> None:
    for text in (
        "orders_per_session",
        "orders/sessions",
        "+4.2 % (+1.8 % to +6.7 %)",
        "<.001",
        "2.61",
        "latency:p90",
    ):
        assert safe(text) == text


def test_numbers_are_aligned_right() -> None:
    rule = next(line for line in to_markdown(plain()).splitlines() if line.startswith("| ---"))
    assert [c.strip().endswith(":") for c in rule.strip("|").split("|")] == [False, *[True] * 5, False]


def test_invalid_withholds_kpis_unless_asked() -> None:
    assert "profit per user" not in to_markdown(invalid())
    assert "profit per user" in to_markdown(invalid(), show_anyway=True)
