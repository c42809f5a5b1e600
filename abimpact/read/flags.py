"""Columns and expressions of the log as numbers, and as the two values of a decision."""

from collections.abc import Mapping
from typing import Protocol

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import FAILURES
from abimpact.read.engine import Engine, first_line
from abimpact.read.loaded import Loaded
from abimpact.read.numbers_in_text import NO_VALUE, number_sql
from abimpact.spec.expression import Expression, literal, quote


class Rows(Protocol):
    """Loaded rows on an engine, with the type families of their columns."""

    @property
    def engine(self) -> Engine:
        """The engine that holds them."""

    @property
    def loaded(self) -> Loaded:
        """How they were read."""

    @property
    def families(self) -> Mapping[str, str]:
        """Type families by column."""


# Words that can hardly mean anything else in a column of decisions or outcomes; anything else is to be spelled out.
YES = frozenset(
    "1 true t yes y act decline declined deny denied reject rejected block blocked flag flagged alert stop review "
    "positive fraud bad default chargeback".split()
)
NO = frozenset(
    "0 false f no n approve approved accept accepted allow allowed pass passed release released none ok "
    "negative legit legitimate genuine good paid".split()
)
# The most words of a column that are looked at.
WORDS = 30


def number(rows: Rows, relation: str, expression: Expression, what: str) -> tuple[str, tuple[str, ...]]:
    """SQL over `relation` that gives an expression as a DOUBLE, and what was assumed; `what` names it in errors."""
    family = rows.families.get(expression.text, "") if expression.columns == (expression.text,) else ""
    if family == "text":
        sql, said = number_sql(rows.engine, rows.loaded, expression.text)
        return sql, (said,)
    if family in ("date", "timestamp"):
        raise DataError(f"{what}: column {expression.text!r} holds dates where numbers belong.", "Name another column.")
    sql = f"CAST({expression.sql} AS DOUBLE)"
    try:
        rows.engine.describe(f"(SELECT {sql} AS tried FROM {relation})")
    except FAILURES as error:
        raise DataError(
            f"{what}: {expression.text!r} cannot be computed: {first_line(error)}", "Check the types of its columns."
        ) from error
    return sql, ()


def flag(rows: Rows, relation: str, expression: Expression, what: str) -> tuple[str, tuple[str, ...]]:
    """SQL that is 1, 0 or null: what was decided, or what came of it.

    Words known for either are taken, and said. DataError names a value that is neither.
    """
    family = rows.families.get(expression.text, "") if expression.columns == (expression.text,) else ""
    if family == "text":
        return _words(rows, relation, expression.text, what)
    sql, said = number(rows, relation, expression, what)
    odd = rows.engine.rows(f"SELECT x, count(*) FROM (SELECT {sql} AS x FROM {relation}) "
                              "WHERE x NOT IN (0, 1) GROUP BY x ORDER BY 2 DESC, 1 LIMIT 1")  # fmt: skip
    if odd:
        value, n = odd[0]
        raise DataError(
            f"{what}: {expression.text!r} has values other than 0 and 1, {value:g} in {n:,} rows.",
            f'Write what counts as 1, like: "{expression.text} >= 1".',
        )
    return sql, said


def _words(rows: Rows, relation: str, name: str, what: str) -> tuple[str, tuple[str, ...]]:
    text = f"lower(trim({quote(name)}))"
    marks = ", ".join(literal(m.lower()) for m in NO_VALUE)
    spelled = dict(
        rows.engine.rows(
            f"SELECT {text}, min(trim({quote(name)})) FROM {relation} WHERE {text} NOT IN ({marks}) GROUP BY {text} "
            f"ORDER BY 1 LIMIT {WORDS}"
        )
    )
    seen = list(spelled)
    if not set(seen) <= YES | NO:
        odd = next(spelled[word] for word in seen if word not in YES | NO)
        raise DataError(
            f"{what}: column {name!r} has texts, among them {odd!r}: which of them counts as 1?",
            f"Write it as an expression: \"{name} = '{odd}'\".",
        )
    yes, no = [w for w in seen if w in YES], [w for w in seen if w in NO]
    cases = [
        f"WHEN {text} IN ({', '.join(map(literal, words))}) THEN {i}.0" for i, words in ((1, yes), (0, no)) if words
    ]
    said = f"{what}: in column {name!r}, {_listed(yes)} was read as 1 and {_listed(no)} as 0."
    return (f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS DOUBLE)"), (said,)


def _listed(words: list[str]) -> str:
    return " or ".join(map(repr, words)) or "nothing"
