"""What `abimpact check` prints: the findings, without a KPI, in the formats of a report."""

import csv
import json
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from pathlib import PurePath
from typing import Any

from rich.text import Text

from abimpact.decide.report import CheckReport
from abimpact.errors import UsageError, nearest
from abimpact.findings import Severity
from abimpact.render import escape, layout
from abimpact.render.document import Document, Section, to_html, to_markdown
from abimpact.render.json import experiment_of, finding_of, provenance_of
from abimpact.render.numbers import prose, written_in
from abimpact.render.table import Options
from abimpact.render.view import MARKS, check_of, provenance_facts, sample_of, tally_of

SCHEMA = "abimpact/check/1"
# Formats and their extensions; one without an extension is printed only.
EXTENSIONS = {
    "terminal": "",
    "markdown": ".md",
    "html": ".html",
    "json": ".json",
    "csv": ".csv",
    "junit": ".xml",
    "github": "",
    "text": ".txt",
    "xlsx": ".xlsx",
}
_WORDS = {
    Severity.BLOCK: ("NOT SOUND", "invalid"),
    Severity.WARN: ("LOOK", "keep_testing"),
    Severity.PASS: ("SOUND", "ship"),
}


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    extension = PurePath(path).suffix.lower()
    known = {ending: name for name, ending in EXTENSIONS.items() if ending}
    if extension not in known:
        raise UsageError(
            f"{path}: no format of check has the extension {extension!r}.", f"Extensions: {' '.join(known)}."
        )
    return known[extension]


def render(report: CheckReport, name: str, options: Options) -> str | bytes:
    """The findings in the format of that name, bytes for a workbook."""
    if name not in EXTENSIONS:
        raise UsageError(f"--format {name!r} is not a format of check.", nearest(name, EXTENSIONS))
    made: dict[str, Callable[[], str | bytes]] = {
        "terminal": lambda: _terminal(report, options),
        "markdown": lambda: to_markdown(document(report)),
        "html": lambda: to_html(document(report)),
        "json": lambda: escape.json_text(to_dict(report), options.encoding),
        "csv": lambda: _csv(report),
        "junit": lambda: _junit(report),
        "github": lambda: _github(report),
        "text": lambda: _text(report),
        "xlsx": lambda: _workbook(report),
    }
    with written_in(report.presentation.locale):
        return made[name]()


def check_printed(name: str) -> None:
    """UsageError unless `name` is a format for standard output."""
    if name not in EXTENSIONS:
        raise UsageError(f"--format {name!r} is not a format of check.", nearest(name, EXTENSIONS))
    if name == "xlsx":
        raise UsageError(f"--format {name!r} is a file.", "Write it with -o checks.xlsx.")


def to_dict(report: CheckReport) -> dict[str, Any]:
    """The findings as plain dicts, lists, strings and numbers."""
    return {
        "schema": SCHEMA,
        "experiment": experiment_of(report),
        "checks": [finding_of(f) for f in report.findings],
        "provenance": provenance_of(report.provenance),
    }


def worst(report: CheckReport) -> Severity:
    """The weightiest severity: `BLOCK`, `WARN`, or else `PASS`."""
    found = {f.severity for f in report.findings}
    return next((s for s in (Severity.BLOCK, Severity.WARN) if s in found), Severity.PASS)


def headline(report: CheckReport) -> str:
    """Whether the log can be trusted, in a sentence."""
    match worst(report):
        case Severity.BLOCK:
            codes = ", ".join(sorted({f.code for f in report.findings if f.severity is Severity.BLOCK}))
            return f"The log is not sound: {codes}. No KPI should be read before that is mended."
        case Severity.WARN:
            return "Nothing blocks, but the warnings want a look."
    return "The log is sound as far as these checks see."


def document(report: CheckReport) -> Document:
    """The page for Markdown, HTML and Python."""
    word, tone = _WORDS[worst(report)]
    found = [check_of(f) for severity in MARKS for f in report.findings if f.severity is severity]
    title = report.presentation.title
    return Document(
        kind="check",
        word=word,
        tone=tone,
        headline=f"{title}: {headline(report)}" if title else headline(report),
        summary=" · ".join(tally_of(report.findings)),
        sections=(
            Section(title="To look at", facts=tuple((f"{c.mark} {c.code}", c.text) for c in found if c.mark != "✓")),
            Section(
                title="Fine",
                facts=tuple((f"{c.mark} {c.code}", c.text) for c in found if c.mark == "✓"),
                is_detail=True,
            ),
            Section(title="Provenance", facts=provenance_facts(report.provenance), is_detail=True),
        ),
        footer=sample_of(report),
    )


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
    if options.is_verbose:
        lines.append(Text())
        for name, text in provenance_facts(report.provenance):
            lines += layout.hanging(Text(say(name)), say(text), options.width, indent=14)
    sample = layout.paragraph(say(sample_of(report)), options.width, indent=0, style="dim")
    return layout.printed([*lines, Text(), *sample], options)


def _csv(report: CheckReport) -> str:
    """One row a finding; `data` is JSON."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("severity", "code", "message", "why", "do", "data"))
    for finding in map(finding_of, report.findings):
        data = json.dumps(finding["data"], ensure_ascii=False, allow_nan=False)
        texts = [finding[key] for key in ("severity", "code", "message", "why", "do")]
        writer.writerow([*map(escape.spreadsheet, texts), data])
    return out.getvalue()


def _junit(report: CheckReport) -> str:
    from abimpact.render.junit import checks_to_junit

    return checks_to_junit(report.findings, report.provenance.created)


def _github(report: CheckReport) -> str:
    from abimpact.render.github import annotations

    return "\n".join([to_markdown(document(report)), *annotations(report.findings)]).rstrip("\n") + "\n"


def _text(report: CheckReport) -> str:
    """Three lines for a chat."""
    found = [f.code for f in report.findings if f.severity in (Severity.BLOCK, Severity.WARN)]
    named = f" ({', '.join(dict.fromkeys(found))})" if found else ""
    title = f"{report.presentation.title}: " if report.presentation.title else ""
    tally = f"Checks: {' · '.join(tally_of(report.findings))}{named}"
    lines = [title + headline(report), tally, sample_of(report)]
    return "".join(f"{escape.chat(line)}\n" for line in lines)


def _workbook(report: CheckReport) -> bytes:
    from abimpact.render.workbook import Book

    told = report.presentation
    book = Book(told.title, told.owner, datetime.fromisoformat(report.provenance.created))
    heads = ("severity", "check", "seen", "why it matters", "what to do")
    rows = [(f.severity.value, f.code, *map(prose, (f.message, f.why, f.do))) for f in report.findings]
    book.sheet("Checks", heads, rows)
    book.sheet("Provenance", ("", ""), list(provenance_facts(report.provenance)))
    return book.close()
