"""`abimpact check`: can the log be trusted? No outcome is compared, so it may be run while a test runs."""

import os
import shlex
import sys

from abimpact.cli import options as o
from abimpact.cli.report import metrics_of, show, width
from abimpact.errors import UsageError
from abimpact.findings import Severity


def check(
    sources: o.Sources,
    config: o.Config = None,
    sheet: o.Sheet = None,
    table: o.Table = None,
    unit: o.Unit = None,
    variant: o.Variant = None,
    incumbent: o.Incumbent = None,
    proposed: o.Proposed = None,
    time: o.Time = None,
    metric: o.Metrics = None,
    guardrail: o.Guardrails = None,
    segment: o.Segments = None,
    several_rows: o.SeveralRows = None,
    where: o.Where = None,
    missing: o.MissingMeans = None,
    split: o.Split = None,
    gate: o.CheckGate = False,
    format_name: o.CheckFormat = "terminal",
    output: o.Outputs = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
    no_progress: o.NoProgress = False,
) -> int:
    """Check a log without comparing any outcome: split, units, calendar, missing values."""
    from abimpact.cli.progress import shown_progress
    from abimpact.pipeline.check import run_check
    from abimpact.pipeline.reading import Running
    from abimpact.render.check import FORMATS, render
    from abimpact.render.table import Options
    from abimpact.render.write import write
    from abimpact.spec.config import load_request

    formats = {path: next((n for n, end in FORMATS.items() if end and path.endswith(end)), "") for path in output or ()}
    for path, name in formats.items():
        if not name:
            raise UsageError(f"{path}: no format of check has this extension.", "Extensions: .md .json.")
    request = load_request(
        {
            "sheet": sheet,
            "table": table,
            "unit": unit,
            "variant": variant,
            "incumbent": incumbent,
            "proposed": tuple(proposed or ()),
            "time": time,
            "metrics": metrics_of(metric or [], guardrail or []),
            "segments": tuple(segment or ()),
            "several_rows": several_rows,
            "where": where,
            "missing": missing.value if missing else None,
            "split": split,
        },
        sources,
        config,
    )
    with shown_progress(is_wanted=not no_progress) as progress:
        found = run_check(
            request,
            command=shlex.join(["abimpact", *sys.argv[1:]]),
            running=Running(memory_limit=memory_limit, threads=threads, progress=progress),
        )
    page = Options(
        width=width(),
        is_coloured=sys.stdout.isatty() and "NO_COLOR" not in os.environ,
        encoding=sys.stdout.encoding,
        is_quiet=quiet,
        is_verbose=verbose,
    )
    text = render(found, format_name, page)
    for path, name in formats.items():
        write(path, render(found, name, Options()))
    show(text.rstrip("\n"))
    blocking = sorted({f.code for f in found.findings if f.severity is Severity.BLOCK})
    if gate and blocking:
        print(f"abimpact: the gate failed: {', '.join(blocking)}", file=sys.stderr)
        return 1
    return 0
