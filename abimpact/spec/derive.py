"""Columns that a config derives from others, by expressions."""

from collections.abc import Mapping

from abimpact.errors import ConfigError, UsageError
from abimpact.spec.expression import MOST_DERIVED, Expression, parse_expression, quote


def derived_columns(
    texts: Mapping[str, str], columns: Mapping[str, str]
) -> tuple[dict[str, Expression], dict[str, str]]:
    """The expressions of `[data.derive]` by the new columns' names, and all columns with these."""
    if len(texts) > MOST_DERIVED:
        raise ConfigError(f"[data.derive] has {len(texts):,} columns.", f"At most {MOST_DERIVED:,} are derived.")
    known, derived = dict(columns), dict[str, Expression]()
    folded = {name.casefold() for name in known}
    for name, text in texts.items():
        if not name or "\0" in name:
            raise ConfigError(f"[data.derive] {name!r} is no name of a column.", "Give it one.")
        if name.casefold() in folded:
            raise UsageError(f"[data.derive] {name!r} is a column of the log already.", "Give it another name.")
        derived[name] = parse_expression(text, known, f"[data.derive] {name}", derived)
        known[name] = "derived"
        folded.add(name.casefold())
    return derived, known


def with_derived(relation: str, derived: Mapping[str, Expression]) -> str:
    """A relation's SQL with its derived columns."""
    # Columns of one level in one query: deep nesting is slow to plan.
    levels: dict[int, list[str]] = {}
    for name, expression in derived.items():
        levels.setdefault(expression.level, []).append(f"{expression.sql} AS {quote(name)}")
    for level in sorted(levels):
        relation = f"(SELECT *, {', '.join(levels[level])} FROM {relation})"
    return relation
