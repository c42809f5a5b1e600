"""A progress bar on standard error for work that takes over a second; nothing in a pipe."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0


@contextmanager
def shown_progress(*, is_wanted: bool) -> Iterator[Callable[[str, float], None]]:
    """A function to be told the stage and the share of it that is done."""
    if not is_wanted or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("reading", total=1.0)
    # A scan says nothing while it runs, so the bar is started by the clock, not by its first report.
    starter = threading.Timer(PATIENCE, bar.start)
    starter.daemon = True
    starter.start()
    try:
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
    finally:
        starter.cancel()
        bar.stop()
