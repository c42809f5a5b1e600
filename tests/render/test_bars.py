from hypothesis import assume, given
from hypothesis import strategies as st

from abimpact.render.bars import ASCII, UNICODE, draw

spans = st.lists(st.floats(-5, 5), min_size=3, max_size=3).map(lambda x: tuple(sorted(x)))


@given(st.lists(spans, min_size=1, max_size=5), st.integers(13, 32))
def test_bars_have_one_width_and_one_zero(values: list[tuple[float, float, float]], width: int) -> None:
    assume(any(any(v) for v in values))
    bars = draw(values, width, UNICODE)
    assert {len(b) for b in bars} == {width}
    assert all(b.count("●") == 1 for b in bars)
    assert len({b.index("┊") for b in bars if "┊" in b}) <= 1


def test_a_bar_on_its_scale() -> None:
    assert draw([(-1.0, 0.5, 2.0)], 13, ASCII) == ["|---:-o-----|"]
    assert draw([(0.5, 1.0, 2.0), None], 9, ASCII) == [": |-o---|", " " * 9]


def test_what_runs_off_the_scale_has_an_arrow() -> None:
    wide, narrow = draw([(-50.0, 1.0, 60.0), (-1.0, 0.0, 1.0)], 17, ASCII)
    assert wide[0] == "<"
    assert wide[-1] == ">"
    assert narrow == "      |-o-|      "


def test_without_any_lift_there_is_no_bar() -> None:
    assert draw([None, (0.0, 0.0, 0.0)], 13, UNICODE) == [" " * 13] * 2
