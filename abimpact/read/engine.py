"""What the rooms to the right may ask of an engine."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """Runs SQL in DuckDB's dialect. Only aggregates come back to Python."""

    @property
    def name(self) -> str:
        """Engine and version, for the provenance."""

    def execute(self, sql: str) -> None:
        """Run a statement that returns nothing."""

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
        ("text", ("VARCHAR", "CHAR", "TEXT", "ENUM", "UUID")),
    )
    for name, heads in families:
        if head.startswith(heads):
            return name
    return "integer" if head.endswith(("INT", "INTEGER")) else "other"
