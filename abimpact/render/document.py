"""A page of headline, sentences, tables and pictures: what every verb but `report` prints.

A verb makes one `Document` of strings that are written already (see `numbers`) and one dictionary of its numbers; the
formats only lay them out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from abimpact.errors import UsageError, nearest
from abimpact.render import escape, layout
from abimpact.render.charts import Chart
from abimpact.render.layout import Column
from abimpact.render.markdown import fold, listed, table
from abimpact.render.table import Options

EXTENSIONS = {"terminal": "", "markdown": ".md", "html": ".html", "json": ".json"}
_COLOURS = {"ship": "green", "keep": "blue", "keep_testing": "yellow", "invalid": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells under their headers; `alignment` has l (words) or r (numbers) for each column, the first names the row.

    `ranks` (none: all 0) has for each column when a narrow terminal drops it: 0 never, the highest first.
    """

    headers: tuple[str, ...]
    alignment: str
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    ranks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page under its title: sentences, then labelled facts, tables and pictures.

    `is_detail` parts are shown by the terminal with -v only, and folded elsewhere.
    """

    title: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    is_detail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is printed: `word` is the answer in capitals, `tone` the verdict whose colour it takes."""

    kind: str
    word: str
    tone: str
    headline: str
    summary: str = ""
    sections: tuple[Section, ...] = ()
    footer: str = ""

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All pictures."""
        return tuple(chart for section in self.sections for chart in section.charts)


def render(document: Document, numbers: Mapping[str, Any], name: str, options: Options) -> str:
    """The page in the format of that name; `numbers` are what JSON holds."""
    if name not in EXTENSIONS:
        raise UsageError(f"--format {name!r} is not a format of this command.", nearest(name, EXTENSIONS))
    if name == "json":
        return escape.json_text(numbers, options.encoding)
    made: dict[str, Callable[[Document, Options], str]] = {
        "terminal": _terminal,
        "markdown": lambda page, _: to_markdown(page),
        "html": lambda page, _: to_html(page),
    }
    return made[name](document, options)


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    for name, extension in EXTENSIONS.items():
        if extension and path.lower().endswith(extension):
            return name
    raise UsageError(
        f"{path}: no format of this command has this extension.",
        f"Extensions: {' '.join(filter(None, EXTENSIONS.values()))}.",
    )


def to_markdown(document: Document) -> str:
    """The page in GitHub-flavoured Markdown; details are folded away."""
    safe = escape.markdown
    parts = [f"## {safe(document.word)}: {safe(document.headline)}"]
    parts += [safe(document.summary)] if document.summary else []
    for section in document.sections:
        body = [safe(sentence) for sentence in section.sentences]
        body += [listed(section.facts)] if section.facts else []
        for found in section.tables:
            body += [safe(found.caption)] if found.caption else []
            body += table(found.headers, found.alignment, found.rows)
        if not body:
            continue
        parts += fold(safe(section.title), body) if section.is_detail else [f"### {safe(section.title)}", *body]
    return "\n\n".join([*parts, safe(document.footer)]).rstrip() + "\n"


def to_html(document: Document) -> str:
    """The page as one HTML file that needs nothing else."""
    from abimpact.render.html import page

    return page("document.html", d=document)


def _terminal(document: Document, options: Options) -> str:
    def say(text: str) -> str:
        return escape.terminal(text, options.encoding)

    def cells(column: int, found: Table) -> list[str]:
        return [say(row[column]) for row in found.rows]

    label = Text(f" {say(document.word)}  ", f"bold {_COLOURS.get(document.tone, '')}".strip())
    if options.is_quiet:
        return layout.printed([Text.assemble(label, say(document.headline))], options)
    lines = layout.hanging(label, say(document.headline), options.width, indent=label.cell_len + 1)
    lines += (
        layout.paragraph(say(document.summary), options.width, indent=label.cell_len + 1) if document.summary else []
    )
    for section in document.sections:
        if section.is_detail and not options.is_verbose:
            continue
        if not (section.sentences or section.facts or section.tables):
            continue
        lines += [Text(), *layout.paragraph(say(section.title), options.width, indent=0, style="bold")]
        for sentence in section.sentences:
            lines += layout.paragraph(say(sentence), options.width, indent=0)
        indent = min(max((len(name) for name, _ in section.facts), default=0) + 2, options.width // 3)
        for name, text in section.facts:
            lines += layout.hanging(Text(say(name)), say(text), options.width, indent=indent)
        for found in section.tables:
            lines += layout.paragraph(say(found.caption), options.width, indent=0, style="dim") if found.caption else []
            columns = [
                Column(
                    header=say(header),
                    cells=cells(i, found),
                    is_text=side == "l",
                    least=12 if side == "l" else 0,
                    rank=found.ranks[i] if found.ranks else 0,
                )
                for i, (header, side) in enumerate(zip(found.headers, found.alignment, strict=True))
            ]
            lines += layout.table(columns, [""] * len(found.rows), options.width)
    if document.footer:
        lines += [Text(), *layout.paragraph(say(document.footer), options.width, indent=0, style="dim")]
    return layout.printed(lines, options)
