"""Lines of text for a terminal: wrapping and columns, measured in cells, where no number is ever cut."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from abimpact.render.table import Options

_GAP = 2
_HEADER, _WIDE_HEADER = 12, 24  # cells of a header over numbers: at least, and where there is room
_TIED = "\ue000"  # stands for a space at which a line must not break; escaped text never holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of numbers, or of names that may wrap down to `least` cells; `rank` 0 is never dropped.

    Columns with a rank are dropped on narrow terminals, highest first.
    """

    header: str
    cells: Sequence[str]
    styles: Sequence[str] = ()
    is_text: bool = False
    least: int = 0
    rank: int = 0

    @property
    def wanted(self) -> int:
        """The width at which no cell wraps; a header over numbers wraps all the same if it is long."""
        return self._wide(cell_len(self.header) if self.is_text else _WIDE_HEADER)

    @property
    def needed(self) -> int:
        """The width below which a number would be cut or a name become unreadable."""
        return min(self.wanted, self.least) if self.is_text else self._wide(_HEADER)

    def _wide(self, header: int) -> int:
        return max(min(cell_len(self.header), header), *map(cell_len, self.cells), 0)


def tie(text: str) -> str:
    """`text` held together on one line if it fits there."""
    return text.replace(" ", _TIED)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells; a number keeps its unit, only a word wider than a line is broken."""
    tied = text.replace(" %", _TIED + "%").replace(" points", _TIED + "points")
    lines = [""]
    for word in _words(tied.split(" "), width):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return [line.replace(_TIED, " ") for line in lines if line] or [""]


def _words(words: Iterable[str], width: int) -> Iterator[str]:
    """Words that fit into a line: a tied one too wide is untied, a single one too wide is chopped."""
    for word in words:
        for part in [word] if cell_len(word) <= width else word.split(_TIED):
            yield from chop_cells(part, width) if cell_len(part) > width else [part]


def paragraph(text: str, width: int, *, indent: int, style: str = "") -> list[Text]:
    """Wrapped text, every line indented."""
    return [Text(" " * indent + line, style) for line in wrap(text, width - indent)]


def hanging(label: Text, text: str, width: int, *, indent: int) -> list[Text]:
    """A label, and beside it text whose later lines start at `indent`; a wide label gets its own line."""
    lines = paragraph(text, width, indent=indent)
    if label.cell_len > indent - 1:
        return [label, *lines]
    pad = " " * (indent - label.cell_len)
    return [Text.assemble(label, pad, lines[0].plain[indent:]), *lines[1:]]


def table(columns: Sequence[Column], notes: Sequence[str], width: int) -> list[Text]:
    """Rows of `columns` under their headers, each followed by its note; stacked where they don't fit.

    The first column is the name. Columns with a rank are dropped first, then each row becomes a paragraph.
    """
    while sum(c.needed + _GAP for c in columns) - _GAP > width:
        worst = max(c.rank for c in columns)
        if not worst:
            return _stacked(columns, notes, width)
        columns = [c for c in columns if c.rank != worst]
    widths = [c.needed for c in columns]
    for i, column in enumerate(columns):
        spare = width - sum(widths) - _GAP * (len(widths) - 1)
        widths[i] += min(spare, column.wanted - widths[i])
    lines = _row([(c.header, "bold") for c in columns], columns, widths)
    for i, note in enumerate(notes):
        cells = [(c.cells[i], c.styles[i] if c.styles else "") for c in columns]
        lines += _row(cells, columns, widths)
        lines += paragraph(note, width, indent=2, style="dim") if note else []
    return lines


def _row(cells: Sequence[tuple[str, str]], columns: Sequence[Column], widths: Sequence[int]) -> list[Text]:
    """One row's cells side by side, as many lines as the tallest cell has."""
    wrapped = [wrap(text, w) if text.strip() else [text] for (text, _), w in zip(cells, widths, strict=True)]
    lines = []
    for i in range(max(map(len, wrapped))):
        line = Text()
        for (_, style), part, column, width in zip(cells, wrapped, columns, widths, strict=True):
            text = part[i] if i < len(part) else ""
            pad = " " * (width - cell_len(text))
            line.append(text + pad if column.is_text else pad + text, style).append(" " * _GAP)
        line.rstrip()
        lines.append(line)
    return lines


def _stacked(columns: Sequence[Column], notes: Sequence[str], width: int) -> list[Text]:
    """Each row as its name and, below, `header value` pairs."""
    lines: list[Text] = []
    for i, note in enumerate(notes):
        lines += paragraph(columns[0].cells[i], width, indent=0, style="bold")
        pairs = [tie(f"{c.header} {c.cells[i]}".strip()) for c in columns[1:]]
        lines += paragraph(" · ".join(pairs), width, indent=2)
        lines += paragraph(note, width, indent=2, style="dim") if note else []
    return lines


def printed(lines: Iterable[Text], options: Options) -> str:
    """Lines as text, with ANSI colours if `options` has them."""
    out = StringIO()
    console = Console(
        file=out,
        force_terminal=options.is_coloured,
        no_color=not options.is_coloured,
        color_system="standard" if options.is_coloured else None,
        highlight=False,
        legacy_windows=False,
    )
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
    return out.getvalue()
