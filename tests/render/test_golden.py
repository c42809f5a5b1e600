"""Whole reports in each situation and format, against files whose diff is reviewed."""

from collections.abc import Callable

import pytest

from abimpact.render.table import Options, render_text
from tests.render.build import SITUATIONS, invalid, ship

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize(("name", "extension"), [("terminal", "txt"), ("markdown", "md")])
def test_report(situation: str, name: str, extension: str, golden: Golden) -> None:
    golden(f"{situation}.{extension}", render_text(SITUATIONS[situation](), name, Options()))


@pytest.mark.parametrize("situation", ["ship", "hostile"])
def test_json(situation: str, golden: Golden) -> None:
    golden(f"{situation}.json", render_text(SITUATIONS[situation](), "json", Options()))


@pytest.mark.parametrize("width", [40, 60, 100, 120, 140])
def test_widths(width: int, golden: Golden) -> None:
    golden(f"ship-{width}.txt", render_text(ship(), "terminal", Options(width=width)))


@pytest.mark.parametrize(("name", "file"), [("csv", "csv"), ("junit", "xml"), ("text", "chat.txt")])
@pytest.mark.parametrize("situation", ["ship", "invalid", "several", "hostile"])
def test_exchange(situation: str, name: str, file: str, golden: Golden) -> None:
    golden(f"{situation}.{file}", render_text(SITUATIONS[situation](), name, Options()))


def test_verbose(golden: Golden) -> None:
    golden("ship-verbose.txt", render_text(ship(), "terminal", Options(is_verbose=True)))


def test_quiet(golden: Golden) -> None:
    golden("ship-quiet.txt", render_text(ship(), "terminal", Options(is_quiet=True)))


def test_ascii(golden: Golden) -> None:
    text = render_text(ship(), "terminal", Options(encoding="ascii"))
    assert text.isascii()
    golden("ship-ascii.txt", text)


@pytest.mark.parametrize(("name", "extension"), [("terminal", "txt"), ("markdown", "md")])
def test_invalid_shown_on_request(name: str, extension: str, golden: Golden) -> None:
    golden(f"invalid-shown.{extension}", render_text(invalid(), name, Options(show_anyway=True)))
