"""What functions and operators of DuckDB mean, in words that another engine understands.

Only what the queries use and what a user may write in an expression is here (`spec.expression.FUNCTIONS`). Where
engines differ in what they do with a division by 0, a logarithm of 0 or a rounding, DuckDB's result is spelled out.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from abimpact.read.arithmetic import (
    decimals,
    divide,
    exponential,
    is_finite,
    is_inf,
    is_nan,
    ln,
    log,
    rounded,
    sqrt,
)
from abimpact.read.dialect import ONE, ZERO, Dialect, case_of, double
from abimpact.read.engine import EngineError
from abimpact.read.texts_and_times import concat, contains, ends_with, in_zone, matches, part, weekday

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node

# How numbers and dates are written, where a cast of other text would fail.
NUMBER_TEXT = r"^\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|infinity|nan)\s*$"
DATE_TEXT = r"^\s*\d{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12]\d|3[01])([T ][0-9:.]+(Z|[+-]\d\d(:?\d\d)?)?)?\s*$"
# Older versions of sqlglot have fewer kinds.
NEWER = {name: kind for name in ("EndsWith", "Hour", "Minute", "RegexpFullMatch") if (kind := getattr(exp, name, None))}
BOOLEANS = (
    *(exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.StartsWith, exp.Contains),
    *(kind for name, kind in NEWER.items() if name == "EndsWith"),
)
INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
# What has no fraction already.
WHOLE = (exp.Case, exp.Floor, exp.Ceil, exp.Literal, exp.Count)
EXACT_QUANTILES = ("postgres", "spark", "databricks", "snowflake")
# What fetches rows or knows where they stand.
NOT_ELSEWHERE = frozenset("hash rowid list_value unnest".split())


def rewritten(tree: exp.Query, dialect: Dialect) -> exp.Query:
    """The query with every function that the engine lacks, or understands otherwise, in its words."""
    found = _rewritten(tree, dialect)
    assert isinstance(found, exp.Query)
    return found


def _rewritten(node: "Node", dialect: Dialect) -> "Node":
    for child in list(node.iter_expressions()):
        changed = _rewritten(child, dialect)
        if changed is not child:
            child.replace(changed)
    rule = RULES.get(type(node))
    return rule(node, dialect) if rule else node


def _literal(node: "Node", _: Dialect) -> "Node":
    """Fractions are doubles everywhere, as the columns that they meet."""
    if node.args.get("is_string") or node.name.isdigit() or isinstance(node.parent, exp.DataTypeParam):
        return node
    return double(node.copy())


def _filter(node: "Node", _: Dialect) -> "Node":
    """An aggregate of the rows for which a condition holds, as one of a CASE."""
    aggregate: Node = node.this
    condition: Node = node.expression.this
    if isinstance(aggregate, exp.Bracket):  # PostgreSQL's array of one
        aggregate.this.set("this", exp.Filter(this=aggregate.this.this.copy(), expression=node.expression.copy()))
    elif isinstance(aggregate, (exp.ArgMin, exp.ArgMax)):
        return node
    elif isinstance(aggregate, exp.WithinGroup):
        ordered = aggregate.expression.expressions[0]
        ordered.set("this", case_of((condition, ordered.this.copy())))
    elif isinstance(aggregate, exp.Count) and isinstance(aggregate.this, exp.Star):
        aggregate.set("this", case_of((condition, ONE.copy())))
    else:
        aggregate.set("this", case_of((condition, aggregate.this.copy())))
    return aggregate


def _count_if(node: "Node", _: Dialect) -> "Node":
    return exp.Count(this=case_of((node.this, ONE.copy())), big_int=True)


def _picked(node: "Node", dialect: Dialect) -> "Node":
    """The value of the first or last row in the order of a struct, equal ones by value; nulls are values too."""
    value, order = node.this, node.expression
    fields = (
        [field.expression.copy() for field in order.expressions] if isinstance(order, exp.Struct) else [order.copy()]
    )
    keys = [*fields, value.copy()]
    if not dialect.is_postgres:
        node.set("expression", exp.func("struct", *keys, dialect=dialect.sqlglot))
        return node
    ordered = [exp.Ordered(this=key, desc=isinstance(node, exp.ArgMax), nulls_first=False) for key in keys]
    array = exp.ArrayAgg(this=exp.Order(this=value.copy(), expressions=ordered))
    return exp.Bracket(this=exp.paren(array), expressions=[ONE.copy()], offset=1)


def _distinct(node: "Node", _: Dialect) -> "Node":
    """Approximations differ, so distinct values are counted."""
    return exp.Count(this=exp.Distinct(expressions=[node.this.copy()]))


def _quantile(node: "Node", dialect: Dialect) -> "Node":
    if dialect.sqlglot not in EXACT_QUANTILES:
        raise EngineError(
            f"{dialect.title} has no exact quantile for cap_quantile.", "Cap the values in the engine, in --query."
        )
    order = exp.Order(expressions=[exp.Ordered(this=node.this.copy())])
    # By its own name: sqlglot would put an approximation in its place.
    return exp.WithinGroup(
        this=exp.Anonymous(this="PERCENTILE_DISC", expressions=[node.expression.copy()]), expression=order
    )


def _sum(node: "Node", dialect: Dialect) -> "Node":
    """Sums of whole numbers that no row count overflows."""
    cast = node.this
    inner = cast.args["ifs"][0].args["true"] if isinstance(cast, exp.Case) else cast
    if dialect.is_postgres or not (isinstance(inner, exp.Cast) and inner.to.this.name == "BIGINT"):
        return node
    wide = "DECIMAL(20, 0)" if dialect.is_spark else dialect.wide
    inner.replace(exp.cast(inner.copy(), wide))
    return node


def _extreme(node: "Node", dialect: Dialect) -> "Node":
    """PostgreSQL has no order of truth values."""
    if not (dialect.is_postgres and is_boolean(node.this, dialect)):
        return node
    kind = exp.LogicalOr if isinstance(node, exp.Max) else exp.LogicalAnd
    return kind(this=node.this.copy())


def is_boolean(node: "Node", dialect: Dialect) -> bool:
    """Whether an expression is known to be a truth value."""
    node = node.unnest()
    if isinstance(node, exp.Case):
        return all(is_boolean(branch.args["true"], dialect) for branch in node.args["ifs"])
    if isinstance(node, exp.Coalesce):
        return any(is_boolean(part, dialect) for part in (node.this, *node.expressions))
    return isinstance(node, BOOLEANS) or (isinstance(node, exp.Column) and node.name in dialect.booleans)


def _cast(node: "Node", dialect: Dialect) -> "Node":
    target, value = node.args["to"].this.name, node.this
    if target in (*INTEGERS, "DOUBLE", "FLOAT") and is_boolean(value, dialect):
        node.set("this", case_of((value.copy(), ONE.copy()), (exp.not_(value.copy()), ZERO.copy())))
    elif target == "INT128":
        return exp.cast(value.copy(), dialect.wide)
    elif dialect.is_spark and target in INTEGERS and not isinstance(value.unnest(), WHOLE):
        # A cast cuts fractions off there. Sums are of doubles, which have a quicker function.
        is_summed = target == "BIGINT" and node.find_ancestor(exp.Sum) is not None
        node.set("this", exp.func("rint" if is_summed else "bround", value.copy()))
    return node


def _try_cast(node: "Node", dialect: Dialect) -> "Node":
    if not dialect.is_postgres:
        return node
    target = node.args["to"]
    cast = exp.Cast(this=node.this.copy(), to=target.copy())
    is_time = target.this.name in ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPNTZ")
    if target.this.name in ("TEXT", "VARCHAR"):
        return cast
    text = exp.cast(node.this.copy(), "TEXT")
    pattern = exp.Literal.string(DATE_TEXT if is_time else NUMBER_TEXT)
    return case_of((exp.RegexpILike(this=text, expression=pattern), cast))


def _anonymous(node: "Node", dialect: Dialect) -> "Node":
    name = node.name.lower()
    if name in NOT_ELSEWHERE:
        raise EngineError(f"{dialect.title} cannot run {name}().")
    value = node.expressions[0] if node.expressions else node
    rules: Mapping[str, Callable[[], Node]] = {
        "isfinite": lambda: is_finite(node, dialect),
        "fsum": lambda: exp.Sum(this=value.copy()),
        "favg": lambda: exp.Avg(this=value.copy()),
        "weekday": lambda: weekday(value, dialect),
        "dayofweek": lambda: weekday(value, dialect),
        "hour": lambda: exp.Extract(this=exp.var("HOUR"), expression=value.copy()),
        "minute": lambda: exp.Extract(this=exp.var("MINUTE"), expression=value.copy()),
        "log2": lambda: log(exp.Log(this=exp.Literal.number(2), expression=value.copy()), dialect),
        "log10": lambda: log(exp.Log(this=exp.Literal.number(10), expression=value.copy()), dialect),
        "regexp_full_match": lambda: matches(node, dialect),
    }
    return rules[name]() if name in rules else node


OF_NEWER: "Mapping[str, Callable[[Node, Dialect], Node]]" = {
    "EndsWith": ends_with,
    "Hour": part("HOUR"),
    "Minute": part("MINUTE"),
    "RegexpFullMatch": matches,
}
RULES: "Mapping[type, Callable[[Node, Dialect], Node]]" = {
    exp.Literal: _literal,
    exp.Filter: _filter,
    exp.CountIf: _count_if,
    exp.ArgMin: _picked,
    exp.ArgMax: _picked,
    exp.ApproxDistinct: _distinct,
    exp.PercentileDisc: _quantile,
    exp.Sum: _sum,
    exp.Max: _extreme,
    exp.Min: _extreme,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.Div: divide,
    exp.Ln: ln,
    exp.Log: log,
    exp.Sqrt: sqrt,
    exp.Exp: exponential,
    exp.Round: rounded,
    exp.Mod: decimals,
    exp.IntDiv: decimals,
    exp.Year: part("YEAR"),
    exp.Month: part("MONTH"),
    exp.Day: part("DAY"),
    exp.DayOfWeek: lambda node, dialect: weekday(node.this, dialect),
    exp.AtTimeZone: in_zone,
    exp.IsNan: is_nan,
    exp.IsInf: is_inf,
    exp.Contains: contains,
    exp.Concat: concat,
    exp.Anonymous: _anonymous,
    **{NEWER[name]: rule for name, rule in OF_NEWER.items() if name in NEWER},
}
