"""The report for a terminal or a pipe: verdict, KPIs with intervals drawn as bars, guardrails, checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.text import Text

from abimpact.decide.decision import Verdict
from abimpact.decide.report import Report
from abimpact.render import bars, escape, layout, numbers
from abimpact.render.capacity import LimitRow
from abimpact.render.layout import Column
from abimpact.render.rows import EstimateRow, GuardrailRow
from abimpact.render.segments import SegmentRow
from abimpact.render.table import Options
from abimpact.render.telling import MOST_CHECKS, MOST_ROWS, MOST_VARIANTS, Row, most_telling
from abimpact.render.view import Block, Check, View, view

_COLOURS = {
    Verdict.SHIP: "green",
    Verdict.KEEP: "blue",
    Verdict.KEEP_TESTING: "yellow",
    Verdict.INVALID: "red",
}
_TONES = {"better": "green", "worse": "red", "open": ""}
_MARKS = {"✗": "red", "!": "yellow", "i": "cyan", "✓": "green"}
_BAR = range(13, 33)  # cells that a bar may have


def render(report: Report, options: Options) -> str:
    """The report as text, with ANSI colours if `options` has them; lines are at most `options.width` wide."""
    seen = view(report, show_anyway=options.show_anyway)
    page = _Page(seen, options)
    lines = page.quiet() if options.is_quiet else page.lines()
    return layout.printed(lines, options)


@dataclass(frozen=True, slots=True)
class _Page:
    """A view laid out for one terminal."""

    view: View
    options: Options

    def say(self, text: str) -> str:
        """Text as this terminal can show it."""
        return escape.terminal(text, self.options.encoding)

    @property
    def width(self) -> int:
        return self.options.width

    def quiet(self) -> list[Text]:
        """The verdict on one line."""
        overall = self.view.overall
        return [Text.assemble((overall.word, self._strong(overall)), "  ", self.say(overall.headline))]

    def lines(self) -> list[Text]:
        """The whole report."""
        v = self.view
        lines = [*layout.paragraph(self.say(v.title), self.width, indent=1, style="bold"), Text()] if v.title else []
        lines += self._verdict(v.overall, v.overall.headline, v.summary, *v.promise, *v.plan, v.warning)
        blocks, fewer = self._fewer(v.blocks, MOST_VARIANTS, lambda b: b is v.overall or b.verdict is Verdict.SHIP)
        for block in blocks:
            if len(v.blocks) > 1:
                told = block.title if block is v.overall else block.headline
                lines += [Text(), *self._verdict(block, told, label=f"{block.proposed}: {block.word}")]
            lines += self._money(block) + self._kpis(block)
            lines += self._guardrails(block) + self._limits(block) + self._for_whom(block)
        lines += self._and_more(fewer, "variants")
        lines += [Text()] * bool(v.contrasts) + [line for c in v.contrasts for line in self._prose(self.say(c))]
        lines += [Text(), *self._checks()]
        if self.options.is_verbose:
            lines += self._details()
        sample = self.say(v.sample)
        if not self.options.is_verbose:
            sample += " " + layout.tie(self.say("· details: -v, -o report.md"))
        return [*lines, Text(), *layout.paragraph(sample, self.width, indent=0, style="dim")]

    def _verdict(self, block: Block, *sentences: str, label: str = "") -> list[Text]:
        """The verdict word as a badge, its sentences beside it."""
        badge = Text(f" {self.say(label or block.word)} ", self._strong(block, is_badge=True))
        indent = min(badge.cell_len + 1, self.width // 3)
        lines = layout.hanging(badge, self.say(sentences[0]), self.width, indent=indent)
        for sentence in filter(None, sentences[1:]):
            lines += layout.paragraph(self.say(sentence), self.width, indent=indent)
        return lines

    def _strong(self, block: Block, *, is_badge: bool = False) -> str:
        colour = _COLOURS[block.verdict]
        return f"bold reverse {colour}" if is_badge else f"bold {colour}"

    def _money(self, block: Block) -> list[Text]:
        if block.money is None:
            return []
        first, second = map(self.say, block.money.lines)
        lines = layout.hanging(Text("Money", "bold"), first, self.width, indent=9)
        return [Text(), *lines, *layout.paragraph(second, self.width, indent=9)]

    def _money_details(self, block: Block) -> list[Text]:
        """Every amount, cost and assumption."""
        found = block.money
        if found is None:
            return []
        lines: list[Text] = []
        for heading, pairs in (("Money", found.rows), ("Costs", found.costs), ("Assumptions", found.assumptions)):
            lines += [Text(), *self._heading(heading)]
            for label, text in pairs:
                lines += layout.hanging(Text(self.say(label), "bold"), self.say(text), self.width, indent=34)
        heads, *rows = found.sensitivity
        columns = [
            Column(header=self.say(head), cells=[self.say(row[i]) for row in rows]) for i, head in enumerate(heads)
        ]
        lines += [Text(), *self._heading("Net value by volume and lift")]
        return lines + layout.table(columns, [""] * len(rows), self.width)

    def _kpis(self, block: Block) -> list[Text]:
        rows, fewer = self._fewer(block.kpis, MOST_ROWS, lambda r: r.is_primary or r.tone != "open")
        if not rows:
            return []
        say, tones = self.say, [_TONES[r.tone] for r in rows]
        columns = [
            self._names("KPI", [r.name for r in rows]),
            Column(header=say(self.view.incumbent), cells=[say(r.incumbent) for r in rows]),
            Column(header=say(block.proposed), cells=[say(r.proposed) for r in rows]),
            Column(header="lift", cells=[say(r.lift) for r in rows], styles=tones),
            Column(header=say(f"{self.view.level} interval"), cells=[say(r.interval) for r in rows]),
            Column(header="p", cells=[say(r.pvalue) for r in rows], rank=1),
        ]
        room = self.width - sum((c.wanted if c.is_text else c.needed) + 2 for c in columns)
        if room >= _BAR.start and any(r.bar for r in rows):
            glyphs = bars.UNICODE if self._is_shown("┊├┤─●◂▸") else bars.ASCII
            drawn = bars.draw([r.bar for r in rows], min(room, _BAR.stop - 1), glyphs)
            columns.insert(5, Column(header="", cells=drawn, styles=tones))
        return [Text(), *layout.table(columns, [say(r.note) for r in rows], self.width), *self._and_more(fewer, "KPIs")]

    def _guardrails(self, block: Block) -> list[Text]:
        rows, fewer = self._fewer(block.guardrails, MOST_ROWS, lambda r: r.tone == "worse")
        if not rows:
            return []
        cell = partial(self._cells, rows)
        tones = [_TONES[r.tone] for r in rows]
        columns = [
            self._names("Guardrail", [r.name for r in rows]),
            Column(header=self.say(self.view.incumbent), cells=cell("incumbent")),
            Column(header=self.say(block.proposed), cells=cell("proposed")),
            Column(header="change", cells=cell("change")),
            Column(header="worst case", cells=cell("worst")),
            Column(header="limit", cells=cell("limit")),
            Column(header="", cells=cell("status"), styles=tones, is_text=True, least=10),
        ]
        return [Text(), *layout.table(columns, [""] * len(rows), self.width), *self._and_more(fewer, "guardrails")]

    def _limits(self, block: Block) -> list[Text]:
        rows = block.limits
        if not rows:
            return []
        cell = partial(self._cells, rows)
        columns = [
            self._names("Limit at full roll-out", [r.name for r in rows]),
            Column(header=self.say(self.view.incumbent), cells=cell("incumbent")),
            Column(header=self.say(block.proposed), cells=cell("proposed")),
            Column(header="interval", cells=cell("interval")),
            Column(header="limit", cells=cell("limit")),
            Column(header="", cells=cell("status"), styles=[_TONES[r.tone] for r in rows], is_text=True, least=8),
        ]
        notes = [self.say(f"busiest day: {r.peak}") if r.peak != numbers.NONE else "" for r in rows]
        return [Text(), *layout.table(columns, notes, self.width)]

    def _for_whom(self, block: Block) -> list[Text]:
        """One sentence for each column of segments; all segments with `-v`."""
        lines = [line for said in block.differing for line in (Text(), *self._prose(self.say(said)))]
        for found in block.for_whom:
            lines += [Text()] * (not lines or self.options.is_verbose) + self._prose(self.say(found.sentence))
            if self.options.is_verbose:
                cell = partial(self._cells, found.rows)
                columns = [
                    self._names(found.title, [r.segment for r in found.rows]),
                    Column(header="units", cells=cell("units"), rank=1),
                    Column(header="effect", cells=cell("effect")),
                    Column(header="interval", cells=cell("interval"), rank=2),
                    Column(header="luck allowed for", cells=cell("shrunken")),
                    Column(header="interval", cells=cell("shrunken_interval")),
                    Column(header="p", cells=cell("pvalue")),
                ]
                lines += layout.table(columns, [""] * len(found.rows), self.width)
        return lines

    def _checks(self) -> list[Text]:
        tally = self.say(" · ").join(layout.tie(self.say(part)) for part in self.view.tally)
        lines = layout.hanging(Text("Checks", "bold"), tally, self.width, indent=9)
        checks, fewer = self._fewer(self.view.checks, MOST_CHECKS, lambda c: c.mark == "✗")
        return [*lines, *(line for check in checks for line in self._check(check)), *self._and_more(fewer, "checks")]

    def _check(self, check: Check) -> list[Text]:
        label = Text.assemble((self.say(check.mark), _MARKS[check.mark]), " ", (self.say(check.code), "bold"))
        listed = self.view.checks + (self.view.fine if self.options.is_verbose else ())
        indent = min(max(len(c.code) for c in listed) + 4, self.width // 3)
        return layout.hanging(label, self.say(check.text), self.width, indent=indent)

    def _details(self) -> list[Text]:
        """What `-v` adds: why, every estimate, the checks that are fine, methods, provenance."""
        v, lines = self.view, [line for check in self.view.fine for line in self._check(check)]
        for block in v.blocks:
            named = f" ({block.proposed})" if len(v.blocks) > 1 else ""
            lines += self._money_details(block)
            if block.because:
                lines += [Text(), *self._heading(f"Why{named}")]
                lines += [line for sentence in block.because for line in self._prose(sentence)]
            if block.estimates:
                lines += [Text(), *self._heading(f"All estimates{named}"), *self._estimates(block)]
        for heading, pairs in (("Methods", v.methods), ("Provenance", v.provenance)):
            lines += [Text(), *self._heading(heading)] if pairs else []
            for label, text in pairs:
                lines += layout.hanging(Text(label, "bold"), self.say(text), self.width, indent=11)
        return lines

    def _estimates(self, block: Block) -> list[Text]:
        rows = block.estimates
        cell = partial(self._cells, rows)
        columns = [
            self._names("KPI", [r.metric for r in rows]),
            Column(header="method", cells=cell("method"), is_text=True, least=19),
            Column(header="difference", cells=cell("difference")),
            Column(header="interval", cells=cell("difference_interval")),
            Column(header="lift", cells=cell("lift")),
            Column(header="interval", cells=cell("lift_interval")),
            Column(header="p", cells=cell("pvalue")),
        ]
        return layout.table(columns, [self.say(r.notes) for r in rows], self.width)

    def _cells(self, rows: Sequence[GuardrailRow | EstimateRow | LimitRow | SegmentRow], key: str) -> list[str]:
        return [self.say(getattr(row, key)) for row in rows]

    def _names(self, header: str, names: list[str]) -> Column:
        return Column(header=header, cells=[self.say(n) for n in names], is_text=True, least=16)

    def _fewer(self, rows: Sequence[Row], most: int, is_telling: Callable[[Row], bool]) -> tuple[Sequence[Row], int]:
        """All rows with `-v`, else the most telling ones and how many are left out."""
        return (rows, 0) if self.options.is_verbose else most_telling(rows, most, is_telling)

    def _and_more(self, left_out: int, what: str) -> list[Text]:
        """A line that says what is not shown."""
        return (
            self._prose(f"… and {numbers.count(left_out)} more {what}: -v, -o report.html", "dim") if left_out else []
        )

    def _heading(self, text: str) -> list[Text]:
        return layout.paragraph(self.say(text), self.width, indent=0, style="bold")

    def _prose(self, text: str, style: str = "") -> list[Text]:
        return layout.paragraph(self.say(text), self.width, indent=0, style=style)

    def _is_shown(self, characters: str) -> bool:
        """Whether the terminal's encoding has all of these."""
        return escape.terminal(characters, self.options.encoding) == characters
