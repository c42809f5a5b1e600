"""`abimpact rerun`: do the numbers of a stored result still hold?"""

import shlex
import sys
from typing import Annotated

import typer

from abimpact.cli import options as o
from abimpact.cli.printing import deliver, page, spare
from abimpact.spec.engine_url import redacted

Result = Annotated[str, typer.Argument(help="What -o result.json wrote.", metavar="RESULT", show_default=False)]
Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Where the log or a further file is now, if it moved (repeat).",
        rich_help_panel=o.WHAT,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The engine that has the log: none is taken from RESULT.", rich_help_panel=o.WHAT),
]
Tolerance = Annotated[
    float,
    typer.Option(metavar="1e-9", help="Relative difference of a number that is rounding.", rich_help_panel=o.DECISION),
]


def rerun(
    result: Result,
    data: Data = None,
    engine: Engine = None,
    tolerance: Tolerance = 1e-9,
    format_name: o.DocumentFormat = "terminal",
    output: o.DocumentOutputs = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
    no_progress: o.NoProgress = False,
) -> int:
    """Run a stored result again and say whether its numbers still hold; exit 1 if they do not."""
    from abimpact.cli.progress import shown_progress
    from abimpact.pipeline.reading import Running
    from abimpact.rerun.page import document, to_dict
    from abimpact.rerun.recorded import read_recorded
    from abimpact.rerun.run import run_again

    spare(output or (), (result, *(data or ())))
    with shown_progress(is_wanted=not no_progress) as progress:
        found = run_again(
            read_recorded(result),
            given=tuple(data or ()),
            engine=engine,
            tolerance=tolerance,
            command=redacted(shlex.join(["abimpact", *sys.argv[1:]])),
            running=Running(memory_limit=memory_limit, threads=threads, progress=progress),
        )
    laid_out = page(is_quiet=quiet, is_verbose=verbose)
    deliver(document(found), to_dict(found), format_name, output or (), None, laid_out)
    if found.holds:
        return 0
    print("abimpact: the gate failed: the numbers do not hold", file=sys.stderr)
    return 1
