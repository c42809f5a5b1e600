"""`abimpact report`: from a log to the report, its files and the gate."""

import os
import shlex
import shutil
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from abimpact.cli import options as o
from abimpact.decide.decision import REASONS, Verdict
from abimpact.errors import UsageError, nearest

if TYPE_CHECKING:
    from pathlib import Path

    from abimpact.decide.report import Report
    from abimpact.spec.request import MetricRequest

# What a pipe is taken for.
PIPE_WIDTH = 80


def report(
    sources: o.Sources,
    config: o.Config = None,
    sheet: o.Sheet = None,
    table: o.Table = None,
    unit: o.Unit = None,
    variant: o.Variant = None,
    incumbent: o.Incumbent = None,
    proposed: o.Proposed = None,
    time: o.Time = None,
    metric: o.Metrics = None,
    guardrail: o.Guardrails = None,
    covariate: o.Covariates = None,
    segment: o.Segments = None,
    several_rows: o.SeveralRows = None,
    where: o.Where = None,
    missing: o.MissingMeans = None,
    split: o.Split = None,
    value: o.ValueKeys = None,
    level: o.Level = None,
    resamples: o.Resamples = None,
    seed: o.Seed = None,
    gate: o.Gate = False,
    fail_on: o.FailOn = None,
    show_anyway: o.ShowAnyway = False,
    format_name: o.Format = "terminal",
    output: o.Outputs = None,
    plots: o.Plots = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
    no_progress: o.NoProgress = False,
) -> int:
    """Compare a proposed variant with the incumbent: verdict, KPIs with intervals, data checks."""
    from abimpact.cli.progress import shown_progress
    from abimpact.pipeline.reading import Running
    from abimpact.pipeline.report import run_report
    from abimpact.render.table import Options, check_printed, format_of, render, render_text
    from abimpact.render.write import write
    from abimpact.spec.config import load_request

    check_printed(format_name)
    formats = {path: format_of(path) for path in output or ()}
    failing = _failing(gate, fail_on or [])
    request = load_request(
        {
            "sheet": sheet,
            "table": table,
            "unit": unit,
            "variant": variant,
            "incumbent": incumbent,
            "proposed": tuple(proposed or ()),
            "time": time,
            "metrics": metrics_of(metric or [], guardrail or []),
            "covariates": tuple(covariate or ()),
            "segments": tuple(segment or ()),
            "several_rows": several_rows,
            "where": where,
            "missing": missing.value if missing else None,
            "split": split,
            "value": _money(value or []),
            "level": level,
            "resamples": resamples,
            "seed": seed,
        },
        sources,
        config,
    )
    with shown_progress(is_wanted=not no_progress) as progress:
        found = run_report(
            request,
            command=shlex.join(["abimpact", *sys.argv[1:]]),
            running=Running(memory_limit=memory_limit, threads=threads, progress=progress),
        )
    files = {path: render(found, name, Options(show_anyway=show_anyway)) for path, name in formats.items()}
    for path, content in files.items():
        write(path, content)
    if plots:
        _draw(found, plots, show_anyway=show_anyway)
    page = Options(
        width=width(),
        is_coloured=sys.stdout.isatty() and "NO_COLOR" not in os.environ,
        encoding=sys.stdout.encoding,
        is_quiet=quiet,
        is_verbose=verbose,
        show_anyway=show_anyway,
    )
    show(render_text(found, format_name, page).rstrip("\n"))
    if format_name == "github":
        from abimpact.render.github import append_summary

        append_summary(found, page)
    return _gate(found, failing)


def metrics_of(metrics: list[str], guardrails: list[str]) -> "tuple[MetricRequest, ...]":
    """The first metric is primary, the others secondary."""
    from abimpact.spec.metric import Role
    from abimpact.spec.request import MetricRequest

    roles = [Role.PRIMARY, *[Role.SECONDARY] * len(metrics)]
    named = [MetricRequest(spec=spec, role=role) for spec, role in zip(metrics, roles, strict=False)]
    return (*named, *(MetricRequest(spec=spec, role=Role.GUARDRAIL) for spec in guardrails))


def _money(keys: list[str]) -> dict[str, str | float]:
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
    from abimpact.render.write import make_folder, write

    drawn = list(plots(found, show_anyway=show_anyway))
    if not drawn:
        print("abimpact: no pictures: there is no KPI to show (--show-anyway draws withheld ones)", file=sys.stderr)
    else:
        make_folder(folder)
    for name, content in drawn:
        write(str(folder / name), content)


def show(text: str) -> None:
    """Print to standard output; a reader who has enough of it changes nothing of what the run earned."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer is not to be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"Standard output cannot be written: {error.strerror}.") from error


def width() -> int:
    """Columns of the terminal, or what a pipe is taken for."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH


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
