"""Temporary files and folders that show whether their process still works: what a killed run left, the next removes.

Whoever makes one holds a lock on it (flock) for as long as it is needed, and the system takes the lock away when the
process ends, however that happens. So what can be locked, is this user's and is named like ours was left behind. Where
a file system knows no locks nothing is ever removed.

What a process makes it removes at its end at the latest: a signal may come between any two steps.
"""

import atexit
import os
import re
import secrets
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

# Whether what is made stays open while it is needed; on Windows it could not be renamed or removed then.
IS_HELD = sys.platform != "win32"

# The file in a folder that is locked.
LOCK = "lock"
_TRIES = 100
_BINARY = getattr(os, "O_BINARY", 0)  # Windows
# What this process (and none that it was forked from) makes, from before it is made until it is removed.
_made: set[tuple[int, Path]] = set()


def make_file(folder: Path, prefix: str, suffix: str, mode: int) -> tuple[Path, int]:
    """A new file in `folder`, locked, and its descriptor: see `remove_file`. OSError if none can be made."""
    for _ in range(_TRIES):
        path = _listed(folder / f"{prefix}{secrets.token_hex(8)}{suffix}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | _BINARY, mode)
        if _is_ours(descriptor, path):
            return path, descriptor
        os.close(descriptor)
    raise FileExistsError(None, "temporary files are removed as soon as they are made")


def make_folder(folder: Path, prefix: str) -> tuple[Path, int]:
    """A new folder in `folder` for this user alone, and the descriptor that keeps it: see `remove_folder`."""
    for _ in range(_TRIES):
        path = _listed(folder / f"{prefix}{secrets.token_hex(8)}")
        path.mkdir(mode=0o700)
        with suppress(FileNotFoundError):
            descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _is_ours(descriptor, path / LOCK):
                return path, descriptor
            os.close(descriptor)
    raise FileExistsError(None, "temporary folders are removed as soon as they are made")


def remove_file(path: Path, descriptor: int) -> None:
    """Remove a file of `make_file`, unless it was renamed."""
    with suppress(FileNotFoundError):
        path.unlink()
    if IS_HELD:
        os.close(descriptor)
    _made.discard((os.getpid(), path))


def remove_folder(path: Path, descriptor: int) -> None:
    """Remove a folder of `make_folder`; the lock goes last, so that what is interrupted is found again."""
    try:
        if IS_HELD:
            _remove(path)
    finally:
        os.close(descriptor)
    if not IS_HELD:
        _remove(path)
    _made.discard((os.getpid(), path))


@atexit.register
def remove_own() -> None:
    """Remove what this process has made and not removed."""
    for pid, path in list(_made):
        if pid == os.getpid():
            with suppress(OSError):
                path.unlink() if path.is_file() else _remove(path)


def remove_left(folder: Path, prefix: str, suffix: str = "") -> None:
    """Remove what ended runs of this user left in `folder`; what cannot be removed is left to the next run."""
    if sys.platform == "win32":
        return
    name = re.compile(f"{re.escape(prefix)}[0-9a-f]{{16}}{re.escape(suffix)}")
    with suppress(OSError), os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if name.fullmatch(entry.name)]
        for path in found:
            with suppress(OSError):
                _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    if sys.platform == "win32":
        return
    seen = path.lstat()
    if seen.st_uid != os.getuid():
        return
    is_folder = stat.S_ISDIR(seen.st_mode)
    if not (is_folder or stat.S_ISREG(seen.st_mode)):
        return
    try:
        descriptor = os.open(path / LOCK if is_folder else path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        # Its run ended before there was a lock or after there was one: it is empty then.
        path.rmdir()
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_folder:
            _remove(path)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _listed(path: Path) -> Path:
    _made.add((os.getpid(), path))
    return path


def _remove(path: Path) -> None:
    with suppress(OSError):
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != LOCK:
                entry.unlink()
        (path / LOCK).unlink(missing_ok=True)
        path.rmdir()


def _is_ours(descriptor: int, path: Path) -> bool:
    """Lock what was just made, unless another run took it for a leftover in between."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
