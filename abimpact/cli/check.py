"""`abimpact check`: can the log be trusted? No outcome is compared, so it may be run while a test runs."""

import sys
from functools import partial

from abimpact.cli import options as o
from abimpact.cli.asking import Asked, reads_a_log
from abimpact.cli.printing import page, show
from abimpact.errors import UsageError
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
    from abimpact.render.check import FORMATS, render
    from abimpact.render.table import Options
    from abimpact.render.write import write

    formats = {path: next((n for n, end in FORMATS.items() if end and path.endswith(end)), "") for path in output or ()}
    for path, name in formats.items():
        if not name:
            raise UsageError(f"{path}: no format of check has this extension.", "Extensions: .md .json.")
    found = asked.run(partial(run_check, reconciled=reconcile), asked.request())
    text = render(found, format_name, page(is_quiet=quiet, is_verbose=verbose))
    for path, name in formats.items():
        write(path, render(found, name, Options()))
    show(text.rstrip("\n"))
    blocking = sorted({f.code for f in found.findings if f.severity is Severity.BLOCK})
    if gate and blocking:
        print(f"abimpact: the gate failed: {', '.join(blocking)}", file=sys.stderr)
        return 1
    return 0
