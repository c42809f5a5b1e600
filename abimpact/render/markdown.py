"""The report in GitHub-flavoured Markdown, for pull requests, wikis and mails; reads well as plain text."""

from collections.abc import Iterable, Sequence

from abimpact.decide.report import Report
from abimpact.render.escape import markdown as safe
from abimpact.render.table import Options
from abimpact.render.view import Block, View, view


def to_markdown(report: Report, *, show_anyway: bool = False) -> str:
    """The report as Markdown: verdict, KPIs, guardrails and checks first, the rest folded away."""
    v = view(report, show_anyway=show_anyway)
    parts = [f"# {safe(v.title)}"] if v.title else []
    parts += [f"## {v.overall.word}: {safe(v.overall.title)}", safe(f"{v.overall.headline} {v.summary}")]
    parts += [f"**{safe(v.warning)}**"] if v.warning else []
    for block in v.blocks:
        if len(v.blocks) > 1:
            parts += [f"### {safe(block.proposed)}: {block.word}", safe(block.headline)]
        parts += _money(block) + _kpis(v, block) + _guardrails(v, block) + _limits(v, block)
    parts += ["\n".join(f"- {safe(c)}" for c in v.contrasts)] if v.contrasts else []
    parts += _checks(v) + _details(v) + [safe(v.sample)]
    return "\n\n".join(parts) + "\n"


def render(report: Report, options: Options) -> str:
    """`to_markdown` for the table of formats."""
    return to_markdown(report, show_anyway=options.show_anyway)


def _money(block: Block) -> list[str]:
    return [_table(["Money", ""], "lr", block.money.rows)] if block.money else []


def _money_details(block: Block) -> list[str]:
    found = block.money
    if found is None:
        return []
    heads, *rows = found.sensitivity
    return ["**Costs**", _list(found.costs), "**Assumptions**", _list(found.assumptions),
            "**Net value by volume and lift**", _table(heads, "r" * len(heads), rows)]  # fmt: skip


def _kpis(v: View, block: Block) -> list[str]:
    if not block.kpis:
        return []
    headers = ["KPI", v.incumbent, block.proposed, "lift", f"{v.level} interval", "p", ""]
    rows = [(r.name, r.incumbent, r.proposed, r.lift, r.interval, r.pvalue, r.note) for r in block.kpis]
    return [_table(headers, "lrrrrrl", rows)]


def _guardrails(v: View, block: Block) -> list[str]:
    if not block.guardrails:
        return []
    headers = ["Guardrail", v.incumbent, block.proposed, "change", "worst case", "limit", ""]
    rows = [(r.name, r.incumbent, r.proposed, r.change, r.worst, r.limit, r.status) for r in block.guardrails]
    return [_table(headers, "lrrrrrl", rows)]


def _limits(v: View, block: Block) -> list[str]:
    if not block.limits:
        return []
    headers = ["Limit at full roll-out", v.incumbent, block.proposed, f"{v.level} interval", "busiest day", "limit", ""]
    rows = [(r.name, r.incumbent, r.proposed, r.interval, r.peak, r.limit, r.status) for r in block.limits]
    return [_table(headers, "lrrrrrl", rows)]


def _checks(v: View) -> list[str]:
    lines = [f"- {c.mark} **{safe(c.code)}**: {safe(c.text)}" for c in v.checks]
    return [f"**Checks:** {safe(' · '.join(v.tally))}", *(["\n".join(lines)] if lines else [])]


def _details(v: View) -> list[str]:
    """The folded parts: checks that are fine, why, all estimates, methods, provenance."""
    parts = _fold("Checks that are fine", [_list((c.code, c.text) for c in v.fine)] if v.fine else [])
    for block in v.blocks:
        named = f" ({safe(block.proposed)})" if len(v.blocks) > 1 else ""
        parts += _fold(f"Costs and assumptions{named}", _money_details(block))
        parts += _fold(f"Why{named}", ["\n".join(f"- {safe(b)}" for b in block.because)] if block.because else [])
        parts += _fold(f"All estimates{named}", [_estimates(block)] if block.estimates else [])
    parts += _fold("Methods", [_list(v.methods)] if v.methods else [])
    return parts + _fold("Provenance", [_list(v.provenance)])


def _estimates(block: Block) -> str:
    headers = ["KPI", "method", "difference", "interval", "lift", "interval", "p", "notes"]
    rows = [
        (r.metric, r.method, r.difference, r.difference_interval, r.lift, r.lift_interval, r.pvalue, r.notes)
        for r in block.estimates
    ]
    return _table(headers, "llrrrrrl", rows)


def _fold(summary: str, body: list[str]) -> list[str]:
    return [f"<details><summary>{summary}</summary>", *body, "</details>"] if body else []


def _list(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- **{safe(label)}**: {safe(text)}" for label, text in pairs)


def _table(headers: Sequence[str], alignment: str, rows: Iterable[Sequence[str]]) -> str:
    """A GFM table, padded so that it can be read as plain text; `alignment` has l or r for each column."""
    cells = [[safe(c) for c in row] for row in (headers, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * (w - 1) + ":" if a == "r" else "-" * w for a, w in zip(alignment, widths, strict=True)]
    padded = [
        [c.rjust(w) if a == "r" else c.ljust(w) for c, a, w in zip(row, alignment, widths, strict=True)]
        for row in cells
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (padded[0], rule, *padded[1:]))
