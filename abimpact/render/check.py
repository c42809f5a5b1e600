"""What `abimpact check` prints: the findings, without a KPI."""

import json
from typing import Any

from rich.text import Text

from abimpact.decide.report import CheckReport
from abimpact.errors import UsageError, nearest
from abimpact.findings import Severity
from abimpact.render import escape, layout
from abimpact.render.json import experiment_of, finding_of, provenance_of
from abimpact.render.table import Options
from abimpact.render.view import MARKS, check_of, sample_of, tally_of

SCHEMA = "abimpact/check/1"
FORMATS = {"terminal": "", "markdown": ".md", "json": ".json"}


def render(report: CheckReport, name: str, options: Options) -> str:
    """The findings in the format of that name."""
    if name not in FORMATS:
        raise UsageError(f"--format {name!r} is not a format of check.", nearest(name, FORMATS))
    if name == "json":
        return json.dumps(to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return _markdown(report) if name == "markdown" else _terminal(report, options)


def to_dict(report: CheckReport) -> dict[str, Any]:
    """The findings as plain dicts, lists, strings and numbers."""
    return {
        "schema": SCHEMA,
        "experiment": experiment_of(report),
        "checks": [finding_of(f) for f in report.findings],
        "provenance": provenance_of(report.provenance),
    }


def headline(report: CheckReport) -> str:
    """Whether the log can be trusted, in a sentence."""
    counts = {s: sum(f.severity is s for f in report.findings) for s in Severity}
    if counts[Severity.BLOCK]:
        codes = ", ".join(sorted({f.code for f in report.findings if f.severity is Severity.BLOCK}))
        return f"The log is not sound: {codes}. No KPI should be read before that is mended."
    if counts[Severity.WARN]:
        return "Nothing blocks, but the warnings want a look."
    return "The log is sound as far as these checks see."


def _markdown(report: CheckReport) -> str:
    safe = escape.markdown
    found = [check_of(f) for severity in MARKS for f in report.findings if f.severity is severity]
    lines = [f"- {c.mark} **{safe(c.code)}**: {safe(c.text)}" for c in found]
    parts = [f"## {safe(headline(report))}", safe(" · ".join(tally_of(report.findings))), "\n".join(lines)]
    return "\n\n".join([*parts, safe(sample_of(report))]) + "\n"


def _terminal(report: CheckReport, options: Options) -> str:
    def say(text: str) -> str:
        return escape.terminal(text, options.encoding)

    lines = layout.paragraph(say(headline(report)), options.width, indent=0, style="bold")
    if options.is_quiet:
        return layout.printed([Text(say(headline(report)))], options)
    lines += layout.paragraph(say(" · ".join(tally_of(report.findings))), options.width, indent=0)
    shown = [f for severity in MARKS for f in report.findings if f.severity is severity]
    found = [check_of(f) for f in shown if options.is_verbose or f.severity is not Severity.PASS]
    widest = min(max((len(c.code) for c in found), default=0) + 4, options.width // 3)
    for check in found:
        label = Text(f"{say(check.mark)} {say(check.code)}")
        lines += layout.hanging(label, say(check.text), options.width, indent=widest)
    sample = layout.paragraph(say(sample_of(report)), options.width, indent=0, style="dim")
    return layout.printed([*lines, Text(), *sample], options)
