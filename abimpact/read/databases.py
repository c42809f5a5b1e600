"""Tables of SQLite and DuckDB files."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

from abimpact.errors import DataError, nearest
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.sources import InputFile
from abimpact.read.tables import Taken, unreadable
from abimpact.spec.expression import literal, quote
from abimpact.spec.request import Pick

BATCH_ROWS = 1 << 16
# Declared types of SQLite columns whose texts are dates or times.
DATE_TYPES = ("DATE", "TIME")


def read_duckdb(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:
    """A table or view of a DuckDB file, which is opened for reading only."""
    alias = quote(file.path)
    engine.execute(f"ATTACH {literal(file.path)} AS {alias} (READ_ONLY, TYPE duckdb)")
    name = literal(file.path)
    found = engine.rows(
        f"SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = {name} UNION ALL "
        f"SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = {name} AND NOT internal ORDER BY ALL"
    )
    tables = {table if schema == "main" else f"{schema}.{table}": (schema, table) for schema, table in found}
    schema, table = tables[picked(file, "table", pick.table, list(tables))]
    return Taken(source=f"{alias}.{quote(schema)}.{quote(table)}")


def read_sqlite(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:
    """A table or view of an SQLite file, in batches."""
    _check_whole(file)
    try:
        with closing(_connected(file.path)) as connection:
            listed = (
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' "
                "ESCAPE '\\' ORDER BY name"
            )
            names = [name for (name,) in connection.execute(listed)]
            table = quote(picked(file, "table", pick.table, names))
            columns = _columns(connection, table)
            if not columns:
                raise DataError(f"{file.path}: the table {table} has no columns.", "Name another with --table.")
            dates = [name for name, (_, _, is_date) in columns.items() if is_date]
            engine.register("sqlite_rows", _batches(connection, table, columns))
            engine.execute("CREATE OR REPLACE TEMP TABLE sqlite_table AS SELECT * FROM sqlite_rows")
    except sqlite3.Error as error:
        raise unreadable(file, str(error)) from error
    return Taken(source=f"(SELECT *{_as_dates(engine, 'sqlite_table', dates)} FROM sqlite_table)")


def _check_whole(file: InputFile) -> None:
    """Refuse a file with fewer pages than its header says: SQLite reads what is missing as nothing.

    The header says so only if the last program that wrote the file was one that keeps it up to date.
    """
    with open(file.path, "rb") as stream:
        head = stream.read(100)
    size, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
    if head[24:28] == head[92:96] and file.bytes < (size if size > 1 else 1 << 16) * pages:
        raise unreadable(file, "it is cut off")


def picked(file: InputFile, what: str, name: str | None, names: Sequence[str]) -> str:
    """The sheet or table that was named, or else the only one."""
    listed = ", ".join(map(repr, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    if name is not None:
        found = [n for n in names if n == name] or [n for n in names if n.casefold() == name.casefold()]
        if len(found) != 1:
            raise DataError(f"{file.path} has no {what} {name!r}; it has: {listed or 'none'}.", nearest(name, names))
        return found[0]
    if not names:
        raise DataError(f"{file.path} has no {what} with rows.", "Check the export that wrote it.")
    if len(names) > 1:
        raise DataError(f"{file.path} has several {what}s: {listed}.", f"Name one: --{what} {names[0]!r}.")
    return names[0]


def _connected(path: str) -> sqlite3.Connection:
    """A connection that only reads, and leaves no file beside the database."""
    journal = Path(path + "-wal")
    is_settled = not (journal.exists() and journal.stat().st_size)
    mode = "mode=ro&immutable=1" if is_settled else "mode=ro"
    return sqlite3.connect(f"file:{url_quote(str(Path(path).absolute()))}?{mode}", uri=True, check_same_thread=False)


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[str, str, bool]]:
    """For each column its SQL, its Arrow type, and whether it was declared to hold dates.

    SQLite keeps a type with every value, so the types of all values together decide.
    """
    declared = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]
    if not declared:
        return {}
    kinds = ", ".join(
        f"max(typeof({quote(name)}) = {literal(kind)})" for name, _ in declared for kind in ("blob", "text", "real")
    )
    seen = connection.execute(f"SELECT {kinds} FROM {table}").fetchone()
    columns = {}
    for i, (name, type_name) in enumerate(declared):
        has_blobs, has_texts, has_reals = seen[3 * i : 3 * i + 3]
        is_date = bool(has_texts) and any(t in type_name.upper() for t in DATE_TYPES)
        if has_blobs:
            columns[name] = (f"hex({quote(name)})", "string", False)
        elif has_texts:
            columns[name] = (f"CAST({quote(name)} AS TEXT)", "string", is_date)
        else:
            columns[name] = (quote(name), "double" if has_reals else "int64", False)
    return columns


def _batches(connection: sqlite3.Connection, table: str, columns: dict[str, tuple[str, str, bool]]) -> Any:
    import pyarrow as pa

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, (_, kind, _) in columns.items()])
    cursor = connection.execute(f"SELECT {', '.join(sql for sql, _, _ in columns.values())} FROM {table}")

    def batches() -> Iterator[Any]:
        while rows := cursor.fetchmany(BATCH_ROWS):
            arrays = [pa.array(values, type=f.type) for values, f in zip(zip(*rows, strict=True), schema, strict=True)]
            yield pa.record_batch(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _as_dates(engine: DuckDBEngine, table: str, names: Sequence[str]) -> str:
    """The REPLACE clause that reads the columns `names` as times, where all their values are."""
    if not names:
        return ""
    counts = ", ".join(f"count_if({quote(n)} IS NOT NULL AND TRY_CAST({quote(n)} AS TIMESTAMP) IS NULL)" for n in names)
    misfits = engine.rows(f"SELECT {counts} FROM {table}")[0]
    parts = [f"CAST({quote(n)} AS TIMESTAMP) AS {quote(n)}" for n, bad in zip(names, misfits, strict=True) if not bad]
    return f" REPLACE ({', '.join(parts)})" if parts else ""
