"""`abimpact backtest`: had the proposed variant decided instead of the rules, what would each have earned?"""

import shlex
import sys
from typing import Annotated

import typer

from abimpact.cli import options as o
from abimpact.cli.printing import page, show, spare
from abimpact.errors import UsageError
from abimpact.spec.engine_url import redacted

Incumbent = Annotated[
    str | None, typer.Option(help="Column of what the rules decided: 1 where they act.", rich_help_panel=o.WHAT)
]
Proposed = Annotated[
    str | None,
    typer.Option(help="Column of what the proposed variant would have decided.", rich_help_panel=o.WHAT),
]
Score = Annotated[
    list[str] | None,
    typer.Option(metavar="[NAME=]COL", help="Instead: a score, the simplest first (repeat).", rich_help_panel=o.WHAT),
]
Threshold = Annotated[
    float | None,
    typer.Option(help="The score from which on to act. None: found on a part of the log.", rich_help_panel=o.WHAT),
]
Outcome = Annotated[
    str | None, typer.Option(metavar="COL", help="Column that is 1 where acting was right.", rich_help_panel=o.WHAT)
]
Payoff = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND=EXPR",
        help="What a true_positive, false_positive, false_negative or true_negative earns (repeat).",
        rich_help_panel=o.DECISION,
    ),
]
RulesFired = Annotated[
    str | None, typer.Option(metavar="COL", help="Column of the rules that fired.", rich_help_panel=o.WHAT)
]
Reason = Annotated[
    str | None, typer.Option(metavar="COL", help="Column of a decision's reason.", rich_help_panel=o.WHAT)
]
Tree = Annotated[
    list[str] | None,
    typer.Option(metavar="COL", help="Column that a small tree may ask for (repeat).", rich_help_panel=o.WHAT),
]
Format = Annotated[
    str,
    typer.Option(
        "-f",
        "--format",
        help="terminal, markdown, html, json, csv, text: to standard output.",
        rich_help_panel=o.OUTPUT,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Also write FILE: .html, .md, .json, .csv, .txt (repeat).",
        rich_help_panel=o.OUTPUT,
    ),
]  # fmt: skip


def backtest(
    sources: o.Sources,
    config: o.Config = None,
    allow_path: o.AllowPaths = None,
    sheet: o.Sheet = None,
    table: o.Table = None,
    unit: o.Unit = None,
    time: o.Time = None,
    incumbent: Incumbent = None,
    proposed: Proposed = None,
    score: Score = None,
    threshold: Threshold = None,
    outcome: Outcome = None,
    payoff: Payoff = None,
    rules_fired: RulesFired = None,
    reason: Reason = None,
    tree: Tree = None,
    segment: o.Segments = None,
    where: o.Where = None,
    value: o.ValueKeys = None,
    level: o.Level = None,
    resamples: o.Resamples = None,
    seed: o.Seed = None,
    format_name: Format = "terminal",
    output: Outputs = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
    no_progress: o.NoProgress = False,
) -> int:
    """Replay a labelled history: what deciding otherwise would have earned, and whether that is worth a test."""
    from abimpact.backtest.formats import check, format_of, render
    from abimpact.backtest.run import run_backtest
    from abimpact.cli.progress import shown_progress
    from abimpact.cli.report import money_keys
    from abimpact.pipeline.reading import Running
    from abimpact.render.table import Options
    from abimpact.render.write import write_all
    from abimpact.spec.config import load_request

    check(format_name)
    formats = {path: format_of(path) for path in output or ()}
    spare(formats, (*sources, config))
    decisions = {
        "incumbent": incumbent,
        "proposed": proposed,
        "scores": _scores(score or []),
        "threshold": threshold,
        "outcome": outcome,
        "rules_fired": rules_fired,
        "reason": reason,
        "tree_columns": tuple(tree or ()),
    }
    request = load_request(
        {
            "allow_paths": tuple(allow_path or ()),
            "sheet": sheet,
            "table": table,
            "unit": unit,
            "time": time,
            "segments": tuple(segment or ()),
            "where": where,
            "decisions": {key: given for key, given in decisions.items() if given not in (None, {}, ())},
            "payoff": _payoff(payoff or []),
            "value": money_keys(value or []),
            "level": level,
            "resamples": resamples,
            "seed": seed,
        },
        sources,
        config,
    )
    with shown_progress(is_wanted=not no_progress) as progress:
        found = run_backtest(
            request,
            command=redacted(shlex.join(["abimpact", *sys.argv[1:]])),
            running=Running(memory_limit=memory_limit, threads=threads, progress=progress),
        )
    text = render(found, format_name, page(is_quiet=quiet, is_verbose=verbose))
    files = {path: render(found, name, Options()) for path, name in formats.items()}
    write_all(files)
    show(text.rstrip("\n"))
    return 0


def _scores(given: list[str]) -> dict[str, str]:
    """Scores by name; a score without one is called as it is written."""
    found: dict[str, str] = {}
    for text in given:
        name, is_named, expression = text.partition("=")
        # What stands before >=, <= or == is no name.
        is_named_so = (
            is_named and name.strip() and not name.rstrip().endswith(("<", ">", "!")) and expression[:1] != "="
        )
        found[name.strip() if is_named_so else text] = expression.strip() if is_named_so else text
    return found


def _payoff(given: list[str]) -> dict[str, str]:
    """The keys of `[payoff]` given as KIND=EXPR."""
    found = {}
    for text in given:
        key, is_given, expression = (part.strip() for part in text.partition("="))
        if not (key and is_given and expression):
            raise UsageError(f"--payoff {text!r} is not KIND=EXPR.", "Write it like --payoff false_negative=-amount.")
        found[key] = expression
    return found
