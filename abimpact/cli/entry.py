"""The console script: ready for signals before anything heavy is imported.

SIGINT, SIGTERM and SIGHUP end a run as Ctrl-C does, so that it tidies up; the exit code is 128 and the signal's number.
"""

import atexit
import gc
import os
import signal
import sys
import time
from contextlib import suppress
from threading import Timer
from types import FrameType

SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
# One stop often sends several signals (the terminal's, the shell's); later ones break off the tidying up too.
PATIENCE = 1.0
# An import takes hundredths of a second and must not be broken off: libraries make of it what they will, or end the
# process. The signal comes again after a moment, at most for so long.
MOMENT, MOST_DEFERRED = 0.02, 0.5
IMPORTING = "<frozen importlib._bootstrap>"
# Objects made between two searches for garbage. Modules hold hardly any: searching as often as Python does by default
# takes a tenth of a small report.
GARBAGE = 100_000

# Matrices here are small: threads for them would only take time to start, and addresses.
THREADS_FOR_MATRICES = "OPENBLAS_NUM_THREADS"

_first: tuple[int, float] | None = None
_asked: float | None = None


def entry() -> None:
    """Run the command line, and end the process with its code."""
    try:
        _listen()
        gc.set_threshold(GARBAGE)
        os.environ.setdefault(THREADS_FOR_MATRICES, "1")
        from abimpact.cli.main import main

        code = main()
        _listen_no_more()
    except BaseException:
        # Whatever an import makes of the signal that it met.
        code = interrupted()
        if not code:
            raise
        _listen_no_more()
    # What libraries wanted to do at the end is done: matplotlib removes a folder. Threads that still hash or import are
    # not waited for, and to take every module apart would only take time.
    with suppress(Exception):
        atexit._run_exitfuncs()
    _flush()
    os._exit(code)


def interrupted() -> int:
    """The exit code of a run that was told to stop: 130, 143 or 129; 0 if none was."""
    return 128 + _first[0] if _first else 0


def _listen() -> None:
    for number in SIGNALS:
        # What is ignored from the start (nohup, a shell's background) stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _listen_no_more() -> None:
    """What is done stays done; Python gives up the program's handlers while it ends."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    global _first, _asked
    now = time.monotonic()
    _asked = _asked or now
    if now - _asked < MOST_DEFERRED and _is_importing(frame):
        _send_again(number)
        return
    if _first is not None and now - _first[1] < PATIENCE:
        return
    _first = _first or (number, now)
    raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False


def _send_again(number: int) -> None:
    """Send this process the signal once more, a moment later."""
    Timer(MOMENT, os.kill, (os.getpid(), number)).start()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
