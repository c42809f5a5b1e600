"""The page: self-contained, safe whatever the names, accessible by its structure, and withheld where it must be."""

import base64
import hashlib
import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abimpact import analyze
from abimpact.decide.report import Report
from abimpact.render.html import framed
from abimpact.render.picture import PALETTE
from abimpact.render.table import Options, render_text
from tests.logs import frame
from tests.render.build import HOSTILE, SITUATIONS, _named, hostile, invalid, pays, plain, ship

VOID = {"meta", "br", "img", "input", "line", "rect", "circle", "polyline", "polygon"}


class Page(HTMLParser):
    """Tags with their attributes, text outside of style and script, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attributes)) for tag, attributes in self.tags]


def page(report: Report, *, show_anyway: bool = False) -> Page:
    return Page(render_text(report, "html", Options(show_anyway=show_anyway)))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_tag_is_closed_and_headings_descend_one_by_one(situation: str) -> None:
    found = page(SITUATIONS[situation]())
    assert found.open == []
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_nothing_is_loaded(situation: str) -> None:
    found = page(SITUATIONS[situation](), show_anyway=True)
    for tag, attributes in found.tags:
        assert tag not in {"link", "iframe", "object", "embed", "img", "base", "form"}
        assert not {"src", "href", "srcset", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_pictures_are_described_or_hidden_and_tables_have_heads(situation: str) -> None:
    found = page(SITUATIONS[situation]())
    for tag, attributes in found.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes["scope"] in {"row", "col"}
    n = [tag for tag, _ in found.tags]
    assert n.count("table") == n.count("caption")
    assert n.count("figure") == n.count("figcaption")


def test_hostile_names_give_the_same_page() -> None:
    text = render_text(hostile(), "html", Options())
    assert Page(text).shape == page(plain()).shape
    for harm in ("<img", "\x1b", "\u202e"):
        assert harm not in text
    assert "<img src=x> @team #12 **b** [red]\\x1b[31m\\u202e  new &lt; $x$rules" in Page(text).text


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_any_name_gives_the_same_page(text: str) -> None:
    assert page(_named(text)).shape == page(plain()).shape


def test_the_verdict_comes_first_and_each_part_in_its_place() -> None:
    text = render_text(pays(), "html", Options()).partition("<body>")[2]
    parts = ["SHIP</span>", "ml earns more", "a year, net", ">Money<", ">KPIs<", ">Guardrails<", ">At full roll-out<"]
    places = [text.index(part) for part in (*parts, ">Checks<", ">Methods<", ">Provenance<")]
    assert places == sorted(places)


def test_the_variant_that_decides_comes_first() -> None:
    report = pays()
    turned = replace(report, verdict=report.verdicts[1])
    for found, first, second in ((report, "ml", "tree"), (turned, "tree", "ml")):
        heads = re.findall(r"<h2>(\w+) <span", render_text(found, "html", Options()))
        assert heads == [first, second]


def test_invalid_withholds_kpis_and_pictures_unless_asked() -> None:
    text = render_text(invalid(), "html", Options())
    assert "profit per user" not in text
    assert "<svg" not in text
    assert "KPIs are withheld" in text
    shown = render_text(invalid(), "html", Options(show_anyway=True))
    assert "profit per user" in shown
    assert "none of these numbers can be trusted" in shown


def test_equal_reports_are_equal_bytes() -> None:
    assert render_text(pays(), "html", Options()) == render_text(pays(), "html", Options())


def test_a_frame_holds_the_page_and_nothing_of_it_escapes() -> None:
    text = render_text(hostile(), "html", Options())
    found = Page(framed(text))
    assert [tag for tag, _ in found.tags] == ["iframe"]
    assert found.tags[0][1]["srcdoc"] == text
    assert "allow-same-origin" not in (found.tags[0][1]["sandbox"] or "")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_keep_the_contrast_of_wcag_aa(theme: int) -> None:
    """4.5 for text on either ground and for the badge's word, 3 for what is drawn (WCAG 2.2, 1.4.3 and 1.4.11)."""

    def contrast(one: str, other: str) -> float:
        darker, lighter = sorted((_luminance(PALETTE[one][theme]), _luminance(PALETTE[other][theme])))
        return (lighter + 0.05) / (darker + 0.05)

    for name in ("ink", "soft", "ml", "ship", "keep", "keep_testing", "invalid"):
        assert contrast(name, "paper") >= 4.5, name
        assert contrast(name, "panel") >= 4.5, name
    assert contrast("rules", "paper") >= 3


def test_a_name_is_not_taken_for_a_template() -> None:
    assert "{{ 7 * 7 }}" in page(_named("{{ 7 * 7 }}")).text
    assert HOSTILE.split(" ")[0] in page(hostile()).text


def test_the_page_is_small() -> None:
    assert len(render_text(ship(), "html", Options()).encode()) < 60_000


def test_twelve_metrics_by_twelve_segments_stay_under_a_megabyte(tmp_path: Path) -> None:
    rng, n = np.random.default_rng(0), 6_000
    columns = {f"kpi_{i}": np.round(rng.gamma(2.0, 5.0, n), 2) for i in range(12)}
    data = frame(n, region=rng.integers(0, 12, n).astype(str), **columns)
    config = tmp_path / "abimpact.toml"
    config.write_text("\n".join(f'[[metric]]\nname = "{name}"\nvalue = "{name}"\nrole = "primary"' for name in columns))
    report = analyze(
        data, unit="unit", variant="variant", incumbent="rules", segments=["region"], resamples=999, config=config
    )
    page = report.to_html()
    assert len(page.encode()) < 1_000_000
    assert all(f"{name} by region" in page for name in columns)


def test_the_script_is_the_one_that_the_policy_allows_and_only_with_money() -> None:
    text = render_text(pays(), "html", Options())
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html.unescape(text)
    assert "<script>" not in render_text(ship(), "html", Options())
    assert "<script>" not in render_text(invalid(), "html", Options())
