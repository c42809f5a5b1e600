"""The private folder that an engine spills to: gone after the run, or after the next one if the run was killed."""

import os
import tempfile
from pathlib import Path

from abimpact.errors import UsageError
from abimpact.leftovers import make_folder, remove_folder, remove_left

PREFIX = "abimpact-run-"
VARIABLES = ("TMPDIR", "TEMP", "TMP")


class Scratch:
    """A folder for this run alone, made in `place`, where the user wants temporary files; `spill` is where to write to.

    UsageError says why there can be none: rows must not go to another place than the one that was named.
    """

    def __init__(self) -> None:
        self.place = place = _place()
        remove_left(place, PREFIX)
        try:
            self._folder, self._descriptor = make_folder(place, PREFIX)
        except OSError as error:
            raise _unusable(str(place), error.strerror or str(error)) from error
        self.spill = str(self._folder / "spill")

    def remove(self) -> None:
        """Remove the folder with all that is in it; a second time does nothing."""
        if self._descriptor >= 0:
            remove_folder(self._folder, self._descriptor)
            self._descriptor = -1


def _place() -> Path:
    named = next(((os.environ[name], name) for name in VARIABLES if os.environ.get(name)), None)
    if named is None:
        try:
            return Path(tempfile.gettempdir())
        except FileNotFoundError as error:
            raise _unusable("/tmp", "it cannot be written to") from error
    # `tempfile` would try it by writing a file, which a signal may leave there, and go elsewhere if it fails.
    place, variable = named
    if not os.path.isdir(place):
        raise _unusable(place, "there is no such folder", variable)
    if not os.access(place, os.W_OK | os.X_OK):
        raise _unusable(place, "it may not be written to", variable)
    return Path(os.path.abspath(place))


def _unusable(path: str, why: str, variable: str = "TMPDIR") -> UsageError:
    return UsageError(
        f"{path} cannot be used for temporary files: {why}.",
        f"Let {variable} name a folder that exists, that you may write to and that has room.",
    )
