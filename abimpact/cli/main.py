"""The command `abimpact`: parses, calls, writes, and maps what happened to an exit code.

0 done, 1 the gate failed (and nothing else), 2 usage or config, 3 data, 70 a bug, 130 interrupted (143 terminated).
"""

import os
import sys
import traceback
from contextlib import suppress
from io import BytesIO, TextIOWrapper

import typer

from abimpact import addresses
from abimpact.cli.backtest import backtest
from abimpact.cli.check import check
from abimpact.cli.compare import compare
from abimpact.cli.entry import entry as entry  # scripts that were installed before look for it here
from abimpact.cli.entry import interrupted
from abimpact.cli.init import init
from abimpact.cli.plan import plan
from abimpact.cli.portfolio import portfolio
from abimpact.cli.report import report
from abimpact.cli.rerun import rerun
from abimpact.cli.simulate import simulate
from abimpact.errors import AbimpactError, DataError
from abimpact.spec.engine_url import redacted
from abimpact.spec.private import without_addresses, without_quotes

EXAMPLES = """Try it on the sample:  abimpact report sample_data/checkouts.parquet

Your own log:  abimpact report log.parquet --variant variant --incumbent rules -m revenue -m orders/sessions
--guardrail latency_ms:p90:lower@5%

In CI:  abimpact report log.parquet -o report.md -o result.json --gate"""

BUG, INTERRUPTED = 70, 130
# Letters of a message, which may hold names of any length.
MOST_SAID = 1200

app = typer.Typer(
    name="abimpact",
    help="What a new ML variant is worth against the rules it would replace.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("report", epilog=EXAMPLES, no_args_is_help=True)(report)
app.command("check", no_args_is_help=True)(check)
app.command("init", no_args_is_help=True)(init)
app.command("simulate", no_args_is_help=True)(simulate)
app.command("plan", no_args_is_help=True)(plan)
app.command("compare", no_args_is_help=True)(compare)
app.command("rerun", no_args_is_help=True)(rerun)
app.command("portfolio", no_args_is_help=True)(portfolio)
app.command("backtest", no_args_is_help=True)(backtest)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        print(f"abimpact {version('abimpact')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """What a new ML variant is worth against the rules it would replace."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; errors are a paragraph on standard error, never a traceback."""
    # A stream that was closed before the start is None to Python.
    sys.stdout = sys.stdout or TextIOWrapper(BytesIO(), "utf-8")
    sys.stderr = sys.stderr or TextIOWrapper(BytesIO(), "utf-8")
    if not sys.stdout.isatty():
        # Some environment variables make typer colour its help even in pipes; this one stops it.
        os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
    return _run(sys.argv[1:] if arguments is None else arguments)


def _run(arguments: list[str]) -> int:
    from typer.exceptions import Abort

    try:
        addresses.assert_enough()
        code: int = app(arguments, standalone_mode=False) or 0
        # So typer says that it met a Ctrl-C.
        return _interrupted() if code == INTERRUPTED else code
    except (KeyboardInterrupt, Abort):
        return _interrupted()
    except SystemExit:
        # So typer ends when whoever reads its help has enough of it.
        return 0
    except Exception as error:
        # An error that a signal caused on its way through a library is none.
        return _interrupted() if interrupted() else _failed(error, arguments)


def _failed(error: Exception, arguments: list[str]) -> int:
    """Say what went wrong, and give the exit code for it."""
    from typer.exceptions import TyperException

    if isinstance(error, AbimpactError):
        _say(error.message, error.hint)
        return error.exit_code
    if isinstance(error, TyperException):
        # Without arguments the help was shown and there is nothing to add.
        if message := error.format_message():
            _say(message, "See: abimpact report --help")
        return 2
    if isinstance(error, MemoryError) or "can't start new thread" in str(error):
        hint = "Let the engine take less with --memory-limit, or give a file that is read in parts: Parquet or CSV."
        _say("There is not enough memory for this.", hint)
        return DataError.exit_code
    if isinstance(error, OSError) and error.strerror:
        # A place that could be used a moment ago, or a limit of the system.
        place = f"{error.filename}: " if error.filename else ""
        _say(f"{place}{error.strerror}.", "Check the place and its permissions, and run again.")
        return DataError.exit_code
    if {"-v", "--verbose"} & set(arguments):
        print(_details(error), file=sys.stderr)
    _say(
        f"A bug in abimpact: {type(error).__name__} in {_place(error)}.",
        "Run again with -v for the details, and please report them.",
    )
    return BUG


def _interrupted() -> int:
    _say("Interrupted; every file is whole or as it was.")
    return interrupted() or INTERRUPTED


def _details(error: BaseException) -> str:
    """The traceback with its causes; what messages quote is shown as marks, since it may be a unit's name."""
    told = ["Traceback (most recent call last):"]
    seen: BaseException | None = error
    while seen is not None:
        told += ["".join(traceback.format_tb(seen.__traceback__)).rstrip()]
        told += [without_quotes(redacted(f"{type(seen).__name__}: {seen}"))]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
        told += ["caused by"] if seen is not None else []
    return "\n".join(told)


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(frame.filename)}:{frame.lineno}"


def _say(message: str, hint: str = "") -> None:
    """One paragraph on standard error, without control characters that a file name may hold."""
    shown = f"{message[:MOST_SAID]}{'…' if message[MOST_SAID:] else ''} {hint[:MOST_SAID]}"
    text = without_addresses(redacted(f"abimpact: {shown}".strip()), " ".join(sys.argv))
    # A terminal may have hung up.
    with suppress(OSError):
        print("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), file=sys.stderr, flush=True)
