"""Sheets of text, numbers and formulas, written so that no text can become a formula or break the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from abimpact.render.escape import xml

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_MOST = 32_000  # characters of a cell; Excel holds 32,767
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its format in Excel's notation; an `is_input` may be changed by the reader."""

    value: float | None
    format: str = "General"
    is_input: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula with the value that it has now; it may name other cells by keys in braces, until it is `located`."""

    formula: str
    value: float | str | None
    format: str = "General"

    def located(self, cells: Mapping[str, str]) -> "Formula":
        """The formula with the cells that its keys stand for."""
        return Formula(self.formula.format_map(cells), self.value, self.format)


Cell = str | Number | Formula | None


class Book:
    """A workbook in memory."""

    def __init__(self, title: str, author: str, created: datetime) -> None:
        from xlsxwriter import Workbook

        self._out = BytesIO()
        self._book: Any = Workbook(self._out, {"in_memory": True})
        self._book.set_properties({"title": xml(title), "author": xml(author), "created": created})
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def sheet(self, name: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A sheet with a table under `heads`, which stay in view."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 1)
        sheet.fit_to_pages(1, 0)
        sheet.set_landscape()
        for column, head in enumerate(heads):
            widths = [len(head), *(_width(row[column]) for row in rows if column < len(row))]
            sheet.set_column(column, column, min(max(widths) + 2, _WIDEST))
            sheet.write_string(0, column, _text(head), self._format(bold=True, bottom=1, text_wrap=True, valign="top"))
        for i, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                self._write(sheet, i, column, cell)

    def close(self) -> bytes:
        """The bytes of the file."""
        self._book.close()
        return self._out.getvalue()

    def _write(self, sheet: "Worksheet", row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, str):
            sheet.write_string(row, column, _text(cell), self._format(text_wrap=True, valign="top"))
        elif isinstance(cell, Formula):
            style = self._format(num_format=cell.format, valign="top")
            sheet.write_formula(row, column, cell.formula, style, "" if cell.value is None else cell.value)
        elif cell is not None and cell.value is not None:
            look = {"font_color": "#0000FF", "bg_color": "#FFF9E5"} if cell.is_input else {}
            sheet.write_number(row, column, cell.value, self._format(num_format=cell.format, valign="top", **look))

    def _format(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(properties)
        return self._formats[key]


def _text(text: str) -> str:
    shown = xml(text)
    return shown if len(shown) <= _MOST else f"{shown[:_MOST]} … (cut; result.json has all of it)"


def _width(cell: Cell) -> int:
    return len(cell) if isinstance(cell, str) else 10
