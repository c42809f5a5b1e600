"""Standard output: as wide as the terminal, and whatever becomes of its reader."""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from abimpact.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from abimpact.render.document import Document
    from abimpact.render.table import Options

# What a pipe is taken for.
PIPE_WIDTH = 80
# Endings of outputs that are read where they lie in the folder of a log.
DATA = (".csv", ".xlsx", ".parquet")


def page(*, is_quiet: bool, is_verbose: bool, show_anyway: bool = False) -> "Options":
    """How standard output is to be laid out."""
    from abimpact.render.table import Options

    is_terminal = sys.stdout.isatty()
    return Options(
        width=shutil.get_terminal_size().columns if is_terminal else PIPE_WIDTH,
        is_coloured=is_terminal and "NO_COLOR" not in os.environ,
        encoding=sys.stdout.encoding or "utf-8",
        is_quiet=is_quiet,
        is_verbose=is_verbose,
        show_anyway=show_anyway,
    )


def deliver(
    document: "Document",
    numbers: Mapping[str, Any],
    name: str,
    files: Sequence[str],
    plots: "Path | None",
    laid_out: "Options",
) -> None:
    """Write `document` to files and pictures and show it in the format of that `name`; `numbers` are its JSON."""
    from abimpact.render.document import format_of, render
    from abimpact.render.plots import as_files
    from abimpact.render.table import Options
    from abimpact.render.write import write_all

    shown = render(document, numbers, name, laid_out)
    write_all({path: render(document, numbers, format_of(path), Options()) for path in files})
    if plots:
        draw(plots, list(as_files(document.charts)))
    show(shown.rstrip("\n"))


def draw(folder: "Path", drawn: Sequence[tuple[str, str | bytes]]) -> None:
    """Write pictures, all drawn before the first is written, to a folder that is made if need be."""
    from abimpact.render.write import make_folder, write_all

    if drawn:
        make_folder(folder)
    write_all({str(folder / name): content for name, content in drawn})


def spare(outputs: Iterable[str], inputs: Iterable["str | Path | None"]) -> None:
    """Refuse to write over what is read: files, patterns, folders of a log, a config."""
    for out in outputs:
        if os.path.exists(out) and any(_reads(str(given), out) for given in inputs if given):
            raise UsageError(f"{out} is read by this run.", "Name another file for the output.")


def _reads(given: str, out: str) -> bool:
    from abimpact.read.walking import files_matching

    for path in [given] if os.path.exists(given) else files_matching(given):
        if os.path.samefile(path, out):
            return True
        folder = os.path.realpath(path)
        if os.path.isdir(folder) and out.lower().endswith(DATA):
            return os.path.commonpath([folder, os.path.realpath(out)]) == folder
    return False


def show(text: str) -> None:
    """Print to standard output; a reader who has enough of it changes nothing of what the run earned."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer is not to be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"Standard output cannot be written: {error.strerror}.") from error
