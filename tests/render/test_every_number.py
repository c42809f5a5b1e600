"""Every number in every format is one of the JSON's, to the digits printed."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from pptx import Presentation

from abimpact.decide.report import Report
from abimpact.render import numbers
from abimpact.render.glossary import GLOSSARY
from abimpact.render.json import to_dict
from abimpact.render.methods import METHODS
from abimpact.render.table import FORMATS, Options, render
from tests.render.build import SITUATIONS
from tests.render.reading import NUMBER, number

READABLE = [s for s in SITUATIONS if s != "hostile"]  # whose names hold digits
SCALES = (1, 100, 1e-3, 1e-6, 1e-9)  # as it is, per cent and points, k, M and bn


class _Text(HTMLParser):
    """The text of a page, without what only draws or styles."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, _: object) -> None:
        self.hidden += tag in {"style", "script", "svg"}

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "script", "svg"}

    def handle_data(self, data: str) -> None:
        self.parts += [] if self.hidden else [data]


def printed(report: Report, name: str) -> str:
    """What a format shows, as text."""
    content = render(report, name, Options(width=200, is_verbose=True, show_anyway=True))
    if name == "html":
        page = _Text()
        page.feed(str(content))
        return " ".join(page.parts)
    if name == "pptx":
        assert isinstance(content, bytes)
        return "\n".join(_slides(content))
    if name == "xlsx":
        assert isinstance(content, bytes)
        return "\n".join(_cells(content))
    assert isinstance(content, str)
    if name == "csv":
        return re.sub(r"(?<!\w)-(?=[\d.])", "−", content).replace(",", " ")
    if name == "junit":
        return re.sub(r' id="\d+"', "", content.partition("?>")[2])
    return content.replace("%25", "%") if name == "github" else content


def _slides(content: bytes) -> Iterator[str]:
    for slide in Presentation(BytesIO(content)).slides:
        for shape in slide.shapes:
            if shape.has_text_frame:
                yield shape.text_frame.text
            if shape.has_table:
                yield from (cell.text for row in shape.table.rows for cell in row.cells)


def _cells(content: bytes) -> Iterator[str]:
    book = openpyxl.load_workbook(BytesIO(content), data_only=True)
    for sheet in (s for s in book if s.title != "Money"):  # whose steps between are tested in test_excel
        for row in sheet.iter_rows(values_only=True):
            yield from (
                f"{c!r}".replace("-", "−") if isinstance(c, int | float) else str(c) for c in row if c is not None
            )


def leaves(found: Any) -> Iterator[Any]:
    """All values of a JSON document, and its keys."""
    if isinstance(found, dict):
        yield from found
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from leaves(inner)
    if not isinstance(found, dict | list):
        yield found


def words(texts: Iterator[str]) -> set[str]:
    return {word.strip("().,;:'\"*|`\\") for text in texts for word in re.split(r"[\s·/=]+", text)}


def unknown(report: Report, text: str) -> list[str]:
    """The printed numbers that the JSON does not have."""
    told = to_dict(report)
    values = [x for x in leaves(told) if isinstance(x, int | float) and not isinstance(x, bool)]
    values += [sum(report.units.values())]  # both are told as sums
    values += [sum(f.severity == s for f in report.findings) for s in ("pass", "info", "warn", "block")]
    values += [len(report.verdicts), len(report.findings)]
    said = words(iter(x for x in leaves(told) if isinstance(x, str)))
    said |= words(iter(text for pair in GLOSSARY for text in pair))
    said |= words(iter(f"{m.label} {m.text} {m.source}" for m in METHODS.values()))
    days = [numbers.day(c.peak_day) for c in report.capacities if c.peak_day]
    for phrase in (*days, numbers.period(report.start, report.end), report.provenance.created[:19]):
        text = text.replace(phrase, " ") if phrase else text
    return sorted(word for word in quantities(text) - said if not any(agrees(word, x) for x in values))


def quantities(text: str) -> set[str]:
    """The words of a text that are numbers, with or without a unit."""
    return {word for word in words(iter([text])) if re.fullmatch(r"[<>+−±]?[\d.,]*\d[\d.,]*(e[+−]\d+)?[%kM]?€?", word)}


def agrees(word: str, value: float) -> bool:
    """Whether a printed number is a value of the JSON in one of the scales, to the digits printed."""
    found = NUMBER.search(word)
    assert found
    x, half = number(found[0])
    return any(abs(abs(x) - abs(value * scale)) <= half * (1 + 1e-6) + 1e-12 * abs(x) for scale in SCALES)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("situation", READABLE)
def test_every_printed_number_is_the_jsons(situation: str, name: str) -> None:
    report = SITUATIONS[situation]()
    assert unknown(report, printed(report, name)) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_wrong_number_would_be_found(name: str) -> None:
    report = SITUATIONS["pays"]()
    text = printed(report, name)
    assert quantities(text) or name == "json"
    assert unknown(report, f"{text} +4.31 % 271.8 k€ 0.123456") == ["+4.31", "0.123456", "271.8"]
