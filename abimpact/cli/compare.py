"""`abimpact compare`: what changed between two runs."""

from typing import Annotated

import typer

from abimpact.cli import options as o
from abimpact.cli.portfolio import printed

Old = Annotated[str, typer.Argument(help="The result.json of the earlier run.", metavar="OLD", show_default=False)]
New = Annotated[str, typer.Argument(help="The result.json of the later run.", metavar="NEW", show_default=False)]


def compare(
    old: Old,
    new: New,
    format_name: o.HistoryFormat = "terminal",
    output: o.HistoryOutputs = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Say what changed between two runs: data, config, numbers (by chance or not), verdict."""
    from abimpact.portfolio.results import compare as compare_results

    printed(
        lambda: compare_results(old, new).told,
        format_name,
        output or (),
        inputs=(old, new),
        is_quiet=quiet,
        is_verbose=verbose,
    )
    return 0
