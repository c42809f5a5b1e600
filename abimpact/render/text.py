"""The report in at most five lines, to paste into a chat."""

from abimpact.decide.report import Report
from abimpact.render.escape import chat
from abimpact.render.table import Options
from abimpact.render.view import Block, View, view

_NAMED = 3  # KPIs and guardrails told one by one


def to_text(report: Report, *, show_anyway: bool = False) -> str:
    """Verdict, KPIs, guardrails, checks and sample, a line each; KPIs and guardrails are those of the best variant."""
    v = view(report, show_anyway=show_anyway)
    titled = f"{v.title}: " if v.title else ""
    lines = [f"{titled}{v.overall.word}: {v.overall.headline}", v.warning, *_tables(v.overall), _checks(v), v.sample]
    return "".join(f"{chat(line)}\n" for line in lines if line)


def render(report: Report, options: Options) -> str:
    """`to_text` for the table of formats."""
    return to_text(report, show_anyway=options.show_anyway)


def _tables(block: Block) -> list[str]:
    kpis = [f"{r.name} {r.lift} ({r.interval})" for r in block.kpis]
    rails = [f"{r.name} {r.change}, {r.status}" for r in block.guardrails]
    rails += [f"{r.name} {r.proposed}, {r.status}" for r in block.limits]
    return [
        f"{label}: {'; '.join(told[:_NAMED])}{_more(told)}"
        for label, told in (("KPIs", kpis), ("Guardrails", rails))
        if told
    ]


def _more(told: list[str]) -> str:
    return f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""


def _checks(v: View) -> str:
    found = [c.code for c in v.checks if c.mark != "i"]
    named = f" ({', '.join(dict.fromkeys(found))})" if found else ""
    return f"Checks: {' · '.join(v.tally)}{named}"
