import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from abimpact.decide.report import Report
from abimpact.render.escape import markdown as safe
from abimpact.render.markdown import to_markdown
from tests.render.build import SITUATIONS, _named, hostile, invalid, plain, ship

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


def _big(metrics: int, name: str = "a KPI with quite a long name, number") -> Report:
    base = ship()
    _, *others = base.metrics
    copies = [
        replace(m, metric=replace(m.metric, name=f"{name} {i} {m.metric.name}"))
        for i in range(metrics // len(others))
        for m in others
    ]
    return replace(base, metrics=(*copies, *base.metrics))


def _rows(text: str, head: str) -> int:
    """The rows of the tables whose first column is called so."""
    tables = text.partition("<details>")[0].split("\n\n")
    return sum(table.count("\n") - 1 for table in tables if table.startswith(f"| {head} "))


def _left_out(text: str) -> dict[str, int]:
    said = re.search(r"^\*Shortened to fit: (.*) are left out here", text, flags=re.MULTILINE)
    return {what: int(n) for n, what in re.findall(r"(\d+) ([^,]+)", said[1])} if said else {}


@pytest.mark.parametrize("metrics", [100, 400, 4000])
def test_a_long_report_is_shortened_and_counts_what_is_left_out(metrics: int) -> None:
    big = _big(metrics)
    text, rails = to_markdown(big), sum(m.metric.role == "guardrail" for m in big.metrics)
    assert len(text.encode()) < 60_000
    told = _left_out(text)
    assert _rows(text, "KPI") + told.get("KPIs", 0) == len(big.metrics) - rails
    assert _rows(text, "Guardrail") + told.get("guardrails", 0) == rails
    assert bool(told) == (metrics > 100)
    assert "| profit per user " in text


def test_many_variants_are_left_out_but_for_the_one_that_decides() -> None:
    big, names = _big(200), [f"ml{i}" for i in range(40)]
    big = replace(
        big,
        metrics=tuple(replace(m, proposed=replace(m.proposed, variant=n)) for n in names for m in big.metrics),
        verdicts=tuple(replace(big.verdict, proposed=n) for n in names),
        verdict=replace(big.verdict, proposed=names[-1]),
    )
    text = to_markdown(big)
    assert len(text.encode()) < 60_000
    assert text.count("\n### ") + _left_out(text)["variants"] == 40
    assert "### ml39: SHIP" in text


def test_a_hundred_metrics_are_all_there() -> None:
    text = to_markdown(_big(100))
    assert _rows(text, "KPI") + _rows(text, "Guardrail") == 105


def test_the_plot_is_one_block_whatever_the_names() -> None:
    tokens = [t for t in PARSER.parse(to_markdown(_named("```\n~~~ ````"))) if t.type == "fence"]
    assert len(tokens) == 1
    lines = tokens[0].content.splitlines()
    assert lines[0] == "lift with 95 % interval (┊ zero)"
    assert [line.split("%")[0].split()[-1] for line in lines[1:]] == ["+4.2", "+1.0"]
