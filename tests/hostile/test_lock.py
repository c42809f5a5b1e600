"""DuckDB's own lock-down, asked directly: what gets past the parser of expressions still reaches nothing.

A release of DuckDB that weakened it would be seen here.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.spec.expression import literal

SECRET = "kanarienvogel"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside" / "log.csv").write_text("value\n1\n")
    path = tmp_path / "outside" / "canary.csv"
    path.write_text(f"secret\n{SECRET}\n")
    (tmp_path / "inside" / "linked.csv").symlink_to(path)
    return path


@pytest.fixture
def engine(canary: Path) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    engine.lock([str(canary.parents[1] / "inside" / "log.csv")])
    yield engine
    engine.close()


READERS = (
    "FROM read_csv({0})",
    "FROM read_text({0})",
    "FROM read_blob({0})",
    "FROM read_json({0})",
    "FROM read_parquet({0})",
    "FROM parquet_schema({0})",
    "FROM sniff_csv({0})",
    "SELECT * FROM {0}",
    "FROM query('FROM read_text(' || chr(39) || {0} || chr(39) || ')')",
    "CREATE TABLE t AS FROM read_csv({0})",
    "CREATE VIEW w AS FROM read_csv({0}); FROM w",
    "CREATE MACRO m(p) AS TABLE FROM read_csv(p); FROM m({0})",
    "SELECT (SELECT content FROM read_text({0}))",
    "PREPARE q AS FROM read_text({0}); EXECUTE q",
    "CREATE TABLE t (secret VARCHAR); COPY t FROM {0}",
    "SUMMARIZE FROM read_csv({0})",
    "DESCRIBE FROM read_csv({0})",
    "ATTACH {0} AS other",
    "ATTACH {0} AS other (READ_ONLY)",
    "ATTACH {0} AS other (TYPE sqlite)",
    "IMPORT DATABASE {0}",
    "LOAD {0}",
)


@pytest.mark.parametrize("statement", READERS)
@pytest.mark.parametrize("name", ["canary.csv", "../outside/canary.csv", "*", "linked.csv"])
def test_no_other_file_is_read(engine: DuckDBEngine, canary: Path, statement: str, name: str) -> None:
    places = {"canary.csv": canary, "*": canary.parent / "*", "linked.csv": canary.parents[1] / "inside" / name}
    path = places.get(name, canary.parents[1] / "inside" / name)
    with pytest.raises(duckdb.Error) as caught:
        engine.rows(statement.format(literal(str(path))))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("function", ["glob", "read_text", "read_blob", "read_csv"])
@pytest.mark.parametrize("pattern", ["/*", "/etc/*", "**", "*", "../*", "{0}/*", "{0}/../*/*"])
def test_no_folder_is_listed(engine: DuckDBEngine, canary: Path, function: str, pattern: str) -> None:
    with pytest.raises(duckdb.Error):
        engine.rows(f"FROM {function}({literal(pattern.format(canary.parent))})")


def test_the_named_file_is_read(engine: DuckDBEngine, canary: Path) -> None:
    """The lock is no wall: without this the other tests would show nothing."""
    path = literal(str(canary.parents[1] / "inside" / "log.csv"))
    assert engine.rows(f"FROM read_csv({path})") == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO {0}",
        "COPY (SELECT 1) TO {0} (FORMAT parquet)",
        "EXPORT DATABASE {0}",
        "ATTACH {0}",
        "COPY (SELECT 1 AS x) TO {0} (PARTITION_BY x)",
        "CALL enable_logging(storage_path = {0})",
        "PRAGMA enable_profiling = 'json'",
        "SET profiling_output = {0}",
        "SET log_query_path = {0}",
        "SET home_directory = {0}",
        "SET extension_directory = {0}",
        "SET secret_directory = {0}",
        "SET temp_directory = {0}",
        "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    ],
)
def test_nothing_is_written(engine: DuckDBEngine, canary: Path, statement: str) -> None:
    new = canary.parent / "new"
    with pytest.raises(duckdb.Error):
        engine.rows(statement.format(literal(str(new))))
    assert [p.name for p in canary.parent.iterdir()] == ["canary.csv"]
    assert {p.name for p in (canary.parents[1] / "inside").iterdir()} == {"log.csv", "linked.csv"}


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "RESET enable_external_access",
        "SET allowed_paths = ['/etc/passwd']",
        "SET allowed_directories = ['/']",
        "RESET allowed_paths",
        "PRAGMA enable_external_access = true",
        "SET GLOBAL allow_unsigned_extensions = true",
        "SET SESSION memory_limit = '100GB'",
        "SET autoinstall_known_extensions = true",
        "SET custom_extension_repository = 'http://127.0.0.1:1'",
        "SET threads = 1000",
    ],
)
def test_the_lock_stays(engine: DuckDBEngine, canary: Path, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        engine.rows(statement)
    with pytest.raises(duckdb.Error):
        engine.rows(f"FROM read_text({literal(str(canary))})")


@pytest.mark.parametrize(
    "statement",
    [
        "INSTALL httpfs",
        "INSTALL httpfs FROM 'http://127.0.0.1:{0}'",
        "LOAD httpfs",
        "FROM read_csv('http://127.0.0.1:{0}/x.csv')",
        "FROM 'https://127.0.0.1:{0}/x.parquet'",
        "FROM read_parquet('s3://127.0.0.1:{0}/x')",
        "ATTACH 'postgresql://127.0.0.1:{0}/x' AS p (TYPE postgres)",
        "FROM postgres_scan('host=127.0.0.1 port={0}', 'public', 'x')",
        "CREATE SECRET s (TYPE s3, PROVIDER credential_chain)",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_outside_is_reached(engine: DuckDBEngine, statement: str) -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        port.setblocking(False)
        with pytest.raises(duckdb.Error):
            engine.rows(statement.format(port.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            port.accept()
