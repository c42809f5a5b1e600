"""The log as a table or a query of an engine."""

from abimpact.errors import DataError, UsageError, nearest
from abimpact.read.engine import EngineError
from abimpact.read.ibis_engine import SOURCE, IbisEngine
from abimpact.read.loaded import Loaded

NO_ORDER = (
    "The rows of a table have no order, and no column of times was named: of a unit's several rows the one with the "
    "smallest values is its first."
)


def load_source(engine: IbisEngine, table: str | None, query: str | None) -> tuple[Loaded, dict[str, str]]:
    """The relation that `table` or `query` (in the engine's dialect) gives, and its columns' type families."""
    if table and query:
        raise UsageError("--table and --query are two sources.", "Give one of them.")
    families = _of_query(engine, query) if query else _of_table(engine, table or _only_table(engine))
    return Loaded(relation=SOURCE, order=""), families


def _of_query(engine: IbisEngine, query: str) -> dict[str, str]:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    text = query.strip().rstrip(";")
    try:
        trees = sqlglot.parse(text, read=engine.dialect)
    except (SqlglotError, RecursionError) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise UsageError(f"--query cannot be read as SQL of {engine.title}: {said}.") from None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query) or tree.find(exp.DML, exp.DDL, exp.Command, exp.Into):
        raise UsageError("--query is not one SELECT.", "Nothing but reading is done on an engine.")
    return engine.read_from(text)


def _of_table(engine: IbisEngine, name: str) -> dict[str, str]:
    """The columns of a table, named as in the engine's SQL or exactly as it is spelled."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        spelled = sqlglot.parse_one(name, into=exp.Table, read=engine.dialect)
    except SqlglotError:
        spelled = None
    failure: EngineError | None = None
    if spelled is not None and not spelled.args.get("joins") and not spelled.alias:
        try:
            return engine.read_from(f"SELECT * FROM {spelled.sql(dialect=engine.dialect)}")
        except EngineError as error:
            failure = error
    tables = engine.tables()
    found = [t for t in tables if t == name] or [t for t in tables if t.casefold() == name.casefold()]
    if len(found) == 1:
        quoted = exp.Table(this=exp.to_identifier(found[0], quoted=True))
        return engine.read_from(f"SELECT * FROM {quoted.sql(dialect=engine.dialect)}")
    said = f" ({failure.message})" if failure and "." in name else ""
    raise DataError(f"{engine.title} has no table {name!r}{said}.", nearest(name, tables))


def _only_table(engine: IbisEngine) -> str:
    tables = engine.tables()
    if len(tables) != 1:
        listed = ", ".join(map(repr, tables[:20])) + (f" and {len(tables) - 20} more" if len(tables) > 20 else "")
        raise UsageError(
            f"Which table of {engine.title}? " + (f"There are: {listed}." if tables else "The default place has none."),
            "Name it with --table, or give a --query.",
        )
    return tables[0]
