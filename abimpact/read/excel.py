"""Sheets of workbooks as people keep them: titles above the table, empty columns, totals and notes below."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from abimpact.errors import DataError
from abimpact.read.arrow import whole_numbers_as_such
from abimpact.read.compressed import check_workbook
from abimpact.read.databases import picked
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loaded import ROW
from abimpact.read.sources import InputFile
from abimpact.read.tables import Taken, unreadable
from abimpact.spec.request import Pick

# The names of the columns are looked for in this many rows.
HEAD_ROWS = 50
TOTALS = frozenset("total totals sum summe gesamt insgesamt itogo итого somme totale".split()) | {"grand total"}
RANGE = re.compile(r"([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)")
Row = list[Any]


def read_excel(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:  # noqa: ARG001 - a reader's signature
    """The sheet that was named, or the only visible one with content. Cells with an Excel error are missing."""
    check_workbook(file)
    try:
        with CalamineWorkbook.from_path(file.path) as book:
            names = [s.name for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
            seen = [s.name for s in book.sheets_metadata if s.visible == SheetVisibleEnum.Visible and s.name in names]
            filled = names if pick.sheet else [n for n in seen if book.get_sheet_by_name(n).height]
            name = picked(file, "sheet", pick.sheet, filled)
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise unreadable(file, str(error)) from error
    at = f"{file.path}, sheet {name!r}"
    above_range, rows = _in_range(rows, pick.cells)
    guesses = []
    if len(filled) < len(seen):
        guesses.append(f"{at} was taken, the only visible one with content.")
    head = _header_row(rows)
    if head is None:
        raise DataError(f"{at} has no row with the names of columns.", "Put them into the row above the data.")
    above = sum(any(cell != "" for cell in row) for row in rows[:head])
    if head:
        left_out = f"; {_rows(above)} above it left out" if above else ""
        guesses.append(
            f"{at}: row {above_range + head + 1} was taken as the one with the names of the columns{left_out}."
        )
    body, below = _without_footer(rows[head + 1 :])
    if below:
        guesses.append(f"{at}: {_rows(below)} below the table (totals, notes) left out.")
    filled_rows = [place for place, row in enumerate(body) if any(cell != "" for cell in row)]
    columns, named = _columns(rows[head], [body[place] for place in filled_rows])
    guesses += [f"{at}: {said}" for said in named]
    if not columns:
        raise DataError(f"{at} has no data.", "Check the export that wrote it.")
    columns[ROW] = pa.array([above_range + head + 2 + place for place in filled_rows], pa.int64())
    return Taken(rows=pa.table(columns), guesses=tuple(guesses))


def _in_range(rows: list[Row], cells: str | None) -> tuple[int, list[Row]]:
    """The rows and columns of a range as B3:E9, and how many rows lie above it."""
    if cells is None:
        return 0, rows
    left, top, right, bottom = RANGE.fullmatch(cells.upper().replace("$", "")).groups()  # type: ignore[union-attr]
    first, last = sorted((int(top), int(bottom)))
    start, end = sorted((_place(left), _place(right)))
    return first - 1, [row[start : end + 1] for row in rows[first - 1 : last]]


def _place(letters: str) -> int:
    """The place of a column by its letters in a sheet."""
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1


def _rows(n: int) -> str:
    return f"{n} row was" if n == 1 else f"{n} rows were"


def _header_row(rows: Sequence[Row]) -> int | None:
    """The place of the first of those rows, near the top, that have most distinct texts: names rather than data."""
    texts = [len({cell for cell in row if isinstance(cell, str) and cell.strip()}) for row in rows[:HEAD_ROWS]]
    return texts.index(max(texts)) if any(texts) else None


def _without_footer(body: list[Row]) -> tuple[list[Row], int]:
    """The rows of the table, and how many filled ones below it were left out: totals, and notes in a cell or two."""
    end, left_out = len(body), 0
    width = _width(body[:HEAD_ROWS])
    while end:
        filled = [cell for cell in body[end - 1] if cell != ""]
        is_total = any(isinstance(c, str) and c.strip().rstrip(":").casefold() in TOTALS for c in filled)
        is_note = len(filled) == 1 and width > 2 and isinstance(filled[0], str)
        if filled and not (is_note or (is_total and len(filled) < width)):
            break
        left_out += bool(filled)
        end -= 1
    return body[:end], left_out


def _width(rows: Sequence[Row]) -> int:
    """How many cells most rows fill."""
    filled = sorted(n for row in rows if (n := sum(cell != "" for cell in row)))
    return filled[len(filled) // 2] if filled else 0


def _columns(header: Row, body: list[Row]) -> tuple[dict[str, Any], list[str]]:
    """The columns that have a name or a value, and what was said of their names."""
    columns: dict[str, Any] = {}
    said = []
    for place, cells in enumerate(zip(*body, strict=True) if body else [()] * len(header)):
        own = str(_plain(header[place])).strip()
        column = _column(cells)
        if not own and column.null_count == len(column):
            continue
        name = own or f"column {_letters(place)}"
        if not own:
            said.append(f"a column without a name is called {name!r}.")
        n = 1
        while name.casefold() in {known.casefold() for known in columns}:
            name, n = f"{own}_{n}", n + 1
        if own and name != own:
            said.append(f"a second column {own!r} is called {name!r}.")
        columns[name] = column
    return columns, said


def _letters(place: int) -> str:
    """A column's letters in a sheet."""
    letters = ""
    place += 1
    while place:
        place, digit = divmod(place - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def _column(cells: Sequence[Any]) -> Any:
    """Cells as an Arrow column: numbers, booleans, dates or times if they all are, else text."""
    values = [None if cell == "" or (isinstance(cell, str) and not cell.strip()) else cell for cell in cells]
    types = set(map(type, values)) - {type(None)}
    if types and types <= {bool}:
        return pa.array(values, pa.bool_())
    if types and types <= {int, float, bool}:
        return whole_numbers_as_such(pa.array([None if v is None else float(v) for v in values], pa.float64()))
    if types == {date}:
        return pa.array(values, pa.date32())
    if types and types <= {date, datetime}:
        moments = [datetime(v.year, v.month, v.day) if type(v) is date else v for v in values]
        return pa.array(moments, pa.timestamp("us"))
    return pa.array([None if v is None else str(_plain(v)) for v in values], pa.string())


def _plain(cell: Any) -> Any:
    """A cell as it is written: no decimals in whole numbers, truth in small letters."""
    if isinstance(cell, bool):
        return str(cell).lower()
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
