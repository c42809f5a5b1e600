from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from abimpact.decide.decision import Verdict
from abimpact.render.layout import wrap
from abimpact.render.table import Options, render_text
from abimpact.render.view import view
from tests.render.build import (
    CONVERSION,
    HOSTILE,
    PROFIT,
    REVIEW,
    SITUATIONS,
    decision,
    estimate,
    hostile,
    invalid,
    report,
    several,
    ship,
    worse,
)

SURE = estimate("score", (0.01, 0.005, 0.015), (0.1, 0.05, 0.15), 0.001)
UNSURE = estimate("score", (0.01, -0.005, 0.025), (0.1, -0.05, 0.25), 0.2)


@pytest.mark.parametrize("width", [40, 47, 60, 72, 80, 100, 120, 140])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_number_is_cut_and_no_line_too_wide(situation: str, width: int) -> None:
    made = SITUATIONS[situation]()
    lines = render_text(made, "terminal", Options(width=width)).splitlines()
    assert max(map(cell_len, lines)) <= width
    for block in view(made).blocks:
        for row in block.kpis:
            for number in (row.incumbent, row.proposed, row.lift, row.interval):
                assert any(number in line for line in lines)
        for rail in block.guardrails:
            for number in (rail.incumbent, rail.proposed, rail.change, rail.worst, rail.limit):
                assert any(number in line for line in lines)


@pytest.mark.parametrize("width", range(40, 141, 10))
def test_wide_numbers_and_wide_names(width: int) -> None:
    vast = replace(
        PROFIT,
        metric=replace(PROFIT.metric, name="利益" * 30),
        incumbent=replace(PROFIT.incumbent, value=-123_456_789_012.0),
        estimates=(estimate("adjusted", (1e9, -2e9, 4e9), (123.0, -2.5, 456.0), 0.4),),
    )
    results = (vast, CONVERSION, REVIEW)
    wide = report(decision(Verdict.KEEP_TESTING, "inconclusive", results), results)
    lines = render_text(wide, "terminal", Options(width=width)).splitlines()
    assert max(map(cell_len, lines)) <= width
    for number in ("−123,456,789,012", "+12,300 %", "−250 … +45,600 %"):
        assert any(number in line for line in lines)


def test_bars_go_first_then_p() -> None:
    seen = [render_text(ship(), "terminal", Options(width=w)) for w in (80, 68, 58)]
    assert ["●" in text for text in seen] == [True, False, False]
    assert ["<.001" in text for text in seen] == [True, True, False]
    assert all("+1.8 … +6.7 %" in text for text in seen)


def test_bars_share_zero_and_scale() -> None:
    lines = [x for x in render_text(ship(), "terminal", Options(width=100)).splitlines() if "●" in x]
    assert len({x.index("┊") for x in lines}) == 1
    assert [x.index("●") for x in lines][1:] == sorted([x.index("●") for x in lines][1:], reverse=True)


def test_no_colour_unless_asked() -> None:
    assert "\x1b" not in render_text(hostile(), "terminal", Options(width=100))


@pytest.mark.parametrize(("make", "code"), [(ship, "32"), (worse, "34"), (invalid, "31")])
def test_colour_repeats_the_word(make: object, code: str) -> None:
    assert callable(make)
    coloured = render_text(make(), "terminal", Options(is_coloured=True))
    assert f"\x1b[1;7;{code}m" in coloured
    assert Text.from_ansi(coloured).plain.rstrip() == render_text(make(), "terminal", Options()).rstrip()


def test_environment_does_not_colour_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS", "TTY_COMPATIBLE"):
        monkeypatch.setenv(name, "1")
    assert "\x1b" not in render_text(ship(), "terminal", Options())


def test_invalid_withholds_kpis_unless_asked() -> None:
    assert "profit per user" not in render_text(invalid(), "terminal", Options(is_verbose=True))
    shown = render_text(invalid(), "terminal", Options(show_anyway=True))
    assert "+4.2 %  +1.8 … +6.7 %" in shown
    assert "none of these numbers can be trusted" in " ".join(shown.split())


def test_quiet_is_one_line() -> None:
    assert render_text(several(), "terminal", Options(is_quiet=True)).count("\n") == 1


def test_verbose_has_every_estimate_and_check() -> None:
    text = render_text(ship(), "terminal", Options(width=140, is_verbose=True))
    assert all(word in text for word in ("welch", "bootstrap", "units_in_both_arms", "Fieller 1954", "sha256"))


def test_user_text_is_not_markup() -> None:
    text = " ".join(render_text(hostile(), "terminal", Options(width=140, is_quiet=True)).split())
    assert "[red]\\x1b[31m\\u202e new &lt; $x$ml" in text
    assert not set(text) & set(HOSTILE[HOSTILE.index("\x1b") :][0] + "\u202e")


@settings(max_examples=50)
@given(st.text("a %\u20ac界\u0301b-", max_size=60), st.integers(4, 30))
def test_wrap_loses_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in lines)


def test_more_than_anybody_reads_is_counted_and_told_with_v() -> None:
    many = tuple(
        replace(
            CONVERSION, metric=replace(CONVERSION.metric, name=f"kpi {i}"), estimates=(SURE if i == 90 else UNSURE,)
        )
        for i in range(100)
    )
    results = (PROFIT, *many)
    made = report(decision(Verdict.KEEP_TESTING, "inconclusive", results), results)
    told = render_text(made, "terminal", Options(width=100))
    assert "… and 61 more KPIs: -v, -o report.html" in told
    # The primary and what is shown to differ are never among those left out.
    for name, is_there in (("profit per user", True), ("kpi 0 ", True), ("kpi 90 ", True), ("kpi 80 ", False)):
        assert (name in told) is is_there
    whole = render_text(made, "terminal", Options(width=100, is_verbose=True))
    assert "more KPIs" not in whole
    assert "kpi 80 " in whole
