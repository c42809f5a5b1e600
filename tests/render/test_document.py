"""The page of the verbs beside `report`: the same words in every format, and harmless names."""

import json

import pytest

from abimpact.errors import UsageError
from abimpact.render.charts import Chart
from abimpact.render.document import Document, Section, Table, format_of, render
from abimpact.render.picture import Label, Picture
from abimpact.render.table import Options
from tests.render.test_html import Page

HOSTILE = "<b>x|y</b>\x1b[31m"
CHART = Chart(
    name="c",
    title="t",
    caption="See <it>",
    picture=Picture(width=10, height=10, alt=HOSTILE, shapes=[Label("ink", 1, 1, HOSTILE)]),
)
PAGE = Document(
    kind="Simulation",
    word="TRUSTED",
    tone="ship",
    headline="It holds.",
    summary=HOSTILE,
    sections=(
        Section(
            title="False alarms",
            sentences=("A sentence.",),
            facts=(("units", "1,000"),),
            tables=(Table(headers=("KPI", "share"), alignment="lr", rows=((HOSTILE, "5.1 %"), ("orders", "4.9 %"))),),
            charts=(CHART,),
        ),
        Section(title="Provenance", facts=(("seed", "0"),), is_detail=True),
        Section(title="Pictures only", charts=(CHART,)),
    ),
    footer="60,000 units",
)


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_all_numbers_stand_in_every_format_and_no_control_character(name: str) -> None:
    text = render(PAGE, {}, name, Options(is_verbose=True))
    for part in ("TRUSTED", "It holds.", "1,000", "5.1 %", "4.9 %", "60,000 units"):
        assert part in text
    assert "\x1b" not in text
    assert name != "html" or "<b>" not in text
    assert name != "markdown" or "x\\|y" in text


def test_html_closes_its_tags_and_names_its_pictures() -> None:
    page = Page(render(PAGE, {}, "html", Options()))
    assert page.open == []
    assert [tag for tag, _ in page.tags].count("svg") == 2
    assert all(attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg")


def test_details_are_shown_on_demand() -> None:
    assert "Provenance" not in render(PAGE, {}, "terminal", Options())
    assert "Provenance" in render(PAGE, {}, "terminal", Options(is_verbose=True))
    assert "<details><summary>Provenance" in render(PAGE, {}, "markdown", Options())


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = render(PAGE, {}, "terminal", Options(width=width))
    assert max(map(len, text.splitlines())) <= width


def test_one_line_when_quiet_and_numbers_as_json() -> None:
    assert render(PAGE, {}, "terminal", Options(is_quiet=True)).count("\n") == 1
    assert json.loads(render(PAGE, {"a": 1.5}, "json", Options())) == {"a": 1.5}


def test_unknown_formats_are_named() -> None:
    with pytest.raises(UsageError, match="junit"):
        render(PAGE, {}, "junit", Options())
    assert format_of("x.MD") == "markdown"
    with pytest.raises(UsageError, match=r"x\.pdf"):
        format_of("x.pdf")
