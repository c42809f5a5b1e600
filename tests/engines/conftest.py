"""A real PostgreSQL server and a real local Spark; tests are skipped where one cannot be had, and say so."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engines.logs import events, frame

SAMPLE = Path(__file__).parents[2] / "sample_data"
PASSWORD = "open sesame/42@"
ENCODED = "open%20sesame%2F42%40"
TYPES = {"double": "double precision", "string": "text", "bool": "boolean", "date32[day]": "date", "int8": "smallint"}


@dataclass(frozen=True)
class Server:
    """An engine: URL of a user who may only read tables `checkouts`, `log` and `events`, and their rows as files."""

    url: str
    files: dict[str, Path]

    def source(self, table: str) -> list[str]:
        return ["--engine", self.url, "--table", table]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The rows as Parquet files, which DuckDB reads."""
    folder = tmp_path_factory.mktemp("logs")
    for name, made, time in (("log", frame(), "started"), ("events", events(), "event_time")):
        table = pa.Table.from_pandas(made, preserve_index=False)
        table = table.set_column(table.column_names.index(time), time, table[time].cast(pa.timestamp("us")))
        pq.write_table(table, folder / f"{name}.parquet")
    own = {name: folder / f"{name}.parquet" for name in ("log", "events")}
    return {**own, "checkouts": SAMPLE / "checkouts.parquet"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each engine in one process of its own, where tests are dealt out by groups."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("spark" if "spark" in item.nodeid else "postgres"))


def needed(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[spark,postgres]'")


@pytest.fixture(scope="session")
def postgres(files: dict[str, Path]) -> Iterator[Server]:
    """A server of its own on a Unix socket, whose user `reader` may read and nothing else."""
    needed("ibis")
    psycopg = needed("psycopg")
    programs = sorted(glob("/usr/lib/postgresql/*/bin")) + [str(Path(p).parent) for p in [shutil.which("initdb")] if p]
    if not programs:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="abimpact-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        command = [f"{programs[-1]}/{program}", "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)

    # Its texts are ordered as people do, and not by the numbers of characters.
    version = subprocess.run([f"{programs[-1]}/initdb", "--version"], capture_output=True, text=True, check=True).stdout
    has_icu = int(version.split()[2].split(".")[0]) >= 15
    locale = ["--locale-provider=icu", "--icu-locale=und"] if has_icu else []
    locale += ["--locale=C.UTF-8", "-E", "UTF8"]
    call("initdb", "-U", "owner", "-A", "scram-sha-256", "--pwfile=" + _password(folder), "--no-sync", *locale)
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "start")
    try:
        with psycopg.connect(host=str(folder), user="owner", password=PASSWORD, dbname="postgres") as connection:
            for name, path in files.items():
                _load(connection, name, pq.read_table(path))
            connection.execute(f"CREATE USER reader PASSWORD '{PASSWORD}'")
            connection.execute("ALTER USER reader SET default_transaction_read_only = on")
            connection.execute("REVOKE ALL ON DATABASE postgres FROM PUBLIC")
            connection.execute("GRANT CONNECT ON DATABASE postgres TO reader")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        yield Server(f"postgresql://reader:{ENCODED}@/postgres?host={folder}", files)
    finally:
        call("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _password(folder: Path) -> str:
    path = folder / "password"
    path.write_text(PASSWORD)
    path.chmod(0o644)
    return str(path)


def _load(connection: Any, name: str, table: pa.Table) -> None:
    columns = ", ".join(f'"{f.name}" {_type(str(f.type))}' for f in table.schema)
    connection.execute(f'CREATE TABLE "{name}" ({columns})')
    with connection.cursor().copy(f'COPY "{name}" FROM STDIN') as copy:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            copy.write_row(row)


def _type(arrow: str) -> str:
    if arrow.startswith("timestamp"):
        return "timestamp"
    return TYPES.get(arrow.removeprefix("large_"), "smallint" if arrow == "int16" else "bigint")


@pytest.fixture(scope="session")
def spark(files: dict[str, Path]) -> Iterator[Server]:
    """A local Spark, with the files as views of the session."""
    needed("ibis")
    sql = needed("pyspark.sql")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Java is not installed: apt-get install openjdk-17-jre-headless")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    warehouse = tempfile.mkdtemp(prefix="abimpact-")
    settings = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.warehouse.dir": warehouse,
        "spark.log.level": "ERROR",
    }
    builder = sql.SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    for name, path in files.items():
        session.read.parquet(str(path)).createOrReplaceTempView(name)
    yield Server("pyspark://", files)
    session.stop()
    shutil.rmtree(warehouse, ignore_errors=True)


@pytest.fixture(params=["postgres", "spark"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each engine in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found
