"""A dialect of SQL, and the pieces that translations into it are made of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's dialect: its name for people, sqlglot's name, and the names of the source's columns of booleans.

    A wide decimal holds exact sums: 38 digits.
    """

    title: str
    sqlglot: str
    wide: str = "DECIMAL(38, 0)"
    booleans: frozenset[str] = frozenset()

    @property
    def is_postgres(self) -> bool:
        """Whether it is PostgreSQL, or what speaks like it."""
        return self.sqlglot == "postgres"

    @property
    def is_spark(self) -> bool:
        """Whether it is Spark or Databricks."""
        return self.sqlglot in ("spark", "databricks")


ZERO, ONE = exp.Literal.number(0), exp.Literal.number(1)


def double(node: "Node") -> "Node":
    """A value as a double."""
    return exp.cast(node, "DOUBLE")


def number(text: str) -> "Node":
    """A fraction as a double."""
    return double(exp.Literal.number(text))


def special(text: str) -> "Node":
    """`Infinity`, `-Infinity` or `NaN`."""
    return double(exp.Literal.string(text))


def case_of(*branches: tuple["Node", "Node"], default: "Node | None" = None) -> "Node":
    """CASE WHEN … THEN … for each of `branches`."""
    return exp.Case(ifs=[exp.If(this=when, true=then) for when, then in branches], default=default)


def compared(kind: "type[exp.Binary]", left: "Node", right: "Node") -> "Node":
    """Two values compared, in parentheses as needed."""
    return kind(this=exp.paren(left.copy()), expression=right.copy())
