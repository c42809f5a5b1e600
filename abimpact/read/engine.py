"""What the rooms to the right may ask of an engine."""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from abimpact.errors import DataError
from abimpact.spec.private import without_values


class EngineError(DataError):
    """What an engine refuses, in its own words."""


class Engine(Protocol):
    """Runs SQL in DuckDB's dialect, as far as CONTRIBUTING.md allows it. Only aggregates come back to Python.

    An engine `is_remote` if rows would have to leave it to be looked at.
    """

    @property
    def is_remote(self) -> bool:
        """Whether the rows lie elsewhere; columns of them are never fetched then."""

    @property
    def name(self) -> str:
        """Engine and version, for the provenance."""

    def execute(self, sql: str) -> None:
        """Run `CREATE TEMP VIEW name AS SELECT …`, or TABLE where the result is worth keeping."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result as a list of tuples; for results of a few rows."""

    def query(self, sql: str) -> dict[str, NDArray[np.generic]]:
        """The result as one numpy array a column; for results of many rows."""

    def describe(self, relation: str) -> dict[str, str]:
        """Column names and type families (integer float boolean text date timestamp other) of a relation."""

    def close(self) -> None:
        """Free memory and remove temporary files."""


def family(type_name: str) -> str:
    """The type family of an SQL type name."""
    head = type_name.upper().split("(")[0].rstrip("[]")
    if type_name.endswith("]"):
        return "other"
    families: Sequence[tuple[str, tuple[str, ...]]] = (
        ("boolean", ("BOOL",)),
        ("timestamp", ("TIMESTAMP",)),
        ("date", ("DATE",)),
        ("float", ("DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC")),
        ("text", ("VARCHAR", "CHAR", "TEXT", "STRING", "ENUM", "UUID")),
    )
    for name, heads in families:
        if head.startswith(heads):
            return name
    return "integer" if head.endswith(("INT", "INTEGER")) else "other"


# What engines say of files that are damaged, and not only other than expected.
DAMAGED = re.compile(
    "corrupt|TProtocol|TType|decompression|Failed to read file|don't know what type|Out of buffer|enough bytes|"
    "bigger than allowed|Malformed|Footer length|page header",
    re.I,
)


def failure(error: Exception, files: Sequence[str] = ()) -> DataError:
    """The error of a log of these `files` that could be opened and not be read."""
    said = first_line(error).rstrip(".")
    if not DAMAGED.search(said):
        return DataError(f"The log cannot be read: {said}.", "Check the columns and expressions named.")
    named = "" if any(file in said for file in files) else ", ".join(files[:3]) + (" or others" if files[3:] else "")
    return DataError(f"{named or 'A file'} is damaged: {said}.", "Copy or export it again.")


def first_line(error: Exception) -> str:
    """An engine's message without its class, hints and query text, nor values that may name somebody."""
    line = str(error).strip().splitlines()[0]
    return without_values(re.sub(r"^(\w+ )*Error: | Detail: .*$", "", line))
