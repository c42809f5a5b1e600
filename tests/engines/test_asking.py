"""How engines are asked: errors and their exit codes, no secrets, nothing written, and only sums come back."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

from abimpact.api import analyze
from abimpact.cli.main import main
from abimpact.read.backends import ibis_columns, ibis_rows
from abimpact.read.ibis_engine import IbisEngine
from tests.engines.comparing import differences
from tests.engines.conftest import ENCODED, PASSWORD, SAMPLE, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
METRICS = "-m profit -m orders/sessions -m profit:p90 --segment country --covariate profit_pre --resamples 99".split()


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["report", *arguments])
    streams = capsys.readouterr()
    assert PASSWORD not in streams.out + streams.err
    assert ENCODED not in streams.out + streams.err
    assert streams.out == ""
    return code, streams.err


@pytest.mark.parametrize(
    ("table", "query", "code", "said"),
    [
        ("checkout", None, 3, "has no table 'checkout'. Did you mean 'checkouts'?"),
        (None, None, 2, "There are: 'checkouts', 'events', 'log'"),
        (None, "DELETE FROM checkouts", 2, "--query is not one SELECT"),
        (None, "WITH gone AS (DELETE FROM checkouts RETURNING *) SELECT * FROM gone", 2, "--query is not one SELECT"),
        (None, "SELECT 1; SELECT 2", 2, "--query is not one SELECT"),
        (None, "SELECT * FROM nowhere", 3, "nowhere"),
        (None, "SELEC", 2, "--query is not one SELECT"),
        ("checkouts", "SELECT 1", 2, "two sources"),
        ("checkouts; DROP TABLE log", None, 3, "has no table"),
    ],
)
def test_a_wrong_source_is_an_error(
    postgres: Server, capsys: pytest.CaptureFixture[str], table: str | None, query: str | None, code: int, said: str
) -> None:
    source = [*(["--table", table] if table else []), *(["--query", query] if query else [])]
    got, error = failed(capsys, postgres.url, *source, "-m", "profit")
    assert (got, said in error) == (code, True), error


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ((ENCODED, "wrong-guess"), 3, "cannot be reached"),
        (("reader:", "nobody-here:"), 3, "cannot be reached"),
        (("/postgres?", "/elsewhere?"), 3, "cannot be reached"),
        (("?host=", "?nonsense=1&host="), 2, "cannot be understood"),
        (("@/", "@localhost:port/"), 2, "cannot be understood"),
        (("@/", "@localhost:1/"), 3, "cannot be reached"),
    ],
)
def test_a_failing_connection_shows_no_password(
    postgres: Server, capsys: pytest.CaptureFixture[str], change: tuple[str, str], code: int, said: str
) -> None:
    url = postgres.url.replace(*change)
    got, error = failed(capsys, url, "--table", "log", "-m", "revenue", "-v")
    assert (got, said in error) == (code, True), error
    assert "wrong-guess" not in error
    assert "postgresql://" in error


def test_no_output_shows_the_password(postgres: Server, tmp_path: Path) -> None:
    names = ["r.json", "r.md", "r.html", "r.csv", "r.xlsx", "r.xml", "r.txt", "r.pptx"]
    outputs = [argument for name in names for argument in ("-o", str(tmp_path / name))]
    command = [sys.executable, "-m", "abimpact", "report", *postgres.source("checkouts"), *METRICS, *outputs, "-v"]
    done = subprocess.run([*command, "--incumbent", "rules"], capture_output=True, check=True)
    written = done.stdout + done.stderr + b"".join((tmp_path / name).read_bytes() for name in names)
    for secret in (PASSWORD, ENCODED, unquote(ENCODED)):
        assert secret.encode() not in written
    found = json.loads((tmp_path / "r.json").read_text())["provenance"]
    assert found["sources"][0]["path"].startswith("postgresql://reader:***@/postgres")
    assert found["sources"][0]["path"].endswith("--table checkouts")
    assert found["sources"][0]["rows"] == pq.read_metadata(postgres.files["checkouts"]).num_rows
    assert "--engine 'postgresql://reader:***@/" in found["command"]
    assert found["config"]["engine"].startswith("postgresql://reader:***@/")
    assert {"ibis-framework", "sqlglot"} <= set(found["packages"])


def test_only_sums_leave_the_engine(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sequence[Sequence[Any]]] = []
    fetch = IbisEngine._fetch

    def recorded(self: IbisEngine, text: str) -> Sequence[Sequence[Any]]:
        seen.append(fetch(self, text))
        return seen[-1]

    monkeypatch.setattr(IbisEngine, "_fetch", recorded)
    rows = pq.read_metadata(postgres.files["checkouts"]).num_rows
    arguments = [*postgres.source("checkouts"), *METRICS, "--unit", "checkout_id", "--incumbent", "rules"]
    assert main(["report", *arguments, "-q", "-o", str(tmp_path / "r.json")]) == 0
    assert sum(map(len, seen)) < rows / 4
    # Beside numbers and days there are variants and segments, and no name of a unit.
    texts = {value for result in seen for row in result for value in row if isinstance(value, str)}
    assert texts - {""} == {"rules", "ml", "DE", "FR", "NL", "PL", "SE"}


def test_a_query_is_the_log(postgres: Server, tmp_path: Path) -> None:
    query = "SELECT *, profit - orders AS net FROM checkouts WHERE country IN ('DE', 'FR') -- the two"
    arguments = ["-m", "net", "--incumbent", "rules", "--resamples", "199", "-q"]
    ours = tmp_path / "ours.json"
    theirs = tmp_path / "theirs.json"
    sample = [str(SAMPLE / "checkouts.parquet"), "--where", "country IN ('DE', 'FR')", "-c", "/dev/null"]
    assert main(["report", *sample, "-m", "net=profit-orders", *arguments[2:], "-o", str(ours)]) == 0
    assert main(["report", postgres.url, "--query", query, *arguments, "-o", str(theirs)]) == 0
    one, other = (json.loads(path.read_text())["metrics"] for path in (ours, theirs))
    one[0]["name"] = other[0]["name"]
    assert list(differences(one, other)) == []


def test_the_api_gives_the_same(postgres: Server) -> None:
    found = analyze(engine=postgres.url, table="checkouts", metrics=["profit"], incumbent="rules", resamples=0)
    ours = analyze(
        str(postgres.files["checkouts"]), metrics=["profit"], incumbent="rules", resamples=0, config="/dev/null"
    )
    assert list(differences(ours.to_dict()["metrics"], found.to_dict()["metrics"])) == []


def test_rows_without_an_order_have_no_first(
    postgres: Server, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = [*postgres.source("log"), "-m", "revenue", "--unit", "person", "--incumbent", "rules"]
    code, error = failed(capsys, *arguments, "--several-rows", "first")
    assert code == 2
    assert "no order" in error
    results = []
    for name in ("one.json", "two.json"):
        assert main(["report", *arguments, "-q", "-o", str(tmp_path / name)]) == 0
        results.append(json.loads((tmp_path / name).read_text()))
    assert list(differences(*results)) == []
    assert any("no order" in check["message"] for check in results[0]["checks"])


@pytest.mark.filterwarnings("ignore")  # Ibis' use of pandas
def test_ibis_own_way_gives_the_same(server: Server) -> None:
    """What is done on engines that are not at hand: `Backend.sql`, which needs sqlglot below 29 on PostgreSQL."""
    engine = IbisEngine(server.url.replace("reader", "owner"))
    families = engine.read_from("SELECT * FROM log")
    ours, texts = [], []
    for sql in (
        "SELECT variant, count(*), sum(revenue), max(started), min(day), sum(CAST(orders AS HUGEINT)) FROM source "
        "WHERE NOT isnan(revenue) GROUP BY ALL ORDER BY ALL",
        "SELECT floor(latency / 100) AS bin, count(*) AS n FROM source GROUP BY ALL ORDER BY ALL",
    ):
        text = engine._with_needs(engine._translated(sql, 100))
        texts.append(text)
        ours.append([tuple(row) for row in engine._fetch(text)])
    if engine.dialect == "postgres":
        engine._backend.con.rollback()  # Ibis creates views, which the transaction forbids
    assert [ibis_rows(engine._backend, text) for text in texts] == ours
    assert ibis_columns(engine._backend, "SELECT * FROM log") == families
    engine.close()


def test_nothing_can_be_written(postgres: Server) -> None:
    engine = IbisEngine(postgres.url)
    engine.read_from("SELECT * FROM checkouts")
    with pytest.raises(Exception, match="read-only transaction"):
        engine._backend.con.execute("CREATE TEMP VIEW v AS SELECT 1")
    engine.close()


def test_a_missing_table_of_spark_is_named(spark: Server, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = failed(capsys, spark.url, "--table", "checkout", "-m", "profit")
    assert code == 3
    assert "Spark has no table 'checkout'. Did you mean 'checkouts'?" in error


def test_a_session_of_spark_keeps_its_settings(spark: Server) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    engine = IbisEngine(spark.url)
    assert session.conf.get("spark.sql.session.timeZone") == "UTC"
    engine.close()
    assert session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
