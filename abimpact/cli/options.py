"""The options that commands share, in four panels: what is what, decision, output, running."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from abimpact.spec.experiment import SeveralRows as Rule

WHAT, DECISION, OUTPUT, RUNNING = "What is what", "Decision", "Output", "Running"


class Missing(StrEnum):
    """What a null outcome means."""

    ZERO = "zero"
    EXCLUDE = "exclude"


FILES = "Files (Parquet, CSV, JSON lines, Arrow, Excel, SPSS, Stata, SQLite, DuckDB), globs or folders"
Sources = Annotated[
    list[str],
    typer.Argument(help=f"{FILES}.", show_default=False, metavar="SOURCE"),
]
FilesOrEngine = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"{FILES}; or an engine's URL.",
        show_default=False,
        metavar="SOURCE",
    ),
]
AnySources = Annotated[
    list[str] | None,
    typer.Argument(help="A log, as for report; none: from numbers alone.", show_default=False, metavar="SOURCE"),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", help="abimpact.toml (found beside the first source, then here).", rich_help_panel=WHAT
    ),
]
AllowPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-path",
        metavar="DIR",
        help="A further folder that paths in the config may lead into (its own and those of the sources: repeat).",
        rich_help_panel=WHAT,
    ),
]
AllowEngine = Annotated[
    bool,
    typer.Option("--allow-engine", help="Ask the engine, and its query, that the config names.", rich_help_panel=WHAT),
]
Sheet = Annotated[str | None, typer.Option(help="Sheet of a workbook with several.", rich_help_panel=WHAT)]
Table = Annotated[
    str | None, typer.Option(help="Table of a database with several, or of the engine.", rich_help_panel=WHAT)
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Engine that has the log: postgresql://user@host/database, spark://host:7077, …",
        rich_help_panel=WHAT,
    ),
]
Query = Annotated[
    str | None, typer.Option(metavar="SQL", help="The log as a query in the engine's SQL.", rich_help_panel=WHAT)
]
Unit = Annotated[
    str | None, typer.Option(help="Column of what was randomised. None: each row is a unit.", rich_help_panel=WHAT)
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="COL",
        help="Column of what was randomised where that is coarser than a unit: store, region, day.",
        rich_help_panel=WHAT,
    ),
]
Variant = Annotated[str | None, typer.Option(help="Column of the variant.", rich_help_panel=WHAT)]
Time = Annotated[str | None, typer.Option(help="Column of the row's date or time.", rich_help_panel=WHAT)]
Incumbent = Annotated[str | None, typer.Option(help="The variant that runs today: the rules.", rich_help_panel=WHAT)]
Proposed = Annotated[
    list[str] | None,
    typer.Option(help="A variant to compare with it (repeat). None: all others.", rich_help_panel=WHAT),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--metric",
        metavar="SPEC",
        help="revenue, orders/sessions, latency_ms:p90 or name=expression; :lower if lower is better (repeat). "
        "The first decides.",
        rich_help_panel=WHAT,
    ),
]
Guardrails = Annotated[
    list[str] | None,
    typer.Option(
        "--guardrail",
        metavar="SPEC",
        help="As a metric; @2% is the worsening tolerated (repeat).",
        rich_help_panel=WHAT,
    ),
]
Covariates = Annotated[
    list[str] | None,
    typer.Option(
        "--covariate", metavar="COL", help="Column known before, to adjust by (repeat).", rich_help_panel=WHAT
    ),
]
Segments = Annotated[
    list[str] | None,
    typer.Option("--segment", metavar="COL", help="Column to break effects down by (repeat).", rich_help_panel=WHAT),
]
MetBy = Annotated[
    str | None,
    typer.Option(
        "--met-by",
        metavar="COL",
        help="Column of others (customers, shops) who may meet units of several variants.",
        rich_help_panel=WHAT,
    ),
]
Promised = Annotated[
    str | None,
    typer.Option(
        "--promised",
        metavar="RESULT",
        help="A result.json that promised something, to hold this log against.",
        rich_help_panel=DECISION,
    ),
]
Outcomes = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Outcomes in a file of their own, joined by the unit.", rich_help_panel=WHAT),
]
SeveralRows = Annotated[
    Rule | None, typer.Option("--several-rows", help="What several rows of a unit mean.", rich_help_panel=WHAT)
]
Where = Annotated[
    str | None, typer.Option(metavar="EXPR", help="Only rows for which this holds.", rich_help_panel=WHAT)
]
MissingMeans = Annotated[
    Missing | None, typer.Option("--missing", help="What a null outcome means (exclude).", rich_help_panel=WHAT)
]
Split = Annotated[
    str | None, typer.Option(metavar="50:50", help="Planned split, the incumbent first.", rich_help_panel=DECISION)
]
SignedPlan = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="plan.toml signed before the test: its keys hold, and what was done otherwise is said.",
        rich_help_panel=DECISION,
    ),
]
ValueKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--value",
        metavar="KEY=VALUE",
        help="A key of \\[value], as units_per_year=2400000 or build_cost=60000 (repeat): what the effect is worth.",
        rich_help_panel=DECISION,
    ),
]
Level = Annotated[float | None, typer.Option(help="Confidence level (0.95).", rich_help_panel=DECISION)]
Resamples = Annotated[
    int | None, typer.Option(min=0, help="Bootstrap resamples (9999); 0: none.", rich_help_panel=DECISION)
]
Studentized = Annotated[
    bool | None,
    typer.Option(
        "--studentized",
        help="Also resample in the standard errors of each resample (bootstrap-t).",
        rich_help_panel=DECISION,
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of the bootstrap (0).", rich_help_panel=DECISION)]
Gate = Annotated[bool, typer.Option("--gate", help="Exit 1 unless the verdict is ship.", rich_help_panel=DECISION)]
CheckGate = Annotated[bool, typer.Option("--gate", help="Exit 1 if a check blocks.", rich_help_panel=DECISION)]
CheckFormat = Annotated[
    str,
    typer.Option(
        "-f",
        "--format",
        help="terminal, markdown, html, json, csv, junit, github or text: to standard output.",
        rich_help_panel=OUTPUT,
    ),
]
DocumentFormat = Annotated[
    str,
    typer.Option(
        "-f", "--format", help="terminal, markdown, html or json, to standard output.", rich_help_panel=OUTPUT
    ),
]
DocumentOutputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Also write FILE: .md, .html, .json (repeat).", rich_help_panel=OUTPUT
    ),
]
Repetitions = Annotated[int, typer.Option(help="How many tests are simulated.", rich_help_panel=DECISION)]
SimulatedUnits = Annotated[
    int | None, typer.Option("--units", help="Units of each test (as many as the log has).", rich_help_panel=DECISION)
]
FromPlan = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PLAN",
        help="A plan.toml: draw the log of such a test from its assumptions (-o log.parquet) and report on it.",
        rich_help_panel=DECISION,
    ),
]
Lift = Annotated[
    str | None,
    typer.Option(
        "--lift", metavar="3%", help="The effect put in (the one that 80 % of tests find).", rich_help_panel=DECISION
    ),
]
HistoryFormat = Annotated[
    str,
    typer.Option(
        "-f", "--format", help="terminal, markdown, html, json, csv, text: to standard output.", rich_help_panel=OUTPUT
    ),
]
HistoryOutputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Also write FILE: .html, .md, .json, .csv, .xlsx, .txt (repeat).",
        rich_help_panel=OUTPUT,
    ),
]
Reconcile = Annotated[
    str | None,
    typer.Option(
        "--reconcile",
        metavar="FILE",
        help="Someone else's totals by period and variant; of a workbook also FILE#SHEET!B3:E9.",
        rich_help_panel=WHAT,
    ),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="VERDICT",
        help="Exit 1 on this verdict, code or code/reason (repeat).",
        rich_help_panel=DECISION,
    ),
]
ShowAnyway = Annotated[
    bool, typer.Option("--show-anyway", help="Show KPIs although the log is not sound.", rich_help_panel=OUTPUT)
]
Format = Annotated[
    str,
    typer.Option(
        "-f",
        "--format",
        help="terminal, markdown, html, json, csv, junit, github or text, to standard output.",
        rich_help_panel=OUTPUT,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Also write FILE: .html, .md, .json, .csv, .xlsx, .pptx, .xml (JUnit), .txt (repeat).",
        rich_help_panel=OUTPUT,
    ),
]
Plots = Annotated[
    Path | None,
    typer.Option("--plots", metavar="DIR", help="Write the pictures to DIR, as SVG and PNG.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="The verdict in one line.", rich_help_panel=OUTPUT)]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="All methods and checks; tracebacks.", rich_help_panel=OUTPUT)
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(metavar="4GB", help="Memory of the engine; it spills to disk beyond.", rich_help_panel=RUNNING),
]
Threads = Annotated[
    int | None, typer.Option(min=1, max=256, help="Threads of the engine (all cores).", rich_help_panel=RUNNING)
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="No progress bar.", rich_help_panel=RUNNING)]
