"""Engines beyond this machine, through Ibis: Spark, PostgreSQL, warehouses. They are only read.

What the steps of an analysis call a view or a table is kept here as the text of a query, and stands as a common table
expression in every query that needs it: nothing is created on the engine, so the right to SELECT is enough.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from abimpact.errors import AbimpactError, UsageError
from abimpact.read.backends import ibis_columns, ibis_rows, postgres_columns, spark_columns, spark_session
from abimpact.read.engine import EngineError, first_line
from abimpact.spec.engine_url import EXTRAS, redacted, redactor, scheme_of

if TYPE_CHECKING:
    from abimpact.read.dialect import Dialect
    from abimpact.read.translate import Translated

T = TypeVar("T")
# More rows than any summary has; a query that would give more fetches data, not sums.
MOST_ROWS = 50_000
SOURCE = "source"
# Names of common table expressions begin so, lest they hide a table of the engine.
PREFIX = "abimpact_"
# Ibis' names of backends, and sqlglot's names of their dialects where these are others.
DIALECTS = {"pyspark": "spark"}
TITLES = {"pyspark": "Spark", "postgres": "PostgreSQL", "bigquery": "BigQuery", "trino": "Trino"}
VIEW = re.compile(r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?TEMP\s+(?:VIEW|TABLE)\s+(\w+)\s+AS\s+(SELECT\b.*)", re.S | re.I)
CONNECT_SECONDS = 15


class IbisEngine:
    """One connection to the engine at `url`, of which the relation `SOURCE` is read once `read_from` has set it."""

    def __init__(self, url: str) -> None:
        """Connect; an error says what is missing, and never shows a password."""
        self._hide = redactor(url)
        self._url = url
        # The common table expressions by their own names, what each needs, and which one a name now stands for.
        self._texts: dict[str, str] = {}
        self._needs: dict[str, tuple[str, ...]] = {}
        self._relations: dict[str, str] = {}
        self._dialect: Dialect | None = None
        self._restored: dict[str, str | None] = {}
        self._backend = self._connected(scheme_of(url))
        self._kind: str = self._backend.name

    @property
    def is_remote(self) -> bool:
        """Always: only aggregates are fetched."""
        return True

    @property
    def name(self) -> str:
        """Engine and version."""
        return f"{self._kind} {self._backend.version}"

    @property
    def title(self) -> str:
        """The engine's name for people."""
        return TITLES.get(self._kind, self._kind.capitalize())

    @property
    def dialect(self) -> str:
        """Sqlglot's name of the engine's dialect."""
        return DIALECTS.get(self._kind, self._kind)

    def read_from(self, query: str) -> dict[str, str]:
        """Take `query`, in the engine's own dialect, as the relation `SOURCE`; its columns and their type families."""
        from abimpact.read.dialect import Dialect

        families = self._describe(query)
        wide = "BIGDECIMAL" if self.dialect == "bigquery" else "DECIMAL(38, 0)"
        booleans = frozenset(name for name, kind in families.items() if kind == "boolean")
        self._dialect = Dialect(self.title, self.dialect, wide, booleans)
        # A comment may end the query.
        self._define(SOURCE, f"{query}\n", ())
        return families

    def tables(self) -> list[str]:
        """Names of the tables and views in the default place."""
        return self._asked(lambda: sorted(self._backend.list_tables()))

    def execute(self, sql: str) -> None:
        """Keep what a temporary view or table would show."""
        match = VIEW.fullmatch(sql.strip())
        if match is None:
            raise EngineError(f"{self.title} is only read; it is not told: {sql[:60]}")
        found = self._translated(match[2])
        assert self._dialect is not None
        self._define(match[1], found.text, found.relations)
        self._dialect = replace(self._dialect, booleans=found.booleans)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result as a list of tuples."""
        return self._run(sql)[1]

    def query(self, sql: str) -> dict[str, NDArray[np.generic]]:
        """The result as one numpy array a column."""
        columns, rows = self._run(sql)
        values = list(zip(*rows, strict=True)) or [()] * len(columns)
        return {name: np.array(column) for name, column in zip(columns, values, strict=True)}

    def describe(self, relation: str) -> dict[str, str]:
        """Column names and type families of a relation."""
        return self._describe(self._with_needs(self._translated(f"SELECT * FROM {relation}")))

    def close(self) -> None:
        """Close the connection. A session of Spark may be shared: it goes on, with the settings that it had."""
        # A connection that is broken has said so before.
        with suppress(Exception):
            if self._kind != "pyspark":
                self._backend.disconnect()
            for key, value in self._restored.items():
                conf = self._backend._session.conf
                if value is None:
                    conf.unset(key)
                else:
                    conf.set(key, value)

    def _run(self, sql: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        found = self._translated(sql, MOST_ROWS + 1)
        rows = self._fetch(self._with_needs(found))
        if len(rows) > MOST_ROWS:
            raise EngineError(
                f"A summary would have more than {MOST_ROWS:,} rows.",
                "A column of variants or segments may hold identifiers.",
            )
        plain = [tuple(map(_plain, row)) for row in rows]
        # Engines have their own orders of texts; DuckDB's is that of the characters' numbers.
        for place, is_down in reversed(found.order):
            plain.sort(key=partial(_sort_key, place, is_down), reverse=is_down)
        return found.columns, plain

    def _translated(self, sql: str, limit: int | None = None) -> "Translated":
        from abimpact.read.translate import translate

        assert self._dialect is not None
        return translate(sql, self._dialect, self._relations, limit)

    def _with_needs(self, found: "Translated") -> str:
        """The text of a query with the relations that it needs before it."""
        needed = self._needed(found.relations)
        quote = "`" if self.dialect in ("spark", "databricks", "bigquery") else '"'
        before = [f"{quote}{name}{quote} AS ({text})" for name, text in self._texts.items() if name in needed]
        return f"WITH {', '.join(before)} {found.text}" if before else found.text

    def _define(self, relation: str, text: str, needs: tuple[str, ...]) -> None:
        """Let `relation` stand for a query; what was made of its former meaning keeps that."""
        name = f"{PREFIX}{relation}_{len(self._texts)}"
        self._texts[name], self._needs[name], self._relations[relation] = text, needs, name

    def _needed(self, names: Sequence[str]) -> set[str]:
        return set(names).union(*(self._needed(self._needs[name]) for name in names))

    def _connected(self, scheme: str) -> Any:
        extra = EXTRAS[scheme]
        try:
            import ibis

            if extra == "spark":
                backend, self._restored = spark_session(ibis, self._url)
                return backend
            settings = {"connect_timeout": CONNECT_SECONDS} if extra == "postgres" else {}
            backend = ibis.connect(self._url, **settings)
            if extra == "postgres":
                _begin(backend.con)
        except ImportError as error:
            raise UsageError(
                f"{redacted(scheme)}:// needs packages that are not installed ({error.name or error}).",
                f"Install them: pip install 'abimpact[{extra}]'",
            ) from None
        except AbimpactError:
            raise
        except Exception as error:
            said = self._hide(_said(error))
            # So PostgreSQL's driver says that it does not know a parameter.
            if isinstance(error, (ValueError, TypeError)) or type(error).__name__ == "ProgrammingError":
                raise UsageError(f"{self._hide(self._url)} cannot be understood: {said}.") from None
            raise EngineError(f"{self._hide(self._url)} cannot be reached: {said}.", _hint(said)) from None
        return backend

    def _fetch(self, text: str) -> Sequence[Sequence[Any]]:
        """The rows of a query; every way in which they leave the engine leads through here."""
        if self._kind == "postgres":
            return self._asked(lambda: self._backend.con.execute(text).fetchall())
        if self._kind == "pyspark":
            return self._asked(lambda: self._backend.raw_sql(text).collect())
        return self._asked(lambda: ibis_rows(self._backend, text))

    def _describe(self, text: str) -> dict[str, str]:
        if self._kind == "pyspark":
            return self._asked(lambda: spark_columns(self._backend, text))
        if self._kind == "postgres":
            return self._asked(lambda: postgres_columns(self._backend.con, text))
        return self._asked(lambda: ibis_columns(self._backend, text))

    def _asked(self, ask: Callable[[], T]) -> T:
        """What the engine answers; its errors in one line, without a secret."""
        try:
            return ask()
        except AbimpactError:
            raise
        except Exception as error:
            if self._kind == "postgres":
                # An error ends a transaction there; what follows may be the list of tables.
                with suppress(Exception):
                    _begin(self._backend.con)
            raise EngineError(f"{self.title} says: {self._hide(_said(error))}.") from None


def _begin(connection: Any) -> None:
    """Begin a transaction in which all queries see the same rows, and none can change one."""
    connection.rollback()
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _plain(value: Any) -> Any:
    """A decimal as a whole number where it is one."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _sort_key(place: int, is_down: bool, row: Sequence[Any]) -> tuple[bool, Any]:
    """Nulls come last, upwards and downwards."""
    value = row[place]
    return (value is None) is not is_down, 0 if value is None else value


def _said(error: Exception) -> str:
    """The first line of an error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return first_line(Exception(lines[0])).rstrip(".") if lines else type(error).__name__


def _hint(said: str) -> str:
    if "Java" in said or "JAVA" in said:
        return "Spark needs Java 17: install it, or set JAVA_HOME."
    return "Check host, port, user, password and network."
