"""Someone else's totals, as tables of reports have them: by period and variant, one column a number."""

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from abimpact.errors import DataError
from abimpact.read.compressed import check_compressed
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.joining import log_columns
from abimpact.read.loading import load
from abimpact.read.sources import expand
from abimpact.read.survey import survey
from abimpact.read.unchanged import unchanged
from abimpact.spec.expression import quote
from abimpact.spec.request import Pick

MOST_ROWS = 10_000
# Letters that may stand beside a number: a currency.
MOST_LETTERS = 4
# "book.xlsx#Q1!B3:E9": a sheet, a range of its cells, or both.
PLACE = re.compile(
    r"(?P<file>.+?\.\w+)#(?:(?P<sheet>[^!]+?)!)?(?P<cells>\$?[A-Z]{1,3}\$?\d+:\$?[A-Z]{1,3}\$?\d+)?", re.I
)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
TOTALS = frozenset("total totals all sum overall gesamt summe total: grand total".split()) | {"grand total"}
# Names of columns that say how long their periods are.
LENGTHS = {"day": "day", "date": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirRow:
    """One row: the first day of its period and its variant, None where it is about all of them, and its numbers."""

    period: date | None
    variant: str | None
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirTotals:
    """The whole table. `length` is that of a period (day week month quarter year), None without periods.

    `decimals` says to how many places each column is written.
    """

    path: str
    length: str | None
    rows: tuple[TheirRow, ...]
    decimals: Mapping[str, int]


def read_totals(place: str, variants: Sequence[str]) -> TheirTotals:
    """The totals in a file, or in a sheet and range of a workbook; `variants` are the names that the log has."""
    match = PLACE.fullmatch(place)
    path, pick = (match["file"], Pick(sheet=match["sheet"], cells=match["cells"])) if match else (place, Pick())
    if not match and "#" in place:
        path, _, sheet = place.rpartition("#")
        pick = Pick(sheet=sheet)
    files = expand([path])
    for file in files:
        check_compressed(file)
    with unchanged(files), closing(DuckDBEngine()) as engine:
        engine.lock([file.path for file in files])
        loaded = load(engine, survey(engine, files, pick))
        columns = log_columns(engine, loaded)
        selected = ", ".join(map(quote, columns))
        rows = engine.rows(f"SELECT {selected} FROM {loaded.relation} LIMIT {MOST_ROWS + 1}")
    if not rows or len(rows) > MOST_ROWS:
        raise DataError(
            f"{place} has {'no' if not rows else f'more than {MOST_ROWS:,}'} rows.",
            "Give a table of totals: one row a period (and variant), one column a number.",
        )
    by_name = {name: [row[i] for row in rows] for i, name in enumerate(columns)}
    return _totals(place, by_name, variants, "," if loaded.has_decimal_commas else ".")


def _totals(place: str, columns: Mapping[str, Sequence[Any]], variants: Sequence[str], mark: str) -> TheirTotals:
    known = {_folded(v): v for v in variants}
    periods = next(((n, p) for n, values in columns.items() if (p := _periods(n, values)) is not None), None)
    named = [
        name
        for name, values in columns.items()
        if not (periods and name == periods[0])
        and all(v is None or _folded(v) in known or _folded(v) in TOTALS for v in values)
        and any(v is not None and _folded(v) in known for v in values)
    ]
    variant = named[0] if named else None
    rest = {n: v for n, v in columns.items() if n != variant and not (periods and n == periods[0])}
    numbers = {n: found for n, v in rest.items() if (found := _numbers(v, mark)) is not None}
    if not numbers:
        raise DataError(f"{place} has no column of numbers.", "One column a total: rows, units, or a metric's name.")
    count = len(next(iter(columns.values())))
    return TheirTotals(
        path=place,
        length=periods[1][0] if periods else None,
        rows=tuple(
            TheirRow(
                period=periods[1][1][i] if periods else None,
                variant=known.get(_folded(columns[variant][i])) if variant else None,
                numbers={n: x for n, values in numbers.items() if (x := values[i]) is not None},
            )
            for i in range(count)
        ),
        decimals={n: _decimals(values) for n, values in numbers.items()},
    )


def _folded(value: object) -> str:
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    return " ".join(text.casefold().split())


def _periods(name: str, values: Sequence[Any]) -> tuple[str, list[date | None]] | None:
    """The length of the periods in a column and the first day of each; None if it holds none."""
    found: list[tuple[str, date] | None] = []
    for value in values:
        if value is None or _folded(value) in TOTALS:
            found.append(None)
            continue
        period = _period(value)
        if period is None:
            return None
        found.append(period)
    lengths = {f[0] for f in found if f}
    if len(lengths) != 1:
        return None
    length, days = lengths.pop(), [f[1] if f else None for f in found]
    if length == "year" and not all(isinstance(v, str | None) for v in values) and "year" not in name.casefold():
        return None  # a number like 2024 may be a count
    if length == "day":
        length = next((of for word, of in LENGTHS.items() if word in name.casefold()), "day")
        if length == "day" and len({d for d in days if d}) > 1 and all(d is None or d.day == 1 for d in days):
            length = "month"
    return length, days


def _period(value: Any) -> tuple[str, date] | None:
    """The length and first day of the period that a cell names."""
    if isinstance(value, datetime):
        return "day", value.date()
    if isinstance(value, date):
        return "day", value
    text = _folded(value)
    if m := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ t]00:00(?::00)?)?", text):
        return _made("day", int(m[1]), int(m[2]), int(m[3]))
    if m := re.fullmatch(r"(\d{4})[-/](\d{1,2})", text):
        return _made("month", int(m[1]), int(m[2]))
    if m := re.fullmatch(r"(\d{1,2})[-/.](\d{4})", text):
        return _made("month", int(m[2]), int(m[1]))
    if (m := re.fullmatch(r"([a-z]{3})[a-z]*\.? (\d{4})", text)) and m[1] in MONTHS:
        return _made("month", int(m[2]), MONTHS.index(m[1]) + 1)
    if m := re.fullmatch(r"(\d{4})[- ]?q([1-4])", text) or re.fullmatch(r"q(?P<q>[1-4])[- /]?(?P<y>\d{4})", text):
        year, quarter = (m["y"], m["q"]) if "y" in m.groupdict() else (m[1], m[2])
        return _made("quarter", int(year), 3 * int(quarter) - 2)
    if m := re.fullmatch(r"(\d{4})[- ]?w(\d{1,2})", text):
        try:
            return "week", date.fromisocalendar(int(m[1]), int(m[2]), 1)
        except ValueError:
            return None
    return _made("year", int(text)) if re.fullmatch(r"(19|20)\d\d", text) else None


def _made(length: str, year: int, month: int = 1, day: int = 1) -> tuple[str, date] | None:
    try:
        return length, date(year, month, day)
    except ValueError:
        return None


def _numbers(values: Sequence[Any], mark: str) -> list[float | None] | None:
    """A column as numbers, `mark` being the decimal one where nothing shows it; None if it holds something else."""
    texts = [re.sub(r"[^\d.,+-]", "", v.replace("−", "-")) for v in values if isinstance(v, str)]
    mark = _decimal_mark(texts) or mark
    found: list[float | None] = []
    for value in values:
        if value is None or (isinstance(value, str) and value.strip() in ("", "-")):
            found.append(None)
        elif isinstance(value, int | float):
            found.append(float(value))
        elif isinstance(value, str) and (number := _number(value, mark)) is not None:
            found.append(number)
        else:
            return None
    return found if any(x is not None for x in found) else None


def _decimal_mark(texts: Sequence[str]) -> str | None:
    """The mark that can only be the decimal one: the last of two kinds, or one before other than three digits."""
    for text in texts:
        last = max(text.rfind("."), text.rfind(","))
        if last >= 0 and ((("." in text) and ("," in text)) or len(text) - last - 1 != 3):
            return text[last]
    return None


def _number(text: str, mark: str) -> float | None:
    """A number as reports write it: 1,234.50 or 1.234,50, with a currency beside it."""
    bare = re.sub(r"[^\d.,+-]", "", text.replace("−", "-"))
    if not re.search(r"\d", bare) or len(re.findall(r"[^\W\d_]", text)) > MOST_LETTERS:
        return None
    bare = bare.replace("." if mark == "," else ",", "").replace(mark, ".")
    try:
        return float(bare)
    except ValueError:
        return None


def _decimals(values: Sequence[float | None]) -> int:
    """To how many places the numbers of a column are written, at most six."""
    places = (f"{x:.6f}".rstrip("0").partition(".")[2] for x in values if x is not None)
    return max(map(len, places), default=0)
