"""JSON lines, and JSON files that are one list of records."""

from glob import escape

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.sources import InputFile
from abimpact.read.tables import Taken
from abimpact.spec.expression import literal, quote
from abimpact.spec.request import Pick


def read_json(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:  # noqa: ARG001 - a reader's signature
    """One column a key. Types are those of all records; where records disagree, a column is text."""
    hive = str(file.is_hive).lower()
    source = f"read_json({literal(escape(file.path))}, sample_size = -1, hive_partitioning = {hive})"
    types = {row[0]: row[1] for row in engine.rows(f"DESCRIBE SELECT * FROM {source}")}
    if list(types) == ["json"]:
        raise DataError(
            f"{file.path} has no records.", 'Write one record a line, like {"user_id": 1, "variant": "ml"}.'
        )
    # Values of several types come as JSON text, in which texts have quotes.
    mixed = [f"{quote(name)} ->> '$' AS {quote(name)}" for name, type_name in types.items() if type_name == "JSON"]
    empty = [f"CAST(NULL AS VARCHAR) AS {quote(name)}" for name, t in types.items() if t.strip('"') == "NULL"]
    replaced = f" REPLACE ({', '.join(mixed + empty)})" if mixed or empty else ""
    return Taken(source=f"(SELECT *{replaced} FROM {source})")
