"""The report in GitHub-flavoured Markdown, for pull requests, wikis and mails; reads well as plain text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from abimpact.decide.report import Report
from abimpact.render import bars
from abimpact.render.escape import code
from abimpact.render.escape import markdown as safe
from abimpact.render.glossary import GLOSSARY
from abimpact.render.rows import GuardrailRow, KpiRow
from abimpact.render.table import Options
from abimpact.render.view import Block, View, view

Item = TypeVar("Item")

LARGEST = 60_000  # bytes; a comment on GitHub holds 65,536 characters
# How many estimates, and how many rows of any other list: tried in turn until the page is small enough.
_ALL = 1_000_000
_MOST = ((_ALL, _ALL), (0, _ALL), (0, 100), (0, 50), (0, 25), (0, 12), (0, 6), (0, 3), (0, 1))
_BAR = 32  # cells of the plot
_TONES = ("worse", "open", "better")


def to_markdown(report: Report, *, show_anyway: bool = False) -> str:
    """The report as Markdown: verdict, KPIs, guardrails and checks first, the rest folded away.

    A page that would be larger than a comment may be is shortened, and says by what.
    """
    v = view(report, show_anyway=show_anyway)
    text = ""
    for estimates, rows in _MOST:
        text = _Page(v, estimates, rows).text()
        if len(text.encode("utf-8", "backslashreplace")) < LARGEST:
            break
    return text


def render(report: Report, options: Options) -> str:
    """`to_markdown` for the table of formats."""
    return to_markdown(report, show_anyway=options.show_anyway)


@dataclass(frozen=True, slots=True)
class _Page:
    """A view laid out, with so many estimates and rows of any other list at most; `left_out` counts the others."""

    view: View
    most_estimates: int
    most: int
    left_out: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        v = self.view
        parts = [f"# {safe(v.title)}"] if v.title else []
        parts += [f"## {v.overall.word}: {safe(v.overall.title)}", safe(f"{v.overall.headline} {v.summary}")]
        head, *deviations = (safe(line) for line in v.plan or ("",))
        parts += [head] if head else []
        parts += ["\n".join(f"- {line}" for line in deviations)] if deviations else []
        parts += [safe(line) for line in v.promise]
        parts += [f"**{safe(v.warning)}**"] if v.warning else []
        place = len(parts)
        # The one that decides first, so that it is never left out.
        blocks = self.some("variants", sorted(v.blocks, key=lambda block: block is not v.overall), v.blocks)
        for block in blocks:
            if len(v.blocks) > 1:
                parts += [f"### {safe(block.proposed)}: {block.word}", safe(block.headline)]
            parts += _money(block) + self.kpis(block) + self.guardrails(block) + self.limits(block)
            parts += [safe(line) for line in block.differing]
        contrasts = self.some("comparisons of variants", v.contrasts)
        parts += ["\n".join(f"- {safe(c)}" for c in contrasts)] if contrasts else []
        parts += self.checks() + self.details(blocks) + [safe(v.sample)]
        if self.left_out:
            told = ", ".join(f"{n} {what}" for what, n in self.left_out.items())
            parts.insert(place, f"*Shortened to fit: {told} are left out here; `-o result.json` has them all.*")
        return "\n\n".join(parts) + "\n"

    def some(self, what: str, items: Sequence[Item], order: Sequence[Item] = ()) -> list[Item]:
        """The first items, in their usual `order`; the others are counted as `what`."""
        kept = items[: self.most_estimates if what == "estimates" else self.most]
        if len(kept) < len(items):
            self.left_out[what] = self.left_out.get(what, 0) + len(items) - len(kept)
        ids = set(map(id, kept))
        return [item for item in order or items if id(item) in ids]

    def kpis(self, block: Block) -> list[str]:
        rows = self.some("KPIs", sorted(block.kpis, key=lambda row: not row.is_primary), block.kpis)
        headers = ["KPI", self.view.incumbent, block.proposed, "lift", f"{self.view.level} interval", "p", ""]
        cells = [(r.name, r.incumbent, r.proposed, r.lift, r.interval, r.pvalue, r.note) for r in rows]
        return [*table(headers, "lrrrrrl", cells), *_plot(rows, self.view.level)]

    def guardrails(self, block: Block) -> list[str]:
        def weight(row: GuardrailRow) -> int:
            return _TONES.index(row.tone)

        rows = self.some("guardrails", sorted(block.guardrails, key=weight), block.guardrails)
        headers = ["Guardrail", self.view.incumbent, block.proposed, "change", "worst case", "limit", ""]
        cells = [(r.name, r.incumbent, r.proposed, r.change, r.worst, r.limit, r.status) for r in rows]
        return table(headers, "lrrrrrl", cells)

    def limits(self, block: Block) -> list[str]:
        v = self.view
        headers = ["Limit at full roll-out", v.incumbent, block.proposed, f"{v.level} interval", "busiest day", "limit"]
        rows = self.some("limits", block.limits)
        cells = [(r.name, r.incumbent, r.proposed, r.interval, r.peak, r.limit, r.status) for r in rows]
        return table([*headers, ""], "lrrrrrl", cells)

    def for_whom(self, block: Block) -> list[str]:
        parts = []
        for found in block.for_whom:
            rows = self.some("segments", found.rows)
            cells = [
                (r.segment, r.units, r.effect, r.interval, r.shrunken, r.shrunken_interval, r.pvalue) for r in rows
            ]
            headers = ["segment", "units", "effect", "interval", "luck allowed for", "interval", "p, adjusted"]
            parts += [f"**{safe(found.title)}.** {safe(found.sentence)}", *table(headers, "lrrrrrr", cells)]
        return parts

    def developed(self, block: Block) -> list[str]:
        parts = []
        for found in block.developed:
            rows = self.some("days", found.rows)
            cells = [(r.day, r.units, r.effect, r.interval, r.so_far, r.so_far_interval) for r in rows]
            headers = ["day", "units", "effect", "interval", "so far", "interval"]
            parts += [f"**{safe(found.title)}.** {safe(' '.join(found.sentences))}", *table(headers, "rrrrrr", cells)]
        return parts

    def checks(self) -> list[str]:
        found = self.some("checks", self.view.checks)
        lines = [f"- {c.mark} **{safe(c.code)}**: {safe(c.text)}" for c in found]
        return [f"**Checks:** {safe(' · '.join(self.view.tally))}", *(["\n".join(lines)] if lines else [])]

    def details(self, blocks: Iterable[Block]) -> list[str]:
        """The folded parts: checks that are fine, money, why, all estimates, methods, words, provenance."""
        v = self.view
        fine = self.some("checks that are fine", v.fine)
        parts = fold("Checks that are fine", [listed((c.code, c.text) for c in fine)] if fine else [])
        for block in blocks:
            named = f" ({safe(block.proposed)})" if len(v.blocks) > 1 else ""
            parts += fold(f"For whom{named}", self.for_whom(block))
            parts += fold(f"How it developed{named}", self.developed(block))
            parts += fold(f"Costs and assumptions{named}", _money_details(block))
            parts += fold(f"Why{named}", ["\n".join(f"- {safe(b)}" for b in block.because)] if block.because else [])
            parts += fold(f"All estimates{named}", self.estimates(block))
        parts += fold("Methods", [listed(v.methods)] if v.methods else [])
        parts += fold("Words", [listed(GLOSSARY)])
        return parts + fold("Provenance", [listed(v.provenance)])

    def estimates(self, block: Block) -> list[str]:
        headers = ["KPI", "method", "difference", "interval", "lift", "interval", "p", "notes"]
        cells = [
            (r.metric, r.method, r.difference, r.difference_interval, r.lift, r.lift_interval, r.pvalue, r.notes)
            for r in self.some("estimates", block.estimates)
        ]
        return table(headers, "llrrrrrl", cells)


def _plot(rows: Sequence[KpiRow], level: str) -> list[str]:
    """The intervals as text on one scale, where there are several to compare."""
    seen = [row for row in rows if row.bar]
    if len(seen) < 2:
        return []
    drawn = bars.draw([row.bar for row in seen], _BAR, bars.UNICODE)
    lines = [f"{bar}  {row.lift:>8}  {code(row.name)}" for bar, row in zip(drawn, seen, strict=True)]
    return ["\n".join(["```", f"lift with {level} interval (┊ zero)", *lines, "```"])]


def _money(block: Block) -> list[str]:
    return table(["Money", ""], "lr", block.money.rows) if block.money else []


def _money_details(block: Block) -> list[str]:
    found = block.money
    if found is None:
        return []
    heads, *rows = found.sensitivity
    return ["**Costs**", listed(found.costs), "**Assumptions**", listed(found.assumptions),
            "**Net value by volume and lift**", *table(heads, "r" * len(heads), rows)]  # fmt: skip


def fold(summary: str, body: list[str]) -> list[str]:
    """Parts folded away under a summary; nothing where there are none."""
    return [f"<details><summary>{summary}</summary>", *body, "</details>"] if body else []


def listed(pairs: Iterable[tuple[str, str]]) -> str:
    """Labelled facts as a list."""
    return "\n".join(f"- **{safe(label)}**: {safe(text)}" for label, text in pairs)


def table(headers: Sequence[str], alignment: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A GFM table, padded so that it can be read as plain text; `alignment` has l or r for each column."""
    if not rows:
        return []
    cells = [[safe(c) for c in row] for row in (headers, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * (w - 1) + ":" if a == "r" else "-" * w for a, w in zip(alignment, widths, strict=True)]
    padded = [
        [c.rjust(w) if a == "r" else c.ljust(w) for c, a, w in zip(row, alignment, widths, strict=True)]
        for row in cells
    ]
    return ["\n".join(f"| {' | '.join(row)} |" for row in (padded[0], rule, *padded[1:]))]
