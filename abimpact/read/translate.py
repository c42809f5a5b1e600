"""From SQL in DuckDB's dialect to that of another engine: one text of queries, the same numbers everywhere.

sqlglot translates what every dialect has. Here is what it does not: shorthands (`GROUP BY ALL`, filtered aggregates,
names of results in HAVING, subqueries without a name), and in `functions` what functions mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from abimpact.read.dialect import Dialect
from abimpact.read.engine import EngineError
from abimpact.read.functions import is_boolean, rewritten

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node


@dataclass(frozen=True, slots=True)
class Translated:
    """A query in an engine's dialect: its text, the names of its columns and of the relations that it reads.

    `booleans` are names that stand for truth values in it; `order` has the places of the columns that it is ordered by,
    and whether downwards, as far as these are columns of the result.
    """

    text: str
    columns: tuple[str, ...]
    relations: tuple[str, ...]
    booleans: frozenset[str]
    order: tuple[tuple[int, bool], ...]


def translate(sql: str, dialect: Dialect, relations: Mapping[str, str], limit: int | None = None) -> Translated:
    """`sql`, a query in DuckDB's dialect, for an engine of `dialect`, with at most `limit` rows.

    It may read `relations`, of which the values are their names on the engine.

    Raises `EngineError` for what cannot be translated.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    if not isinstance(tree, exp.Query):
        raise EngineError(f"{dialect.title} is only read: {sql[:60]!r} is no query.")
    for select in list(tree.find_all(exp.Select)):
        _spell_out(select)
    _name_results(tree)
    read = tuple(_rename_relations(tree, relations))
    columns = tuple(e.alias_or_name for e in tree.selects)
    order = _order(tree)
    for place, subquery in enumerate(tree.find_all(exp.Subquery)):
        if not subquery.alias and isinstance(subquery.parent, (exp.From, exp.Join)):
            subquery.set("alias", exp.TableAlias(this=exp.to_identifier(f"q{place}")))
    truths = {alias.alias for alias in tree.find_all(exp.Alias) if is_boolean(alias.this, dialect)}
    dialect = replace(dialect, booleans=dialect.booleans | truths)
    tree = rewritten(tree, dialect)
    if limit is not None and not tree.args.get("limit"):
        tree = tree.limit(limit)
    return Translated(tree.sql(dialect=dialect.sqlglot, identify=True), columns, read, dialect.booleans, order)


def _spell_out(select: exp.Select) -> None:
    """Write out `GROUP BY ALL` and `ORDER BY ALL`, and in HAVING what the names of results stand for."""
    results = {e.alias: e.this for e in select.expressions if isinstance(e, exp.Alias)}
    group = select.args.get("group")
    if group and group.args.get("all"):
        keys = [e.unalias().copy() for e in select.expressions if not _aggregates(e) and e.find(exp.Column)]
        select.set("group", exp.Group(expressions=keys) if keys else None)
    order = select.args.get("order")
    if order and any(isinstance(o.this, exp.Var) and o.name.upper() == "ALL" for o in order.expressions):
        places = [exp.Ordered(this=exp.Literal.number(i + 1), nulls_first=False) for i in range(len(select.selects))]
        order.set("expressions", places)
    having = select.args.get("having")
    for name in list(having.find_all(exp.Column)) if having else ():
        if not name.table and name.name in results and not name.find_ancestor(exp.AggFunc):
            name.replace(exp.paren(results[name.name].copy()))


def _aggregates(node: "Node") -> bool:
    return any(
        isinstance(found, exp.AggFunc) or (isinstance(found, exp.Anonymous) and found.name.lower() in ("fsum", "favg"))
        for found in node.walk()
    )


def _name_results(tree: exp.Query) -> None:
    """Give every result a name of its own; engines refuse several of one name."""
    if not isinstance(tree, exp.Select):
        return
    taken: set[str] = set()
    named = []
    for place, node in enumerate(tree.expressions):
        name = node.alias_or_name
        if node.is_star or (isinstance(node, (exp.Column, exp.Alias)) and name not in taken):
            named.append(node)
        else:
            name = f"c{place}"
            named.append(exp.alias_(node.unalias(), name))
        taken.add(name)
    tree.set("expressions", named)


def _order(tree: exp.Query) -> tuple[tuple[int, bool], ...]:
    """What a query is ordered by, up to the first key that is no column of its result."""
    places: dict[str, int] = {}
    for place, node in enumerate(tree.selects):
        for name in (node.alias_or_name, node.unalias().sql(), str(place + 1)):
            places.setdefault(name, place)
    found = []
    for key in tree.args["order"].expressions if tree.args.get("order") else ():
        text = key.this.sql()
        if text not in places:
            break
        found.append((places[text], bool(key.args.get("desc"))))
    return tuple(found)


def _rename_relations(tree: exp.Query, relations: Mapping[str, str]) -> Iterator[str]:
    """Put the engine's names of `relations` in the place of the query's, which stay their aliases."""
    found: dict[str, None] = {}
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier) or table.db:
            raise EngineError(f"{table.sql(dialect='duckdb')[:60]!r} cannot be read on this engine.")
        if table.name not in relations:
            raise EngineError(f"There is no relation {table.name!r}.")
        name = relations[table.name]
        found[name] = None
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(name))
    return iter(found)
