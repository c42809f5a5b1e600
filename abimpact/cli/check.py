"""`abimpact check`: can the log be trusted? No outcome is compared, so it may be run while a test runs."""

import sys
from functools import partial

from abimpact.cli import options as o
from abimpact.cli.asking import Asked, reads_a_log
from abimpact.cli.printing import page, show, spare
from abimpact.findings import Severity


@reads_a_log
def check(
    asked: Asked,
    reconcile: o.Reconcile = None,
    gate: o.CheckGate = False,
    format_name: o.CheckFormat = "terminal",
    output: o.Outputs = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Check a log without comparing any outcome: split, units, calendar, missing values."""
    from abimpact.pipeline.check import run_check
    from abimpact.render.check import check_printed, format_of, render
    from abimpact.render.table import Options
    from abimpact.render.write import write_all

    check_printed(format_name)
    formats = {path: format_of(path) for path in output or ()}
    spare(formats, asked.inputs)
    found = asked.run(partial(run_check, reconciled=reconcile), asked.request())
    text = str(render(found, format_name, page(is_quiet=quiet, is_verbose=verbose)))
    write_all({path: render(found, name, Options()) for path, name in formats.items()})
    show(text.rstrip("\n"))
    if format_name == "github":
        from abimpact.render.github import append_summary

        append_summary(str(render(found, "markdown", Options())))
    blocking = sorted({f.code for f in found.findings if f.severity is Severity.BLOCK})
    if gate and blocking:
        print(f"abimpact: the gate failed: {', '.join(blocking)}", file=sys.stderr)
        return 1
    return 0
