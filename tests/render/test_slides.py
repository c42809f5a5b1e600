"""The slides, read back by python-pptx."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation

from abimpact.decide.report import Report
from abimpact.render.table import Options, render
from tests.render.build import SITUATIONS, _named, invalid, pays


def slides(report: Report, **options: bool) -> list[Any]:
    content = render(report, "pptx", Options(**options))
    assert isinstance(content, bytes)
    return list(Presentation(BytesIO(content)).slides)


def words(slide: Any) -> str:
    parts = []
    for shape in slide.shapes:
        parts += [shape.text_frame.text] if shape.has_text_frame else []
        parts += [cell.text for row in shape.table.rows for cell in row.cells] if shape.has_table else []
    return "\n".join(parts)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_three_slides_with_native_tables(situation: str) -> None:
    told = slides(SITUATIONS[situation]())
    assert len(told) == 3
    assert all(slide.shapes.title.text_frame.text for slide in told)
    assert not any(shape.shape_type == 13 for slide in told for shape in slide.shapes)  # pictures can't be edited


def test_what_stands_where() -> None:
    first, second, third = map(words, slides(pays()))
    assert first.startswith("SHIP: ml earns more than rules")
    assert "a year, net" in first
    assert "tree: KEEP" in first
    assert "+1.8 … +6.7 %" in second
    assert "false declines" in second
    assert "3 units carry 22 % of the effect" in third
    assert "2,400,000 units a year (given)" in third


def test_what_has_no_room_is_counted() -> None:
    report = SITUATIONS["ship"]()
    second = words(slides(replace(report, metrics=report.metrics * 20))[1])
    assert "more in the report" in second


def test_content_stays_on_the_slide() -> None:
    for slide in slides(pays()):
        for shape in slide.shapes:
            assert shape.top + shape.height <= 6858000  # 7.5 inches


def test_invalid_withholds_kpis_unless_asked() -> None:
    assert not any("profit per user" in words(s) for s in slides(invalid()))
    assert "profit per user" in words(slides(invalid(), show_anyway=True)[1])


@settings(max_examples=20)
@given(st.text(min_size=1, max_size=12))
def test_any_name_can_be_read_back(text: str) -> None:
    assert len(slides(_named(text))) == 3


def test_same_bytes() -> None:
    assert render(pays(), "pptx", Options()) == render(pays(), "pptx", Options())
