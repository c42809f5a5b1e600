"""The folders that paths in a config may lead to: its own, those named on the command line, and those allowed."""

import os
from collections.abc import Sequence
from pathlib import Path

MAGIC = frozenset("*?[")
HINT = "Name a file of that folder on the command line, or allow it: --allow-path DIR."


def anchor(source: str) -> Path:
    """The part of a path or pattern before the first part that has a wildcard."""
    path = Path(source)
    plain = []
    for part in path.parts:
        if MAGIC & set(part):
            break
        plain.append(part)
    return Path(*plain)


def folder_of(source: str) -> str:
    """The folder that a source (a file, a pattern or a folder) names."""
    path = Path(source)
    if os.path.isdir(path):
        return source
    start = anchor(source)
    return str(start if start != path else path.parent)


def is_inside(path: str | Path, folders: Sequence[str]) -> bool:
    """Whether a path lies in one of the folders or below, once all links are followed."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(folder or ".")) for folder in folders)
