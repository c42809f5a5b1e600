"""`abimpact simulate`: on a log's own units, does the analysis cry wolf, and what would it find?"""

from typing import TYPE_CHECKING

from abimpact.cli import options as o
from abimpact.cli.asking import Asked, reads_a_log
from abimpact.cli.printing import deliver, page, show, spare
from abimpact.errors import UsageError

if TYPE_CHECKING:
    from abimpact.render.table import Options


@reads_a_log
def simulate(
    asked: Asked,
    repetitions: o.Repetitions = 2_000,
    units: o.SimulatedUnits = None,
    lift: o.Lift = None,
    plan: o.FromPlan = None,
    format_name: o.DocumentFormat = "terminal",
    output: o.DocumentOutputs = None,
    plots: o.Plots = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Deal the units of a log out at random, with and without an effect: is the analysis right on this data?"""
    from functools import partial

    if plan:
        return _made_up(asked, plan, output or [], format_name, page(is_quiet=quiet, is_verbose=verbose))
    from abimpact.simulate.page import document, to_dict
    from abimpact.simulate.run import Terms, run_simulation

    spare(output or (), asked.inputs)
    terms = Terms(repetitions=repetitions, units=units, lift=fraction("--lift", lift))
    found = asked.run(partial(run_simulation, terms=terms), asked.request())
    deliver(document(found), to_dict(found), format_name, output or (), plots, page(is_quiet=quiet, is_verbose=verbose))
    return 0


def _made_up(asked: Asked, plan: str, files: list[str], format_name: str, laid_out: "Options") -> int:
    """Draw the log that a plan describes, write it where a file ends in .parquet, and report on it."""
    from dataclasses import replace
    from functools import partial
    from io import BytesIO
    from pathlib import Path

    import pyarrow.parquet as pq

    from abimpact.pipeline.report import run_report
    from abimpact.render.table import Options, check_printed, format_of, render, render_text
    from abimpact.render.write import write_all
    from abimpact.simulate.made_up import made_up

    check_printed(format_name)
    logs = [path for path in files if path.endswith(".parquet")]
    formats = {path: format_of(path) for path in files if path not in logs}
    spare(files, (plan,))
    request = replace(asked, config=Path(plan)).request()
    table, reads = made_up(request, request.seed)
    reads = replace(reads, presentation=replace(reads.presentation, title=f"Made up from {Path(plan).name}"))
    found = asked.run(partial(run_report, frame=table, with_distribution="html" in formats.values()), reads)
    contents = {path: render(found, name, Options()) for path, name in formats.items()}
    for path in logs:
        stream = BytesIO()
        pq.write_table(table, stream)
        contents[path] = stream.getvalue()
    write_all(contents)
    show(render_text(found, format_name, laid_out).rstrip("\n"))
    return 0


def fraction(flag: str, text: str | None) -> float | None:
    """A share written as 3% or 0.03."""
    if text is None:
        return None
    number, percent, rest = text.strip().partition("%")
    try:
        return float(number + rest) / (100 if percent else 1)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r} is not a share.", f"Write it like {flag} 3% or {flag} 0.03.") from error
