"""The report as three slides to edit: verdict and money, KPIs and guardrails, what was checked and assumed."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from abimpact.decide.decision import Verdict
from abimpact.decide.report import Report
from abimpact.render.escape import xml
from abimpact.render.table import Options
from abimpact.render.view import View, view

_COLOURS = {
    Verdict.SHIP: "1B7F3B",
    Verdict.KEEP: "1F5FA8",
    Verdict.KEEP_TESTING: "8A6100",
    Verdict.INVALID: "B3261E",
}
_WIDTH, _HEIGHT, _MARGIN = 13.333, 7.5, 0.6  # inches
_BOTTOM, _ROW, _LINE = 6.75, 0.36, 0.2  # where content ends; a table's row, and each further line in it
_LONGEST = 300  # characters of a cell
_LEFT, _RIGHT = 1, 3  # as PowerPoint numbers alignments
Cells = Sequence[Sequence[str]]


def render(report: Report, options: Options) -> bytes:
    """The presentation's bytes; with an invalid verdict KPIs and money are withheld unless `options.show_anyway`."""
    from pptx import Presentation
    from pptx.util import Inches

    v = view(report, show_anyway=options.show_anyway)
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
    created = datetime.fromisoformat(report.provenance.created)
    about = deck.core_properties
    about.title, about.author = xml(v.title or v.overall.headline)[:250], xml(report.presentation.owner)[:250]
    about.created, about.modified, about.last_modified_by = created, created, ""
    _verdict(deck, v)
    _numbers(deck, v)
    _basis(deck, v)
    out = BytesIO()
    deck.save(out)
    return _undated(out)


def _verdict(deck: Any, v: View) -> None:
    slide = _Slide(deck, f"{v.overall.word}: {v.overall.title}", _COLOURS[v.overall.verdict])
    slide.text([v.overall.headline, v.summary, v.warning], size=20)
    if len(v.blocks) > 1:
        slide.text([f"{b.proposed}: {b.word}" for b in v.blocks], size=14)
    if v.overall.money:
        slide.table(["Money", ""], v.overall.money.rows, (4.5, 7.5))
    slide.foot(" · ".join(filter(None, [v.title, v.sample])))


def _numbers(deck: Any, v: View) -> None:
    block = v.overall
    slide = _Slide(deck, "KPIs and guardrails")
    slide.text([v.warning], size=16)
    kpis = [(r.name, r.incumbent, r.proposed, r.lift, r.interval, r.pvalue) for r in block.kpis]
    rails = [(r.name, r.incumbent, r.proposed, r.change, r.worst, r.limit, r.status) for r in block.guardrails]
    kpi_heads = ["KPI", v.incumbent, block.proposed, "lift", f"{v.level} interval", "p"]
    slide.table(kpi_heads, kpis, (4.1, 1.6, 1.6, 1.6, 2.2, 1.0))
    rail_heads = ["Guardrail", v.incumbent, block.proposed, "change", "worst case", "limit", ""]
    slide.table(rail_heads, rails, (3.3, 1.3, 1.3, 1.5, 1.5, 1.4, 1.8))
    limits = [(r.name, r.incumbent, r.proposed, r.interval, r.peak, r.limit, r.status) for r in block.limits]
    limit_heads = ["At full roll-out", v.incumbent, block.proposed, f"{v.level} interval", "busiest day", "limit", ""]
    slide.table(limit_heads, limits, (2.9, 1.2, 1.2, 2.0, 2.3, 1.3, 1.2))
    slide.foot(v.sample)


def _basis(deck: Any, v: View) -> None:
    slide = _Slide(deck, "What was checked and assumed")
    slide.text([f"Checks: {' · '.join(v.tally)}"], size=16)
    assumed = v.overall.money.assumptions if v.overall.money else ()
    checks = [(c.mark, c.code, c.text) for c in v.checks]
    slide.table(["", "Check", "What was seen"], checks, (0.5, 2.6, 9.0), _BOTTOM - (len(assumed) + 1.5) * _ROW)
    slide.table(["Assumed", ""], assumed, (2.5, 9.6))
    command = dict(v.provenance).get("command", "")
    slide.foot(f"Run again: {command}")


class _Slide:
    """One slide, filled from the top."""

    def __init__(self, deck: Any, title: str, colour: str = "222222") -> None:
        from pptx.dml.color import RGBColor
        from pptx.util import Inches, Pt

        colour_of: Any = RGBColor
        self._slide = deck.slides.add_slide(deck.slide_layouts[5])
        head = self._slide.shapes.title
        head.left, head.top = Inches(_MARGIN), Inches(0.35)
        head.width, head.height = Inches(_WIDTH - 2 * _MARGIN), Inches(0.9)
        head.text_frame.word_wrap = True
        head.text_frame.text = _short(title, 90)
        run = head.text_frame.paragraphs[0].runs[0]
        head.text_frame.paragraphs[0].alignment = _LEFT
        run.font.size, run.font.bold, run.font.color.rgb = Pt(30), True, colour_of(*bytes.fromhex(colour))
        self._top = 1.4

    def text(self, lines: Sequence[str], size: int) -> None:
        """Paragraphs across the slide; empty ones are left out."""
        told = [line for line in lines if line]
        if told:
            told = [_short(line, 600) for line in told]
            self._box(told, self._top, size)
            wrapped = sum(1 + len(line) // int(1700 / size) for line in told)
            self._top += wrapped * size / 72 * 1.25 + 0.15

    def table(self, heads: Sequence[str], rows: Cells, widths: Sequence[float], bottom: float = _BOTTOM) -> None:
        """A native table that ends above `bottom`; the rows for which there is no room are counted."""
        from pptx.util import Inches, Pt

        if not rows:
            return
        shown = [[_short(head, 24) for head in heads]]
        end = self._top + _height(shown[0], widths) + 0.3
        for row in rows:
            end += _height(row, widths)
            if end > bottom and len(shown) > 1:
                break
            shown.append([*row])
        place = (Inches(x) for x in (_MARGIN, self._top, sum(widths), _ROW * len(shown)))
        table = self._slide.shapes.add_table(len(shown), len(heads), *place).table
        for column, width in enumerate(widths):
            table.columns[column].width = Inches(width)
        is_numeric = len(heads) > 3
        for i, row in enumerate(shown):
            table.rows[i].height = Inches(_height(row, widths))
            self._top += _height(row, widths)
            for column, text in enumerate(row):
                cell = table.cell(i, column)
                cell.text = _short(text)
                cell.margin_top = cell.margin_bottom = Inches(0.04)
                cell.text_frame.paragraphs[0].font.size = Pt(12)
                cell.text_frame.paragraphs[0].alignment = _RIGHT if is_numeric and 0 < column < 6 else _LEFT
        if len(rows) >= len(shown):
            self.text([f"and {len(rows) - len(shown) + 1} more in the report"], size=12)
        self._top += 0.2

    def foot(self, text: str) -> None:
        """Small print at the bottom."""
        self._box([text], _HEIGHT - 0.65, 11)

    def _box(self, lines: Sequence[str], top: float, size: int) -> None:
        from pptx.util import Inches, Pt

        box = self._slide.shapes.add_textbox(
            Inches(_MARGIN), Inches(top), Inches(_WIDTH - 2 * _MARGIN), Inches(len(lines) * size / 72 * 1.3)
        )
        box.text_frame.word_wrap = True
        for i, line in enumerate(lines):
            paragraph = box.text_frame.paragraphs[0] if i == 0 else box.text_frame.add_paragraph()
            paragraph.text = xml(line)
            paragraph.font.size = Pt(size)


def _height(row: Sequence[str], widths: Sequence[float]) -> float:
    """How high a row is in inches, at some eleven characters an inch."""
    return _ROW + _LINE * max(min(len(t), _LONGEST) // int(11 * w) for t, w in zip(row, widths, strict=True))


def _short(text: str, longest: int = _LONGEST) -> str:
    """Text that fits; numbers are never so long."""
    shown = xml(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _undated(file: BytesIO) -> bytes:
    """The same file without the time of day in its directory, so that equal reports are equal bytes."""
    out = BytesIO()
    with ZipFile(file) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(ZipInfo(name), old.read(name), ZIP_DEFLATED)
    return out.getvalue()
