"""Files written whole or not at all: a failed run leaves yesterday's report as it was."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from abimpact.errors import UsageError


def write(path: str, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path` through a temporary file beside it.

    A file that exists keeps its mode; a device or pipe is written to directly. UsageError names a path that
    can't be written.
    """
    # Lone surrogates come from odd file names.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode if target.exists() else None
        if mode is None or stat.S_ISREG(mode):
            _replace(target, data, mode)
        else:
            _send(target, data)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror or error}.",
            "Name a file in a folder that exists and that you may write to.",
        ) from error


def _send(target: Path, data: bytes) -> None:
    """Write to a device or a pipe, which is not waited for if nobody reads it."""
    descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as out:
        out.write(data)


def make_folder(path: Path) -> None:
    """Create a folder, with those above it, unless it is there; UsageError if it can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path}: no folder can be made there: {error.strerror or error}.", "Name one that you may write to."
        ) from error


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(None, "the file is read-only")
    temporary = target.with_name(f".abimpact-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as out:
            out.write(data)
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
