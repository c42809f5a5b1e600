"""Files written whole or not at all: a failed run leaves yesterday's report as it was.

Every file that abimpact writes is written here.
"""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abimpact.errors import UsageError
from abimpact.leftovers import IS_HELD, make_file, remove_file, remove_left

# How the temporary file beside a target is called.
PREFIX, SUFFIX = ".abimpact-", ".tmp"
# Before the umask takes its part.
NEW_MODE = 0o666


@dataclass(frozen=True, slots=True)
class _Staged:
    """A temporary file with the whole content, to be renamed to `target`; `path` is what the user wrote."""

    path: str
    target: Path
    temporary: Path
    descriptor: int


def write(path: str, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path`: see `write_all`."""
    write_all({path: content})


def write_all(files: Mapping[str, str | bytes]) -> None:
    """Write the content (text as UTF-8) of every path through temporary files beside them.

    None is replaced before all are written. A file that exists keeps its mode; a device or pipe is written to directly,
    last. UsageError names a path that can't be written.
    """
    staged: list[_Staged] = []
    devices: list[tuple[str, Path, bytes]] = []
    path = ""
    try:
        for path, content in files.items():
            target, data = Path(os.path.realpath(path)), _bytes(content)
            if target.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            mode = target.stat().st_mode if target.exists() else None
            if mode is None or stat.S_ISREG(mode):
                staged.append(_stage(path, target, data, mode))
            else:
                devices.append((path, target, data))
        for ready in staged:
            path = ready.path
            ready.temporary.replace(ready.target)
        for path, target, data in devices:  # noqa: B007 - an error names it
            _send(target, data)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror or error}.",
            "Name a file in a folder that exists and that you may write to.",
        ) from error
    finally:
        for ready in staged:
            remove_file(ready.temporary, ready.descriptor)


def append(path: str, text: str) -> None:
    """Append to a file that others write to as well; OSError if that is not possible, and then nothing is appended."""
    with open(path, "ab", buffering=0) as out:
        size, data = out.tell(), memoryview(_bytes(text))
        try:
            while data:
                data = data[out.write(data) :]
        except OSError:
            out.truncate(size)
            raise


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


def _bytes(content: str | bytes) -> bytes:
    # Lone surrogates come from odd file names.
    return content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content


def _stage(path: str, target: Path, data: bytes, mode: int | None) -> _Staged:
    """The temporary file for `target`, in the mode that the target has; what killed runs left is removed first."""
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(None, "the file is read-only")
    remove_left(target.parent, PREFIX, SUFFIX)
    # Nobody may read the new file who may not read the old one, not even for a moment.
    wanted = NEW_MODE if mode is None else stat.S_IMODE(mode)
    temporary, descriptor = make_file(target.parent, PREFIX, SUFFIX, wanted)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if mode is not None:
            temporary.chmod(wanted)
        # A disk that is full may say so only now; and a rename must not outlive the content in a crash.
        _settle(descriptor)
    except BaseException:
        remove_file(temporary, descriptor)
        raise
    if not IS_HELD:
        os.close(descriptor)
    return _Staged(path, target, temporary, descriptor)


def _settle(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # So say file systems that have nothing to do here.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
