"""Arithmetic as DuckDB means it: a division by 0, a logarithm of 0, a root of -1, how halves are rounded."""

from typing import TYPE_CHECKING

from sqlglot import exp

from abimpact.read.dialect import ONE, ZERO, Dialect, case_of, compared, double, number, special

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node

LN_2, LN_10 = 0.6931471805599453, 2.302585092994046
LARGEST_DOUBLE, LARGEST_EXPONENT = "1.7976931348623157E308", "709.78"


def divide(node: "Node", _: Dialect) -> "Node":
    """A division of doubles; by 0 it is infinite, or no number."""
    left, right = exp.paren(double(node.this.copy())), exp.paren(node.expression.copy())
    quotient = exp.Div(this=left, expression=right, typed=False, safe=False)
    divisor = node.expression.unnest()
    divisor = divisor.this if isinstance(divisor, exp.Cast) else divisor
    if isinstance(divisor, exp.Literal) and not divisor.args.get("is_string") and float(divisor.name):
        return exp.paren(quotient)
    by_zero = case_of(
        (compared(exp.GT, left, ZERO), special("Infinity")),
        (compared(exp.LT, left, ZERO), special("-Infinity")),
        (compared(exp.EQ, left, ZERO), special("NaN")),
    )
    return case_of((compared(exp.EQ, right, ZERO), by_zero), default=quotient)


def ln(node: "Node", _: Dialect) -> "Node":
    """A natural logarithm."""
    value = double(node.this.copy())
    if isinstance(node.this, exp.Add) and isinstance(node.this.expression.find(exp.Func), exp.Abs):
        # The queries' own: 1 and a distance.
        return exp.Ln(this=value)
    return case_of(
        (compared(exp.GT, value, ZERO), exp.Ln(this=value.copy())),
        (compared(exp.EQ, value, ZERO), special("-Infinity")),
        (compared(exp.LT, value, ZERO), special("NaN")),
    )


def log(node: "Node", dialect: Dialect) -> "Node":
    """A decadic logarithm, or one whose base comes first."""
    base, value = (node.this, node.expression) if node.expression else (ONE, node.this)
    base_ln = {"1": LN_10, "2": LN_2, "10": LN_10}.get(base.name if isinstance(base, exp.Literal) else "")
    below = number(repr(base_ln)) if base_ln else exp.paren(ln(exp.Ln(this=base.copy()), dialect))
    above = exp.paren(ln(exp.Ln(this=value.copy()), dialect))
    return exp.paren(exp.Div(this=above, expression=below, typed=False, safe=False))


def sqrt(node: "Node", dialect: Dialect) -> "Node":
    """A square root."""
    if not dialect.is_postgres:
        return node
    value = double(node.this.copy())
    return case_of((compared(exp.LT, value, ZERO), special("NaN")), default=exp.Sqrt(this=value.copy()))


def exponential(node: "Node", dialect: Dialect) -> "Node":
    """An exponential, which overflows to infinity."""
    if not dialect.is_postgres:
        return node
    value, most = double(node.this.copy()), number(LARGEST_EXPONENT)
    return case_of(
        (compared(exp.GT, value, most), special("Infinity")),
        (compared(exp.LT, value, exp.Neg(this=most)), number("0.0")),
        default=exp.Exp(this=value.copy()),
    )


def rounded(node: "Node", dialect: Dialect) -> "Node":
    """Halves are rounded away from 0; PostgreSQL does that with decimals only."""
    if dialect.is_postgres:
        node.set("this", exp.cast(node.this.copy(), "DECIMAL"))
        return double(node)
    return node


def decimals(node: "Node", dialect: Dialect) -> "Node":
    """PostgreSQL has rests and whole parts of divisions for decimals only."""
    if dialect.is_postgres:
        for part in ("this", "expression"):
            node.set(part, exp.cast(node.args[part].copy(), "DECIMAL"))
    return node


def is_nan(node: "Node", _: Dialect) -> "Node":
    """Whether a number is none; to some engines NaN equals itself, and to all it is not below infinity."""
    return exp.paren(exp.not_(exp.paren(compared(exp.LTE, double(node.this.copy()), special("Infinity")))))


def is_inf(node: "Node", _: Dialect) -> "Node":
    """Whether a number is infinite."""
    return exp.paren(compared(exp.EQ, exp.Abs(this=double(node.this.copy())), special("Infinity")))


def is_finite(node: "Node", _: Dialect) -> "Node":
    """Whether a number is neither."""
    value = node.expressions[0]
    return exp.paren(compared(exp.LTE, exp.Abs(this=double(value.copy())), number(LARGEST_DOUBLE)))
