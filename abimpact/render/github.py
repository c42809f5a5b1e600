"""The report for GitHub Actions: Markdown, and annotations for the checks that block or warn.

The job summary is the same Markdown, appended to the file that the runner names.
"""

import os
from collections.abc import Sequence

from abimpact.decide.report import Report
from abimpact.errors import UsageError
from abimpact.findings import Finding, Severity
from abimpact.render import phrases
from abimpact.render.escape import workflow
from abimpact.render.markdown import to_markdown
from abimpact.render.table import Options
from abimpact.render.write import append

SUMMARY = "GITHUB_STEP_SUMMARY"
_COMMANDS = {Severity.BLOCK: "error", Severity.WARN: "warning"}


def render(report: Report, options: Options) -> str:
    """The Markdown, then one workflow command a line."""
    return (
        "\n".join([to_markdown(report, show_anyway=options.show_anyway), *annotations(report.findings)]).rstrip("\n")
        + "\n"
    )


def annotations(findings: Sequence[Finding]) -> list[str]:
    """One workflow command for each check that blocks or warns."""
    return [_annotation(f) for severity in _COMMANDS for f in findings if f.severity is severity]


def append_summary(markdown: str) -> None:
    """Append to the job summary, if the runner wants one; UsageError if it can't be written."""
    path = os.environ.get(SUMMARY)
    if not path:
        return
    try:
        append(path, markdown)
    except OSError as error:
        raise UsageError(
            f"{path}: the job summary cannot be written: {error.strerror}.", f"Check {SUMMARY}, or unset it."
        ) from error


def _annotation(found: Finding) -> str:
    title = workflow(f"abimpact: {found.code}", is_property=True)
    return f"::{_COMMANDS[found.severity]} title={title}::{workflow(phrases.finding(found))}"
