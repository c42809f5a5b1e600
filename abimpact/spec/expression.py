"""User-written expressions: parsed, limited to harmless arithmetic, and rendered as DuckDB SQL.

An expression reaches columns, literals, arithmetic, comparison, logic, CASE and the functions listed here. It cannot
name a table, a file, a setting or a function beyond the list; its length and depth are bounded, and so is what derived
columns may build on each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from abimpact.errors import ConfigError, DataError, nearest, short

if TYPE_CHECKING:
    from sqlglot import exp

MOST_CHARACTERS, MOST_DEPTH, MOST_DIGITS = 2000, 40, 40
# Derived columns of a config, how often one may rest on another, and values of the log that one text may be made of.
MOST_DERIVED, MOST_LEVELS, MOST_TEXTS = 1000, 20, 1000
# sqlglot's classes for what may stand in an expression; functions by their own names below.
NODES = frozenset(
    "Column Identifier Literal Boolean Null Paren Neg Not And Or Add Sub Mul Div IntDiv Mod EQ NEQ GT GTE LT LTE Is In "
    "Between Like ILike Case If Cast TryCast DataType Interval Var Tuple".split()
)
FUNCTIONS = frozenset(
    "Abs Coalesce Nullif Least Greatest Ln Log Exp Sqrt Round Floor Ceil Pow Lower Upper Trim Length Substring Sign "
    "TimestampTrunc DateTrunc Year Month Day DayOfWeek Hour Minute Extract Concat StartsWith EndsWith Contains IsNan "
    "IsInf".split()
)
ANONYMOUS = frozenset("log2 log10 isfinite hour minute dayofweek weekday".split())
TYPES = frozenset(
    "TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL BOOLEAN VARCHAR TEXT DATE TIMESTAMP "
    "TIMESTAMPNTZ TIMESTAMPTZ".split()
)


def quote(name: str) -> str:
    """`name` as an SQL identifier; the one place where identifiers are quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: `text` as the user wrote it, `sql` safe to run, `columns` that it reads.

    As a derived column it rests on `level` - 1 others below it, and its texts are made of `texts` values at most.
    """

    text: str
    sql: str
    columns: tuple[str, ...]
    level: int = 1
    texts: int = 1


def column(name: str) -> Expression:
    """The expression that is just a column, whatever its characters."""
    return Expression(name, quote(name), (name,))


def find_column(name: str, columns: Mapping[str, str], what: str) -> str:
    """The column called `name`: spelled so, or the only one that differs by case; `what` names its use in errors."""
    if name in columns:
        return name
    folded = [c for c in columns if c.casefold() == name.casefold()]
    if len(folded) == 1:
        return folded[0]
    raise DataError(f"{what}: the log has no column {name!r}.", nearest(name, columns))


def parse_expression(
    text: str, columns: Mapping[str, str], what: str, derived: Mapping[str, Expression] = MappingProxyType({})
) -> Expression:
    """`text` as an `Expression` over `columns` (names to type families); `what` names its use in errors.

    Some of the columns may be `derived` themselves. Raises `ConfigError` for what an expression may not do and
    `DataError` for a column that is not there.
    """
    what = short(what)
    if text in columns:
        found = column(text)
        return replace(found, level=1 + derived[text].level, texts=derived[text].texts) if text in derived else found
    tree = _parsed(text, what)
    used: dict[str, None] = {}
    _check(tree, columns, used, what, 0)
    level = 1 + max((derived[name].level for name in used if name in derived), default=0)
    texts = _texts(tree, derived)
    if level > MOST_LEVELS or texts > MOST_TEXTS:
        raise ConfigError(
            f"{what}: it rests on {level - 1} derived columns, one upon the other, and its texts on {texts:,} values.",
            f"At most {MOST_LEVELS - 1} and {MOST_TEXTS:,} are computed.",
        )
    return Expression(text, tree.sql(dialect="duckdb", identify=True), tuple(used), level, texts)


def _texts(node: "exp.Expr", derived: Mapping[str, Expression]) -> int:
    """How many values the longest text is made of that an expression builds."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return derived[node.name].texts if node.name in derived else 1
    of_parts = [_texts(child, derived) for child in node.iter_expressions()]
    return max(sum(of_parts) if isinstance(node, exp.Concat) else max(of_parts, default=1), 1)


def _parsed(text: str, what: str) -> "exp.Expr":
    import sqlglot
    from sqlglot.errors import SqlglotError

    if len(text) > MOST_CHARACTERS:
        raise ConfigError(f"{what}: an expression of {len(text)} characters; at most {MOST_CHARACTERS} are read.")
    try:
        trees = sqlglot.parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise ConfigError(f"{what}: {text[:80]!r} is no expression.", "Write it like: orders * 2 - refunds") from error
    if len(trees) != 1 or trees[0] is None:
        raise ConfigError(f"{what}: {text[:80]!r} is not one expression.", "Write it like: orders * 2 - refunds")
    return trees[0]


def _check(node: "exp.Expr", columns: Mapping[str, str], used: dict[str, None], what: str, depth: int) -> None:
    """Walk the tree: allow what is listed, resolve columns, bound depth and literals."""
    from sqlglot import exp

    kind = type(node).__name__
    if depth > MOST_DEPTH:
        raise ConfigError(f"{what}: the expression is nested more than {MOST_DEPTH} deep.")
    if isinstance(node, exp.Column):
        if len(node.parts) != 1:
            raise ConfigError(f"{what}: {node.sql()!r} is not a column.", "Name columns without a table.")
        name = find_column(node.name, columns, what)
        node.this.set("this", name)
        used[name] = None
        return
    if isinstance(node, exp.Anonymous):
        if node.name.lower() not in ANONYMOUS:
            raise ConfigError(
                f"{what}: the function {node.name}() may not be used.", nearest(node.name.lower(), ANONYMOUS)
            )
    elif isinstance(node, exp.DataType):
        if node.this.name not in TYPES:
            raise ConfigError(f"{what}: values cannot be cast to {node.sql()}.", f"Types: {', '.join(sorted(TYPES))}.")
        return
    elif kind not in NODES and kind not in FUNCTIONS:
        shown = node.sql(dialect="duckdb")[:60]
        raise ConfigError(
            f"{what}: {shown!r} may not stand in an expression.", "Use columns, arithmetic, CASE and simple functions."
        )
    elif isinstance(node, exp.Literal) and not node.is_string and len(node.name) > MOST_DIGITS:
        raise ConfigError(f"{what}: a number of {len(node.name)} digits.", f"At most {MOST_DIGITS} digits are read.")
    for child in node.iter_expressions():
        _check(child, columns, used, what, depth + 1)
