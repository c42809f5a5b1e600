"""A comparison or a portfolio in the format of a name or of a file's extension."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from abimpact.errors import UsageError, nearest
from abimpact.render import document
from abimpact.render.document import Document
from abimpact.render.escape import chat, spreadsheet
from abimpact.render.table import Options
from abimpact.render.workbook import Book, Cell, Number

EXTENSIONS = {**document.EXTENSIONS, "csv": ".csv", "text": ".txt", "xlsx": ".xlsx"}
# How a workbook shows the numbers of a flat row, by how their keys begin.
STYLES = {"lift": "+0.00%;-0.00%;0.00%", "shrunken": "+0.00%;-0.00%;0.00%", "se": "0.00%", "weight": "0%"} | {
    "annual": "#,##0", "npv": "#,##0", "pvalue": "0.0000", "units": "#,##0"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What is printed, its numbers, and its rows as a flat table (made on demand)."""

    page: Document
    numbers: Mapping[str, Any]
    rows: Callable[[], Sequence[Mapping[str, Any]]]


def render(told: Told, name: str, options: Options) -> str | bytes:
    """The result in the format of that name, bytes if that is a workbook."""
    return _workbook(told) if name == "xlsx" else render_text(told, name, options)


def render_text(told: Told, name: str, options: Options) -> str:
    """The result in a format that is printed."""
    check_printed(name)
    if name == "csv":
        return _csv(told.rows())
    if name == "text":
        lines = [f"{told.page.word}: {told.page.headline}", told.page.summary, told.page.footer]
        return "".join(f"{chat(line)}\n" for line in lines if line)
    return document.render(told.page, told.numbers, name, options)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV (UTF-8, comma, decimal point), numbers unrounded."""
    out = StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return out.getvalue()


def _workbook(told: Told) -> bytes:
    """A sheet that says what was found, one with the flat rows, one with the checks."""
    # A file that is made again from the same results is the same.
    book = Book(told.page.kind, "", datetime(2000, 1, 1, tzinfo=UTC))
    book.sheet(
        "Summary", ("", ""), [(told.page.word, told.page.headline), ("", told.page.summary), ("", told.page.footer)]
    )
    rows = told.rows()
    book.sheet("Rows", list(rows[0]) if rows else [""], [[_written(k, v) for k, v in row.items()] for row in rows])
    if checks := told.numbers.get("checks"):
        keys = list(checks[0])
        found = [[str(c[k]) if c[k] is not None else "" for k in keys if k != "data"] for c in checks]
        book.sheet("Checks", [k for k in keys if k != "data"], found)
    return book.close()


def _written(key: str, value: object) -> Cell:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    style = next((style for start, style in STYLES.items() if key.startswith(start)), "General")
    return Number(value, style)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return spreadsheet(value) if isinstance(value, str) else value


def check_printed(name: str) -> None:
    """UsageError unless `name` is a format for standard output."""
    if name not in EXTENSIONS:
        raise UsageError(f"--format {name!r} is not a format of this command.", nearest(name, EXTENSIONS))
    if name == "xlsx":
        raise UsageError("--format 'xlsx' is a file.", "Write it with -o FILE.xlsx.")


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    for name, extension in EXTENSIONS.items():
        if extension and path.lower().endswith(extension):
            return name
    known = " ".join(filter(None, EXTENSIONS.values()))
    raise UsageError(f"{path}: no format of this command has this extension.", f"Extensions: {known}.")
