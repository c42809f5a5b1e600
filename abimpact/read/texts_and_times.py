"""Functions of texts and times as DuckDB means them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from abimpact.read.dialect import ONE, ZERO, Dialect

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node


def part(name: str) -> "Callable[[Node, Dialect], Node]":
    """A rule that takes a part of a time."""
    return lambda node, _: exp.Extract(this=exp.var(name), expression=node.this.copy())


def in_zone(node: "Node", dialect: Dialect) -> "Node":
    """The wall clock of a zone; Spark has a function for it, from times of UTC."""
    if not dialect.is_spark:
        return node
    return exp.func("from_utc_timestamp", exp.cast(node.this.copy(), "TIMESTAMP"), node.args["zone"].copy())


def weekday(value: "Node", dialect: Dialect) -> "Node":
    """Sunday is 0."""
    if dialect.is_postgres:
        return exp.Extract(this=exp.var("DOW"), expression=value.copy())
    found = exp.DayOfWeek(this=value.copy())
    return found if dialect.sqlglot == "snowflake" else exp.paren(exp.Sub(this=found, expression=ONE.copy()))


def matches(node: "Node", dialect: Dialect) -> "Node":
    """Whether a pattern fits a whole text."""
    value, pattern, *flags = node.expressions if isinstance(node, exp.Anonymous) else _arguments(node)
    whole, any_case = f"^({pattern.name})$", any("i" in flag.name for flag in flags)
    if dialect.is_postgres:
        kind = exp.RegexpILike if any_case else exp.RegexpLike
        return exp.paren(kind(this=value.copy(), expression=exp.Literal.string(whole)))
    text = exp.Literal.string(("(?i)" if any_case else "") + whole)
    return exp.paren(exp.RegexpLike(this=value.copy(), expression=text))


def _arguments(node: "Node") -> list["Node"]:
    return [part for key in ("this", "expression", "options") if (part := node.args.get(key)) is not None]


def contains(node: "Node", dialect: Dialect) -> "Node":
    """Whether a text holds another."""
    if dialect.is_spark or dialect.sqlglot == "snowflake":
        return node
    return exp.paren(exp.GT(this=exp.func("strpos", node.this.copy(), node.expression.copy()), expression=ZERO.copy()))


def ends_with(node: "Node", dialect: Dialect) -> "Node":
    """Whether a text ends with another."""
    if not dialect.is_postgres:
        return node
    tail = exp.func("right", node.this.copy(), exp.Length(this=node.expression.copy()))
    return exp.paren(exp.EQ(this=tail, expression=node.expression.copy()))


def concat(node: "Node", _: Dialect) -> "Node":
    """A null is an empty text."""
    parts = [exp.func("coalesce", exp.cast(e.copy(), "TEXT"), exp.Literal.string("")) for e in node.expressions]
    return exp.Concat(expressions=parts, safe=True, coalesce=False)
