"""Small text files that the command line names: read whole, never waited for, never endless."""

import os
import stat
from pathlib import Path

from abimpact.errors import AbimpactError

MEGABYTE = 1 << 20


def read_text(path: Path, named: str, hint: str, *, most: int, error: type[AbimpactError]) -> str:
    """The text of a file of at most `most` bytes; an `error`, which calls the file `named`, for a pipe or a folder."""
    if "\0" in str(path):
        raise error(f"{named!r} is no path: it has a zero character.", hint)
    try:
        # A pipe without a writer is opened at once, and then seen to be one.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):  # /dev/null is a config without keys
                raise error(f"{named} cannot be read: it is not a regular file.", hint)
            content = file.read(most + 1)
    except OSError as failure:
        raise error(f"{named} cannot be read: {failure.strerror}.", hint) from failure
    if len(content) > most:
        raise error(f"{named} is larger than {most // MEGABYTE} MB.", hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise error(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from failure
