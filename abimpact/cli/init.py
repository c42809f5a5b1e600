"""`abimpact init`: looks at a log and writes a first abimpact.toml, every guess with its reason."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abimpact.cli import options as o
from abimpact.cli.printing import page, show
from abimpact.errors import UsageError

if TYPE_CHECKING:
    from abimpact.spec.request import Request
    from abimpact.spec.starting import Start

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Ask nothing: take what is proposed.", rich_help_panel=o.RUNNING)
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.", rich_help_panel=o.OUTPUT)]
NAME = "abimpact.toml"


def init(
    sources: o.Sources,
    sheet: o.Sheet = None,
    table: o.Table = None,
    unit: o.Unit = None,
    variant: o.Variant = None,
    incumbent: o.Incumbent = None,
    time: o.Time = None,
    segment: o.Segments = None,
    force: Force = False,
    yes: Yes = False,
    quiet: o.Quiet = False,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
) -> int:
    """Look at a log and write a first abimpact.toml here: unit, variant, incumbent, KPIs, each with its reason."""
    from abimpact.pipeline.init import run_init
    from abimpact.pipeline.reading import Running
    from abimpact.render.starter import explained, to_toml
    from abimpact.render.write import write
    from abimpact.spec.request import Request

    path = Path(NAME)
    if path.exists() and not force:
        raise UsageError(f"An {NAME} lies here already.", "Give --force to replace it, or run in another folder.")
    request = Request(
        sources=tuple(sources),
        sheet=sheet,
        table=table,
        unit=unit,
        variant=variant,
        incumbent=incumbent,
        time=time,
        segments=tuple(segment or ()),
    )
    running = Running(memory_limit=memory_limit, threads=threads)
    start = run_init(request, running=running)
    if not yes and sys.stdin.isatty() and sys.stdout.isatty():
        show(explained(start, page(is_quiet=False, is_verbose=False)).rstrip("\n"))
        request, is_each_row = _asked(request, start)
        start = run_init(request, running=running)
        start = replace(start, unit=None, several_rows="") if is_each_row else start
    command = _command(sources)
    write(str(path), to_toml(start, command))
    options = page(is_quiet=quiet, is_verbose=False)
    doubts = f" Look at: {', '.join(start.doubts)}." if start.doubts else ""
    said = "" if quiet else explained(start, options).rstrip("\n") + "\n\n"
    show(f"{said}{NAME} is written.{doubts} Next: {command}")
    return 0


def _asked(request: "Request", start: "Start") -> "tuple[Request, bool]":
    """The request with what a person answers (the default is what is proposed), and whether each row is a unit."""
    unit = start.unit.name if start.unit else ""
    asked = replace(
        request,
        variant=typer.prompt("Variant column", default=start.variant.name if start.variant else "") or None,
        incumbent=typer.prompt("Incumbent, the variant that runs today", default=start.incumbent.name),
        unit=typer.prompt("Unit column (nothing: each row is a unit)", default=unit, show_default=bool(unit)) or None,
    )
    return asked, asked.unit is None


def _command(sources: Sequence[str]) -> str:
    """The report with the config that is written here, which has to be named where another lies beside the log."""
    import shlex

    from abimpact.spec.config import find_config

    beside = find_config(sources, Path.cwd())
    named = ["-c", NAME] if beside and beside.resolve() != Path(NAME).resolve() else []
    return shlex.join(["abimpact", "report", *named, *sources])
