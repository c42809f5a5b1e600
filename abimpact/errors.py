"""The errors a user can cause, each with the exit code and the next step it calls for.

Nothing here is for bugs: those stay ordinary exceptions and end as exit code 70 in `cli.main`.
"""

from collections.abc import Iterable

# Letters of a name that are compared and shown.
MOST_COMPARED, MOST_QUOTED = 60, 100


class AbimpactError(Exception):
    """An error that is the input's, not the program's.

    `message` says what is wrong and where (file, line, column, key); `hint` says what to do next.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AbimpactError):
    """A flag or argument that cannot be followed."""


class ConfigError(AbimpactError):
    """A config file or metric expression that cannot be followed (names file and key)."""


class DataError(AbimpactError):
    """Data that cannot be analysed as asked (names file, column, value or count)."""

    exit_code = 3


def short(text: str) -> str:
    """A text that may be of any length, for an error."""
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}…"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that offers the known name nearest to `name`, or lists what there is.

    At most twelve names are listed, and of long ones the beginning.
    """
    from difflib import get_close_matches

    names = list(known)
    # To compare takes time with the square of the length.
    lowered = {k[:MOST_COMPARED].casefold(): k for k in names}
    match = get_close_matches(name[:MOST_COMPARED].casefold(), lowered, n=1, cutoff=0.6)
    if match:
        return f"Did you mean {lowered[match[0]][:MOST_COMPARED]!r}?"
    listed = ", ".join(repr(k[:MOST_COMPARED]) for k in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"There are: {listed}{more}." if names else "There are none."
