"""Numbers and dates in other locales, against Unicode's CLDR as babel has it."""

import re
from dataclasses import replace
from datetime import date

import pytest
from babel.dates import get_date_format
from babel.numbers import format_decimal

from abimpact.decide.report import Report
from abimpact.render import numbers
from abimpact.render.json import to_dict
from abimpact.render.table import FORMATS, Options, render, render_text
from abimpact.spec.presentation import LOCALES, Presentation
from tests.render.build import WARNING, guardrail_open, inconclusive, invalid, not_estimated, several, ship


def told(report: Report, locale: str) -> Report:
    return replace(report, presentation=Presentation(title="Title 1.5", owner="Jane", locale=locale))


@pytest.mark.parametrize("name", LOCALES)
def test_separators_and_order_are_those_of_cldr(name: str) -> None:
    locale = LOCALES[name]
    assert format_decimal(1234567.5, locale=name) == f"1{locale.group}234{locale.group}567{locale.decimal}5"
    pattern = re.sub(r"'[^']*'", "", get_date_format("medium", locale=name).pattern)
    assert "".join(dict.fromkeys(c.lower() for c in pattern if c in "dMy")) == locale.order


@pytest.mark.parametrize(
    ("locale", "value", "count", "period"),
    [
        ("en_GB", "1,234.5", "12,345", "27 Feb – 1 Mar 2026"),
        ("en_US", "1,234.5", "12,345", "Feb 27 – Mar 1, 2026"),
        ("de_DE", "1.234,5", "12.345", "27 Feb – 1 Mar 2026"),
        ("fr_FR", "1\u202f234,5", "12\u202f345", "27 Feb – 1 Mar 2026"),
        ("sv_SE", "1\u00a0234,5", "12\u00a0345", "27 Feb – 1 Mar 2026"),
        ("ja_JP", "1,234.5", "12,345", "2026 Feb 27 – Mar 1"),
    ],
)
def test_as_written(locale: str, value: str, count: str, period: str) -> None:
    with numbers.written_in(locale):
        assert numbers.fixed(1234.5, 1) == f"+{value}"
        assert numbers.count(12345) == count
        assert numbers.period(date(2026, 2, 27), date(2026, 3, 1)) == period
    assert numbers.count(12345) == "12,345"


@pytest.mark.parametrize(
    ("start", "end", "us", "jp"),
    [
        (date(2026, 3, 1), date(2026, 3, 1), "Mar 1, 2026", "2026 Mar 1"),
        (date(2026, 3, 1), date(2026, 3, 28), "Mar 1–28, 2026", "2026 Mar 1–28"),
        (date(2025, 12, 1), date(2026, 1, 5), "Dec 1, 2025 – Jan 5, 2026", "2025 Dec 1 – 2026 Jan 5"),
    ],
)
def test_periods(start: date, end: date, us: str, jp: str) -> None:
    for locale, printed in (("en_US", us), ("ja_JP", jp)):
        with numbers.written_in(locale):
            assert numbers.period(start, end) == printed


@pytest.mark.parametrize(
    ("sentence", "printed"),
    [
        ("29,866 rules, 30,134 ml (1.5 %)", "29.866 rules, 30.134 ml (1,5 %)"),
        ("the farthest at −431.61, p = 1.5e-18.", "the farthest at −431,61, p = 1,5e-18."),
        ("in data/2026.05/log.v1.2.csv of 2.0.0", "in data/2026.05/log.v1.2.csv of 2.0.0"),
        ("sum of a.b, c and 1, 2", "sum of a.b, c and 1, 2"),
    ],
)
def test_numbers_in_the_sentences_of_checks(sentence: str, printed: str) -> None:
    with numbers.written_in("de_DE"):
        assert numbers.prose(sentence) == printed
    assert numbers.prose(sentence) == sentence


SWAP = str.maketrans(",.", ".,")
REPORTS = (ship, invalid, several, inconclusive, guardrail_open, not_estimated)


@pytest.mark.parametrize("make", REPORTS)
@pytest.mark.parametrize("name", ["terminal", "markdown", "text"])
def test_all_numbers_are_written_alike(name: str, make: type) -> None:
    # What a number of one locale becomes in the other, everywhere and nowhere else.
    number = re.compile(r"(?<![\w.,/])\d[\d.,]*\d(?![\w/.]\w)|(?<=[ <>])[.,]\d+")
    usual = render_text(told(make(), "en_GB"), name, Options(width=200, show_anyway=True))
    german = render_text(told(make(), "de_DE"), name, Options(width=200, show_anyway=True))
    texts = [t.partition("**command**")[0].replace("Title 1.5", "") for t in (usual, german)]
    found, wanted = (number.findall(t) for t in texts)
    assert len(found) > 5
    assert [n.translate(SWAP) for n in found] == wanted


def test_json_numbers_stay_json_and_its_sentences_agree() -> None:
    report = told(ship(), "de_DE")
    found = to_dict(report)
    assert found["metrics"] == to_dict(ship())["metrics"]
    assert found["verdict"]["headline"] in render_text(report, "markdown", Options())
    assert "+4,2 %" in found["verdict"]["headline"]
    assert found["checks"][-1]["message"] == WARNING.message


def test_csv_is_the_same_in_all_locales() -> None:
    assert render(told(ship(), "de_DE"), "csv", Options()) == render(ship(), "csv", Options())


@pytest.mark.parametrize("name", [n for n in FORMATS if FORMATS[n].is_printed and n not in {"csv", "junit"}])
def test_title_and_owner_are_told(name: str) -> None:
    text = render_text(told(ship(), "en_GB"), name, Options())
    assert "Title 1.5" in text
    assert "Jane" in text
