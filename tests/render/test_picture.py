"""Pictures: honest axes, and the same shapes as SVG and as PNG."""

import math
import re
from io import BytesIO
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from abimpact.decide.report import Report
from abimpact.render.drawing import drawn
from abimpact.render.numbers import PERCENT
from abimpact.render.picture import ROLES, Dot, Line, Picture, png, svg
from abimpact.render.plots import plots
from abimpact.render.scale import Scale, around, tick_labels, ticks
from abimpact.render.view import view
from tests.render.build import SITUATIONS, equivalent, hostile, invalid, not_estimated, pays, ship

SVG = "{http://www.w3.org/2000/svg}"
FINITE = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-9)


def pictures(report: Report) -> list[Picture]:
    v = view(report, show_anyway=True)
    return [chart.picture for charts in drawn(report, v) for chart in charts.values()]


@given(st.lists(FINITE, min_size=1, max_size=5))
def test_a_scale_holds_zero_and_all_values_in_order(values: list[float]) -> None:
    scale = around(values, 10, 300)
    assert all(scale.has(x) for x in (*values, 0.0))
    places = [scale(x) for x in sorted(values)]
    assert places == sorted(places)
    assert places[0] >= 10
    assert places[-1] <= 300


@given(FINITE, st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_even(low: float, width: float) -> None:
    scale = Scale(low, low + width * max(abs(low), 1), 0, 100)
    values, decimals = ticks(scale)
    assert 1 <= len(values) <= 6
    assert all(scale.low - 1e-6 * width <= v <= scale.high + 1e-6 * abs(scale.high) for v in values)
    for v in values:
        assert math.isclose(v, round(v, decimals), rel_tol=1e-9, abs_tol=1e-12)


def test_tick_labels_name_the_unit_once() -> None:
    assert [text for _, text in tick_labels(Scale(-0.021, 0.043, 0, 100), PERCENT)] == ["−2", "0", "+2", "+4 %"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_picture_draws_zero_and_stays_on_its_canvas(situation: str) -> None:
    for picture in pictures(SITUATIONS[situation]()):
        assert any(isinstance(s, Line) and s.role == "zero" and s.x1 == s.x2 for s in picture.shapes)
        root = ElementTree.fromstring(svg(picture, is_alone=True))
        for element in root.iter():
            for name, most in (
                ("x", picture.width),
                ("cx", picture.width),
                ("y", picture.height),
                ("x1", picture.width),
            ):
                assert -1 <= float(element.get(name, 0)) <= most + 1


def test_intervals_are_where_their_numbers_are() -> None:
    """Read back from pixels: two known points of the axis tell the lift at the dot."""
    chart = drawn(ship(), view(ship()))[0]["kpis"]
    root = ElementTree.fromstring(svg(chart.picture, is_alone=True))
    ticks_seen = {t.text: float(t.get("x", 0)) for t in root.iter(f"{SVG}text") if t.get("text-anchor") == "middle"}
    zero, (label, x) = ticks_seen.pop("0"), next(iter(ticks_seen.items()))
    unit = (x - zero) / float(label.replace("−", "-").removesuffix(" %"))  # type: ignore[union-attr]
    dots = [float(c.get("cx", 0)) for c in root.iter(f"{SVG}circle")]
    bars = [(float(r.get("x", 0)), float(r.get("width", 0))) for r in root.iter(f"{SVG}rect") if r.get("class")]
    for result, dot, (left, width) in zip(ship().metrics, dots, bars, strict=False):
        lift = result.chosen.relative  # type: ignore[union-attr]
        found = [(p - zero) / unit / 100 for p in (dot, left, left + width)]
        assert found == pytest.approx([lift.estimate, lift.low, lift.high], abs=0.2 / unit / 100)  # a fifth of a pixel


def test_an_open_interval_has_a_ring_and_a_shown_one_a_dot() -> None:
    chart = drawn(ship(), view(ship()))[0]["kpis"]
    assert [s.role for s in chart.picture.shapes if isinstance(s, Dot)] == ["ml", "hollow", "hollow"]


def test_the_primary_picture_marks_break_even_and_the_zone_of_equivalence() -> None:
    def roles(report: Report) -> set[str]:
        chart = drawn(report, view(report))[0]["primary"]
        return {shape.role for shape in chart.picture.shapes}

    assert "mark" in roles(pays())
    assert "zone" in roles(equivalent())
    assert not {"mark", "zone"} & roles(ship())


def test_svg_and_png_are_deterministic_and_of_one_shape() -> None:
    for picture in pictures(pays()):
        assert svg(picture) == svg(picture)
        content = png(picture)
        assert content == png(picture)
        with Image.open(BytesIO(content)) as image:
            assert image.size == (round(3 * picture.width), round(3 * picture.height))


def test_a_picture_alone_has_text_and_its_own_colours() -> None:
    text = svg(pictures(ship())[0], is_alone=True)
    root = ElementTree.fromstring(text)
    assert root.find(f"{SVG}title") is not None
    assert "+4.2 %" in [t.text for t in root.iter(f"{SVG}text")]
    used = {c for e in root.iter() for c in (e.get("class") or "").split()}
    assert used <= {f"p-{role}" for role in ROLES}
    for name in re.findall(r"var\((--\w+)\)", text):
        assert f"{name}:#" in text


def test_files_are_named_after_what_they_show() -> None:
    assert [name for name, _ in plots(ship()) if name.endswith("svg")] == ["primary.svg", "kpis.svg", "guardrails.svg"]
    names = [name for name, _ in plots(pays())]
    assert {"1-ml-money.png", "2-tree-money.svg"} <= set(names)
    assert len(names) == len(set(names))


def test_hostile_names_reach_no_file_name_and_break_no_picture() -> None:
    for name, content in plots(hostile()):
        assert re.fullmatch(r"[a-z0-9-]+\.(svg|png)", name)
        if isinstance(content, str):
            ElementTree.fromstring(content)


def test_withheld_kpis_are_not_drawn() -> None:
    assert list(plots(invalid())) == []
    assert list(plots(invalid(), show_anyway=True))


def test_what_is_not_estimated_is_left_out_of_the_picture() -> None:
    report = not_estimated()
    chart = drawn(report, view(report))[0]["kpis"]
    assert sum(isinstance(s, Dot) for s in chart.picture.shapes) == 1
