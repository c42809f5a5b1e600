"""Looks at a log of which nothing is known: what each column holds."""

from collections.abc import Sequence

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.joining import log_columns, text_of
from abimpact.read.loaded import Loaded
from abimpact.read.numbers_in_text import number_sql
from abimpact.spec.expression import quote
from abimpact.spec.facts import ColumnFacts, GroupFacts, LogFacts

# A column of at most this many values is one of categories.
FEW_VALUES = 30


def look_at(engine: DuckDBEngine, loaded: Loaded) -> LogFacts:
    """Facts of every column, from one scan and one more for each column of few values."""
    families = log_columns(engine, loaded)
    parts = ["count(*)"]
    for name, family in families.items():
        column = quote(name)
        parts += [f"count({column})", f"approx_count_distinct({column})"]
        if family in ("integer", "float"):
            finite = f"count_if(isfinite({column}) AND {column}"
            parts += [f"{finite} <> floor({column}))", f"{finite} NOT IN (0, 1))"]
        else:
            parts += ["0", "0"]
    rows, *found = engine.rows(f"SELECT {', '.join(parts)} FROM {loaded.relation}")[0]
    columns = {}
    for place, (name, family) in enumerate(families.items()):
        filled, distinct, fractions, others = found[4 * place : 4 * place + 4]
        columns[name] = _column(engine, loaded, name, family, filled, distinct, fractions, others)
    return LogFacts(rows=rows, columns=columns)


def _column(
    engine: DuckDBEngine,
    loaded: Loaded,
    name: str,
    family: str,
    filled: int,
    distinct: int,
    fractions: int,
    others: int,
) -> ColumnFacts:
    values: dict[str, int] = {}
    if distinct <= FEW_VALUES and family not in ("date", "timestamp", "other"):
        text = text_of(quote(name), family)
        values = dict(
            engine.rows(
                f"SELECT {text} AS value, count(*) AS n FROM {loaded.relation} WHERE {quote(name)} IS NOT NULL "
                f"GROUP BY 1 ORDER BY n DESC, value LIMIT {2 * FEW_VALUES}"
            )
        )
        distinct = len(values)
    elif family == "text" and _is_number(engine, loaded, name):
        family = "number"
    is_number = family in ("integer", "float") and filled > 0
    return ColumnFacts(
        name=name,
        family=family,
        filled=filled,
        distinct=distinct,
        values=values,
        is_whole=is_number and not fractions,
        is_binary=family == "boolean" or (is_number and not others and distinct == 2),
    )


def _is_number(engine: DuckDBEngine, loaded: Loaded, name: str) -> bool:
    try:
        number_sql(engine, loaded, name)
    except DataError:
        return False
    return True


def look_at_groups(engine: DuckDBEngine, loaded: Loaded, names: Sequence[str], variant: str) -> dict[str, GroupFacts]:
    """How the values of each column lie over the variants."""
    found = {}
    for name in names:
        values, several, in_both = engine.rows(
            "SELECT count(*), count_if(n > 1 AND lo = hi), count_if(lo <> hi) FROM "
            f"(SELECT count(*) AS n, min({quote(variant)}) AS lo, max({quote(variant)}) AS hi FROM {loaded.relation} "
            f"WHERE {quote(name)} IS NOT NULL AND {quote(variant)} IS NOT NULL GROUP BY {quote(name)})"
        )[0]
        found[name] = GroupFacts(values=values, several=several, in_both=in_both)
    return found


def share_in_one_variant(engine: DuckDBEngine, loaded: Loaded, name: str, variant: str) -> float:
    """The share of rows in the most frequent variant of their value of `name`: 1 where that determines the variant."""
    most, rows = engine.rows(
        f"SELECT coalesce(sum(most), 0), coalesce(sum(n), 0) FROM (SELECT max(n) AS most, sum(n) AS n FROM (SELECT "
        f"{quote(name)} AS v, {quote(variant)} AS arm, count(*) AS n FROM {loaded.relation} GROUP BY 1, 2) GROUP BY v)"
    )[0]
    return float(most / rows) if rows else 0.0
