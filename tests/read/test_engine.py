"""The engine: what it can reach once it is locked, what it leaves behind, and how it says that memory ran out."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from abimpact.errors import DataError, UsageError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import family


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file that is allowed and one that is not; temporary files go below it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "log[1].csv").write_text("x\n1\n")
    (tmp_path / "log1.csv").write_text("secret\n1\n")
    return tmp_path


@pytest.fixture
def engine(folder: Path) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine()
    made.lock([str(folder / "log[1].csv")])
    yield made
    made.close()


ESCAPES = [
    "SELECT * FROM read_csv('{folder}/log1.csv')",
    "SELECT * FROM read_csv('{folder}/log*.csv')",
    "SELECT * FROM read_csv('{folder}/log[1].csv')",
    "SELECT * FROM read_csv('{temporary}/../log1.csv')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM read_parquet('http://localhost:1/x.parquet')",
    "FROM '{folder}/log1.csv'",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "ATTACH '{folder}/other.duckdb'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT getenv('HOME')",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_paths = ['/etc/passwd']",
    "RESET allowed_directories",
    "SET temp_directory = '/'",
    "SET memory_limit = '1TB'",
    "SET log_query_path = '{folder}/queries'",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_a_locked_engine_reaches_nothing_else(engine: DuckDBEngine, folder: Path, sql: str) -> None:
    before = sorted(p.name for p in folder.iterdir())
    (temporary,) = (p for p in folder.iterdir() if p.is_dir())
    with pytest.raises(duckdb.Error):
        engine.rows(sql.format(folder=folder, temporary=temporary))
    assert sorted(p.name for p in folder.iterdir()) == before


def test_the_file_allowed_is_read(engine: DuckDBEngine, folder: Path) -> None:
    assert engine.rows(f"SELECT * FROM read_csv('{folder}/log[[]1].csv')") == [(1,)]


def test_nothing_is_left_behind(folder: Path) -> None:
    before = sorted(folder.iterdir())
    DuckDBEngine().close()
    with pytest.raises(UsageError, match="--memory-limit 'much' is not a size"):
        DuckDBEngine(memory_limit="much")
    assert sorted(folder.iterdir()) == before


def test_too_little_memory_names_the_option() -> None:
    engine = DuckDBEngine(memory_limit="10MB", threads=1)
    with pytest.raises(DataError, match="memory limit was reached") as caught:
        engine.rows("SELECT list(range) FROM range(10_000_000)")
    assert "--memory-limit" in caught.value.hint
    engine.close()


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("TINYINT", "integer"),
        ("UHUGEINT", "integer"),
        ("INTEGER", "integer"),
        ("DECIMAL(18,2)", "float"),
        ("FLOAT", "float"),
        ("DOUBLE", "float"),
        ("BOOLEAN", "boolean"),
        ("VARCHAR", "text"),
        ("ENUM('a', 'b')", "text"),
        ("UUID", "text"),
        ("DATE", "date"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp"),
        ("TIMESTAMP_NS", "timestamp"),
        ("INTEGER[]", "other"),
        ("STRUCT(a INTEGER)", "other"),
        ("INTERVAL", "other"),
        ("BLOB", "other"),
    ],
)
def test_types_fall_into_families(type_name: str, expected: str) -> None:
    assert family(type_name) == expected
