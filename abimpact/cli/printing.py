"""Standard output: as wide as the terminal, and whatever becomes of its reader."""

import os
import shutil
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from abimpact.errors import UsageError

if TYPE_CHECKING:
    from abimpact.render.table import Options

# What a pipe is taken for.
PIPE_WIDTH = 80


def page(*, is_quiet: bool, is_verbose: bool, show_anyway: bool = False) -> "Options":
    """How standard output is to be laid out."""
    from abimpact.render.table import Options

    is_terminal = sys.stdout.isatty()
    return Options(
        width=shutil.get_terminal_size().columns if is_terminal else PIPE_WIDTH,
        is_coloured=is_terminal and "NO_COLOR" not in os.environ,
        encoding=sys.stdout.encoding,
        is_quiet=is_quiet,
        is_verbose=is_verbose,
        show_anyway=show_anyway,
    )


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
