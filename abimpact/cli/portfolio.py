"""`abimpact portfolio`: all tests together."""

import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from abimpact.cli import options as o
from abimpact.cli.asking import metrics_of
from abimpact.errors import UsageError
from abimpact.spec.engine_url import redacted

if TYPE_CHECKING:
    from pathlib import Path

    from abimpact.portfolio.formats import Told

Results = Annotated[
    list[str],
    typer.Argument(
        help="result.json files, folders or patterns of them; or a table of aggregates with several experiments.",
        show_default=False,
        metavar="RESULT",
    ),
]
PriorSd = Annotated[
    str | None,
    typer.Option(
        "--prior-lift-sd",
        metavar="2%",
        help="Standard deviation of true lifts; not given, it is estimated from ten lifts or more.",
        rich_help_panel=o.DECISION,
    ),
]


def portfolio(
    results: Results,
    config: o.Config = None,
    variant: o.Variant = None,
    incumbent: o.Incumbent = None,
    metric: o.Metrics = None,
    where: o.Where = None,
    split: o.Split = None,
    level: o.Level = None,
    prior_lift_sd: PriorSd = None,
    format_name: o.HistoryFormat = "terminal",
    output: o.HistoryOutputs = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
    no_progress: o.NoProgress = False,
) -> int:
    """Take all tests together: what they earned, how many shipped, what of it was luck."""
    from abimpact.cli.progress import shown_progress
    from abimpact.pipeline.reading import Running
    from abimpact.portfolio.results import Asked, together

    asked = Asked(
        config=config,
        flags={
            "variant": variant,
            "incumbent": incumbent,
            "metrics": metrics_of(metric or [], []),
            "where": where,
            "split": split,
        },
        level=level,
        prior_lift_sd=_share(prior_lift_sd),
    )
    with shown_progress(is_wanted=not no_progress) as progress:
        running = Running(memory_limit=memory_limit, threads=threads, progress=progress)
        command = redacted(shlex.join(["abimpact", *sys.argv[1:]]))
        printed(
            lambda: together(results, asked, command=command, running=running).told,
            format_name,
            output or (),
            inputs=(*results, config),
            is_quiet=quiet,
            is_verbose=verbose,
        )
    return 0


def printed(
    make: "Callable[[], Told]",
    format_name: str,
    outputs: Sequence[str],
    *,
    inputs: "Sequence[str | Path | None]",
    is_quiet: bool,
    is_verbose: bool,
) -> None:
    """Write what `make` gives to every output and to standard output; names of formats are checked before."""
    from abimpact.cli.printing import page, show, spare
    from abimpact.portfolio.formats import check_printed, format_of, render, render_text
    from abimpact.render.table import Options
    from abimpact.render.write import write_all

    check_printed(format_name)
    formats = {path: format_of(path) for path in outputs}
    spare(formats, inputs)
    made = make()
    files = {path: render(made, name, Options()) for path, name in formats.items()}
    write_all(files)
    show(render_text(made, format_name, page(is_quiet=is_quiet, is_verbose=is_verbose)).rstrip("\n"))


def _share(text: str | None) -> float | None:
    """A share: "2%" or 0.02."""
    if text is None:
        return None
    number, is_percent, _ = text.strip().partition("%")
    try:
        share = float(number) / (100 if is_percent else 1)
    except ValueError:
        share = -1.0
    if not 0 < share < 10:
        raise UsageError(f"--prior-lift-sd {text!r} is no share above 0.", 'Write it like "2%".')
    return share
