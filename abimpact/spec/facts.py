"""What is known of a log's columns before anything is declared."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """One column: rows with a value, distinct values (about), and these with their rows where they are few.

    `family` is its type family, "number" for text that can be read as numbers. `is_whole` and `is_binary` say that all
    its numbers are whole, or 0 and 1.
    """

    name: str
    family: str
    filled: int
    distinct: int
    values: Mapping[str, int] = field(default_factory=dict)
    is_whole: bool = False
    is_binary: bool = False

    @property
    def is_number(self) -> bool:
        """Whether something can be computed with it."""
        return self.family in ("integer", "float", "boolean", "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """The rows of a column's values: distinct `values`, how many have `several` rows, and how many several variants."""

    values: int
    several: int
    in_both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """A whole log: its rows and columns, in the order of the files."""

    rows: int
    columns: Mapping[str, ColumnFacts]
