import pytest

from abimpact.render.text import to_text
from tests.render.build import SITUATIONS, invalid


@pytest.mark.parametrize("situation", SITUATIONS)
def test_at_most_five_lines_whatever_the_names(situation: str) -> None:
    lines = to_text(SITUATIONS[situation]()).splitlines()
    assert 3 <= len(lines) <= 5
    assert all(line == line.strip() for line in lines)


def test_invalid_withholds_kpis_unless_asked() -> None:
    assert "profit per user" not in to_text(invalid())
    assert "profit per user +4.2 %" in to_text(invalid(), show_anyway=True)


def test_mentions_are_broken() -> None:
    assert "@team" not in to_text(SITUATIONS["hostile"]())
