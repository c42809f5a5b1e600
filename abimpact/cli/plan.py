"""`abimpact plan`: how many units, how long, and which effect, before a test starts."""

from datetime import date
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abimpact.cli import options as o
from abimpact.cli.asking import Asked, reads_a_log
from abimpact.cli.printing import draw, page, show, spare
from abimpact.cli.report import money_keys
from abimpact.errors import UsageError

if TYPE_CHECKING:
    from abimpact.render.document import Document
    from abimpact.spec.request import Request

TARGET, DESIGN = "What to find", "How it will run"


class Claim(StrEnum):
    """What is to be shown of the primary KPI."""

    BETTER = "better"
    SAFE = "safe"
    EQUIVALENT = "equivalent"


class Sequential(StrEnum):
    """How the test will be looked at."""

    NONE = "none"
    ALWAYS_VALID = "always-valid"
    GROUP = "group"


_known = partial(typer.Option, rich_help_panel=o.WHAT)
_target = partial(typer.Option, rich_help_panel=TARGET)
_design = partial(typer.Option, rich_help_panel=DESIGN)
Number = float | None
Baseline = Annotated[Number, _known(help="The KPI today, in place of a log.")]
Sd = Annotated[Number, _known(help="Standard deviation of a unit; none: a proportion.")]
Lift = Annotated[str | None, _target(metavar="2%", help="Effect to be found.")]
Effect = Annotated[Number, _target(help="Effect to be found, in the KPI's unit.")]
Units = Annotated[int | None, _target(help="Units in all: which effect do they show?")]
Days = Annotated[int | None, _target(help="Days of the test: which effect do they show?")]
Power = Annotated[Number, _target(help="Chance to show the effect if it is there (0.8).")]
Claims = Annotated[Claim | None, _target(help="What is to be shown of the primary KPI (better).")]
Margin = Annotated[str | None, _target(metavar="2%", help="Of the claims safe and equivalent.")]
DailyUnits = Annotated[Number, _design(help="New units a day (those of the log).")]
TrafficShare = Annotated[Number, _design(help="Share of them that takes part (1).")]
Correlation = Annotated[Number, _design(help="Of the KPI with what is known before (that of the log).")]
Comparisons = Annotated[int | None, _design(help="Primary KPIs × variants that share the error (counted).")]
Sequentially = Annotated[Sequential | None, _design(help="How it will be looked at (none).")]
Looks = Annotated[list[float] | None, _design(metavar="SHARE", help="A planned look, the last one 1 (repeat).")]
Start = Annotated[str | None, _design(metavar="DATE", help="First day (today, in a plan to be signed).")]
Question = Annotated[str | None, _design(help="What the test is to decide, in a sentence.")]
Format = Annotated[
    str, typer.Option("-f", "--format", help="terminal, markdown, html, json.", rich_help_panel=o.OUTPUT)
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Also write FILE: .toml and .md to be signed, .html, .json (repeat).",
        rich_help_panel=o.OUTPUT,
    ),
]


@partial(reads_a_log, is_needed=False)
def plan(
    asked: Asked,
    baseline: Baseline = None,
    sd: Sd = None,
    lift: Lift = None,
    effect: Effect = None,
    units: Units = None,
    days: Days = None,
    power: Power = None,
    claim: Claims = None,
    margin: Margin = None,
    daily_units: DailyUnits = None,
    traffic_share: TrafficShare = None,
    covariate_correlation: Correlation = None,
    comparisons: Comparisons = None,
    sequential: Sequentially = None,
    look: Looks = None,
    start: Start = None,
    question: Question = None,
    value: o.ValueKeys = None,
    format_name: Format = "terminal",
    output: Outputs = None,
    plots: o.Plots = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Plan a test: units and days for an effect, or the effect that they show, or the length that earns most."""
    from abimpact.plan.figures import figures
    from abimpact.plan.page import page as page_of
    from abimpact.plan.run import run_plan, with_baseline
    from abimpact.render.document import render
    from abimpact.render.numbers import written_in
    from abimpact.render.plots import as_files
    from abimpact.render.write import write_all

    spare(output or (), asked.inputs)
    is_group = bool(look) and sequential is None
    request = asked.request(
        value=money_keys(value or []),
        sequential="group" if is_group else sequential and sequential.value,
        looks=tuple(look or ()),
    )
    request, known = with_baseline(request, baseline, sd)
    keys: dict[str, Any] = {
        "lift": lift,
        "effect": effect,
        "units": units,
        "days": days,
        "power": power,
        "claim": claim and claim.value,
        "margin": margin,
        "daily_units": daily_units,
        "traffic_share": traffic_share,
        "covariate_correlation": covariate_correlation,
        "comparisons": comparisons,
        "start": _day(start) or _today(request, output or []),
        "question": question,
        "kpi": known,
    }
    found = asked.run(partial(run_plan, keys=keys), request)
    with written_in(found.presentation.locale):
        document = page_of(found)
        numbers = figures(found, document.headline)
        files = {path: _file(found, document, numbers, path) for path in output or ()}
        text = render(document, numbers, format_name, page(is_quiet=quiet, is_verbose=verbose))
    write_all(files)
    if plots:
        draw(plots, list(as_files(document.charts)))
    show(text.rstrip("\n"))
    return 0


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"--start {text!r} is no date.", "Write it like 2026-03-01.") from error


def _today(request: "Request", output: list[str]) -> date | None:
    """The first day of a plan to be signed, unless the config names another."""
    is_signed = any(path.lower().endswith((".toml", ".md")) for path in output)
    return date.today() if is_signed and not (request.plan or {}).get("start") else None


def _file(found: Any, document: "Document", numbers: dict[str, Any], path: str) -> str:
    """What a file holds by its extension; .toml and .md are the page that is signed."""
    from abimpact.plan.signed import sheet, to_toml
    from abimpact.render.document import format_of, render
    from abimpact.render.table import Options

    if path.lower().endswith(".toml"):
        return to_toml(found)
    if path.lower().endswith(".md"):
        return sheet(found)
    return render(document, numbers, format_of(path), Options())
