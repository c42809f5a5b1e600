"""What is particular to Spark and PostgreSQL, and what Ibis does for all others: sessions, columns of a query."""

from collections.abc import Callable, Mapping
from typing import Any

from abimpact.read.engine import family

SPARK_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # Sums that overflow and texts that are no numbers are errors, and no nulls.
    "spark.sql.ansi.enabled": "true",
}


def spark_session(ibis: Any, url: str) -> tuple[Any, dict[str, str | None]]:
    """A session of Spark, and those of its settings that were changed.

    `pyspark://` is the default session, `spark://` that of a cluster's master, `sc://` one of Spark Connect.
    """
    from urllib.parse import parse_qsl

    address, _, parameters = url.partition("?")
    settings = dict(parse_qsl(parameters))
    scheme, _, place = address.partition("://")
    if scheme == "spark":
        settings.setdefault("spark.master", address)
    elif scheme == "sc":
        settings.setdefault("spark.remote", address)
    elif place.startswith(("local", "yarn", "k8s")):
        settings.setdefault("spark.master", place.rstrip("/"))
    elif place:
        settings.setdefault("spark.sql.warehouse.dir", place)
    if "spark.remote" not in settings:
        settings.setdefault("spark.ui.showConsoleProgress", "false")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("abimpact")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    before = {key: session.conf.get(key, None) for key in SPARK_SETTINGS}
    backend = ibis.pyspark.connect(session)
    for key, value in SPARK_SETTINGS.items():
        session.conf.set(key, value)
    return backend, before


def postgres_columns(connection: Any, text: str) -> dict[str, str]:
    """Columns as the server describes a result of no rows, by the categories of its own catalogue."""
    described = connection.execute(f"SELECT * FROM ({text}\n) AS described LIMIT 0").description
    codes = sorted({column.type_code for column in described})
    listed = ", ".join(map(str, codes)) or "0"
    found = connection.execute(f"SELECT oid, typname, typcategory FROM pg_catalog.pg_type WHERE oid IN ({listed})")
    families = {oid: _postgres_family(name, category) for oid, name, category in found.fetchall()}
    return {column.name: families.get(column.type_code, "other") for column in described}


def _postgres_family(name: str, category: str) -> str:
    if category == "N":
        return {"int2": "integer", "int4": "integer", "int8": "integer"}.get(
            name, "float" if name != "money" else "other"
        )
    if category == "D":
        return {"date": "date", "timestamp": "timestamp", "timestamptz": "timestamp"}.get(name, "other")
    return {"B": "boolean", "S": "text", "E": "text"}.get(category, "text" if name == "uuid" else "other")


def spark_columns(backend: Any, text: str) -> dict[str, str]:
    """Columns as Spark plans them, without running the query."""
    return {name: family(kind) for name, kind in backend.raw_sql(text).dtypes}


def ibis_rows(backend: Any, text: str) -> list[tuple[Any, ...]]:
    """The rows of a query as Ibis fetches them."""
    table = backend.sql(text).to_pyarrow()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def ibis_columns(backend: Any, text: str) -> dict[str, str]:
    """Columns as Ibis finds them out."""
    return {name: _ibis_family(kind) for name, kind in backend.sql(text).schema().items()}


def _ibis_family(kind: Any) -> str:
    tests: Mapping[str, Callable[[], bool]] = {
        "boolean": kind.is_boolean,
        "integer": kind.is_integer,
        "float": lambda: kind.is_floating() or kind.is_decimal(),
        "text": lambda: kind.is_string() or kind.is_uuid(),
        "date": kind.is_date,
        "timestamp": kind.is_timestamp,
    }
    return next((name for name, holds in tests.items() if holds()), "other")
