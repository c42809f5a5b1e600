"""A comparison or a portfolio in the format of a name or of a file's extension."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from abimpact.errors import UsageError, nearest
from abimpact.render import document
from abimpact.render.document import Document
from abimpact.render.escape import chat, spreadsheet
from abimpact.render.table import Options

EXTENSIONS = {**document.EXTENSIONS, "csv": ".csv", "text": ".txt"}


@dataclass(frozen=True, slots=True)
class Told:
    """What is printed, its numbers, and its rows as a flat table (made on demand)."""

    page: Document
    numbers: Mapping[str, Any]
    rows: Callable[[], Sequence[Mapping[str, Any]]]


def render(told: Told, name: str, options: Options) -> str:
    """The text in the format of that name."""
    check(name)
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


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return spreadsheet(value) if isinstance(value, str) else value


def check(name: str) -> None:
    """UsageError unless there is a format of that name."""
    if name not in EXTENSIONS:
        raise UsageError(f"--format {name!r} is not a format of this command.", nearest(name, EXTENSIONS))


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    for name, extension in EXTENSIONS.items():
        if extension and path.lower().endswith(extension):
            return name
    known = " ".join(filter(None, EXTENSIONS.values()))
    raise UsageError(f"{path}: no format of this command has this extension.", f"Extensions: {known}.")
