"""`abimpact report`: from a log to the report, its files and the gate."""

import sys
from functools import partial
from typing import TYPE_CHECKING

from abimpact.cli import options as o
from abimpact.cli.asking import Asked, reads_a_log
from abimpact.cli.printing import draw, page, show, spare
from abimpact.decide.decision import REASONS, Verdict
from abimpact.errors import UsageError, nearest

if TYPE_CHECKING:
    from pathlib import Path

    from abimpact.decide.report import Report


@reads_a_log
def report(
    asked: Asked,
    value: o.ValueKeys = None,
    plan: o.SignedPlan = None,
    resamples: o.Resamples = None,
    studentized: o.Studentized = None,
    promised: o.Promised = None,
    gate: o.Gate = False,
    fail_on: o.FailOn = None,
    show_anyway: o.ShowAnyway = False,
    format_name: o.Format = "terminal",
    output: o.Outputs = None,
    plots: o.Plots = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Compare a proposed variant with the incumbent: verdict, KPIs with intervals, data checks."""
    from abimpact.pipeline.report import run_report
    from abimpact.render.table import Options, check_printed, format_of, module_of, render, render_text
    from abimpact.render.write import write_all

    check_printed(format_name)
    formats = {path: format_of(path) for path in output or ()}
    spare(formats, (*asked.inputs, promised, plan))
    failing = _failing(gate, fail_on or [])
    is_drawn = plots is not None or "html" in (format_name, *formats.values())
    found = asked.run(
        partial(
            run_report, with_distribution=is_drawn, needed=[module_of(f) for f in (format_name, *formats.values())]
        ),
        asked.request(value=money_keys(value or []), resamples=resamples, studentized=studentized, signed=plan),
    )
    if promised:
        from abimpact.portfolio.promised import with_promise

        found = with_promise(found, promised)
    files = {path: render(found, name, Options(show_anyway=show_anyway)) for path, name in formats.items()}
    write_all(files)
    if plots:
        _draw(found, plots, show_anyway=show_anyway)
    laid_out = page(is_quiet=quiet, is_verbose=verbose, show_anyway=show_anyway)
    show(render_text(found, format_name, laid_out).rstrip("\n"))
    if format_name == "github":
        from abimpact.render.github import append_summary

        append_summary(render_text(found, "markdown", laid_out))
    return _gate(found, failing)


def money_keys(keys: list[str]) -> dict[str, str | float]:
    """The keys of `[value]` given as KEY=VALUE."""
    found: dict[str, str | float] = {}
    for text in keys:
        key, is_given, amount = (part.strip() for part in text.partition("="))
        if not (key and is_given and amount):
            raise UsageError(f"--value {text!r} is not KEY=VALUE.", "Write it like --value build_cost=60000.")
        try:
            found[key] = float(amount)
        except ValueError:
            found[key] = amount
    return found


def _draw(found: "Report", folder: "Path", *, show_anyway: bool) -> None:
    """Write the pictures, all drawn before the first is written."""
    from abimpact.render.plots import plots

    drawn = list(plots(found, show_anyway=show_anyway))
    if not drawn:
        print("abimpact: no pictures: there is no KPI to show (--show-anyway draws withheld ones)", file=sys.stderr)
    draw(folder, drawn)


def _failing(gate: bool, fail_on: list[str]) -> tuple[str, ...]:
    """The verdicts, `code` or `code/reason`, that fail the gate."""
    known = [*map(str, REASONS), *(f"{code}/{reason}" for code, reasons in REASONS.items() for reason in reasons)]
    for verdict in fail_on:
        if verdict not in known:
            raise UsageError(f"--fail-on {verdict!r} is not a verdict.", nearest(verdict, known))
    return tuple(fail_on) or (tuple(code for code in REASONS if code is not Verdict.SHIP) if gate else ())


def _gate(found: "Report", failing: tuple[str, ...]) -> int:
    code, reason = found.verdict.code.value, found.verdict.reason
    if code not in failing and f"{code}/{reason}" not in failing:
        return 0
    print(f"abimpact: the gate failed: {code}/{reason}", file=sys.stderr)
    return 1
