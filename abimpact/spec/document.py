"""A config file with all that it extends, as one table; later files win key by key."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from abimpact.errors import ConfigError
from abimpact.spec.folders import HINT, is_inside
from abimpact.spec.toml import read_toml

Location = Sequence[int | str]


@dataclass(frozen=True, slots=True)
class Document:
    """The merged table, and the files that it was merged from, the one that wins first."""

    table: dict[str, Any]
    files: tuple[tuple[Path, dict[str, Any]], ...]

    def under(self, path: Path, table: dict[str, Any]) -> "Document":
        """This document, of which what another table says wins."""
        return Document(_merged(self.table, table), ((path, table), *self.files))

    def over(self, path: Path, table: dict[str, Any]) -> "Document":
        """This document, which wins over another table."""
        return Document(_merged(table, self.table), (*self.files, (path, table)))

    def origin(self, location: Location) -> Path:
        """The file that has the value at a `location` of the merged table."""
        return next((p for p, table in self.files if _holds(table, self.table, location)), self.files[0][0])


def read_document(path: Path, folders: Sequence[str] = ()) -> Document:
    """The file at `path` and what it extends, merged.

    What a file extends lies in its own folder or below, in one above it, or in `folders`. Tables are merged key by key,
    lists of tables that have names (`[[metric]]`) by name, anything else is replaced. ConfigError names a file that is
    missing, unreadable, elsewhere, or extends itself.
    """
    files = [(path, _parsed(path, path))]
    while extended := files[-1][1].get("extends"):
        by = files[-1][0]
        if not isinstance(extended, str):
            raise ConfigError(f"{by}: extends: {extended!r} is not a path.", 'Write extends = "../company.toml".')
        if "\0" in extended:
            raise ConfigError(f"{by}: extends: {extended!r} is no path: it has a zero character.")
        base = Path(os.path.normpath(by.parent / extended))
        if not (_is_above(base, by.parent) or is_inside(base, (str(by.parent), *folders))):
            raise ConfigError(f"{by}: extends = {extended!r} leads out of the folders that were named.", HINT)
        if base.resolve() in [p.resolve() for p, _ in files]:
            chain = " → ".join(str(p) for p in (*[p for p, _ in files], base))
            raise ConfigError(f"{by}: extends goes in a circle: {chain}.", "Remove extends from one of them.")
        files.append((base, _moved(_parsed(base, by), base.parent, path.parent)))
    document = Document({}, ())
    for file, table in reversed(files):
        document = document.under(file, table)
    return document


def _parsed(path: Path, by: Path) -> dict[str, Any]:
    named = f"{path}, which {by} extends," if path != by else str(path)
    hint = "The path is relative to the file that has it." if path != by else "Check the path given with --config."
    return read_toml(path, named, hint)


def _is_above(base: Path, folder: Path) -> bool:
    """Whether a TOML file lies in a folder that holds `folder`, as what a company shares does."""
    return base.suffix.lower() == ".toml" and is_inside(folder, (os.path.dirname(os.path.realpath(base)),))


def _moved(table: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """A table whose paths, relative to the folder `old`, are relative to `new`."""
    data = table.get("data")
    fills = data.get("fill") if isinstance(data, dict) else None
    outcomes = data.get("outcomes") if isinstance(data, dict) else None
    for fill in [*(fills if isinstance(fills, list) else []), outcomes]:
        if isinstance(fill, dict) and isinstance(fill.get("file"), str):
            fill["file"] = os.path.relpath(old / fill["file"], new)
    return table


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merged(before, value)
        elif _is_named(before) and _is_named(value):
            tables = {table["name"]: table for table in before}
            merged[key] = [*(tables | {t["name"]: _merged(tables.get(t["name"], {}), t) for t in value}).values()]
        else:
            merged[key] = value
    return merged


def _is_named(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    """Whether a value is a list of tables that have names, each a name of its own."""
    if not isinstance(value, list) or not all(isinstance(t, dict) and isinstance(t.get("name"), str) for t in value):
        return False
    return len({t["name"] for t in value}) == len(value)


def _holds(own: Any, merged: Any, location: Location) -> bool:
    """Whether a file's own table has the value at a location of the merged one."""
    for part in location:
        if isinstance(part, int):
            merged = merged[part]
            if not isinstance(merged, dict) or "name" not in merged:
                return True  # a list that is not merged is the file's own
            named = [table for table in own if isinstance(table, dict)] if isinstance(own, list) else []
            own = next((table for table in named if table.get("name") == merged["name"]), None)
        elif isinstance(own, dict) and part in own and part in merged:
            own, merged = own[part], merged[part]
        else:
            return own is not None and not isinstance(own, dict)
    return own is not None
