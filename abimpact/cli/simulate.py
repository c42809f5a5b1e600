"""`abimpact simulate`: on a log's own units, does the analysis cry wolf, and what would it find?"""

from abimpact.cli import options as o
from abimpact.cli.asking import Asked, reads_a_log
from abimpact.cli.printing import deliver, page
from abimpact.errors import UsageError


@reads_a_log
def simulate(
    asked: Asked,
    repetitions: o.Repetitions = 2_000,
    units: o.SimulatedUnits = None,
    lift: o.Lift = None,
    format_name: o.DocumentFormat = "terminal",
    output: o.DocumentOutputs = None,
    plots: o.Plots = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Deal the units of a log out at random, with and without an effect: is the analysis right on this data?"""
    from functools import partial

    from abimpact.simulate.page import document, to_dict
    from abimpact.simulate.run import Terms, run_simulation

    terms = Terms(repetitions=repetitions, units=units, lift=fraction("--lift", lift))
    found = asked.run(partial(run_simulation, terms=terms), asked.request())
    deliver(document(found), to_dict(found), format_name, output or (), plots, page(is_quiet=quiet, is_verbose=verbose))
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
