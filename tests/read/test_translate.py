"""Queries in other dialects: what sqlglot leaves as it is, although the engine lacks it, is spelled out."""

import pytest

from abimpact.read.dialect import Dialect
from abimpact.read.engine import EngineError
from abimpact.read.translate import translate

POSTGRES = Dialect("PostgreSQL", "postgres", booleans=frozenset({"converted"}))
SPARK = Dialect("Spark", "spark")
RELATIONS = {"log": "abimpact_log_3", "staged": "abimpact_staged_2"}


def text(sql: str, dialect: Dialect = POSTGRES) -> str:
    return translate(sql, dialect, RELATIONS).text


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a, b + 1 AS c, sum(d) AS s FROM log GROUP BY ALL", 'GROUP BY "a", "b" + 1'),
        ("SELECT a, sum(d) AS s FROM log GROUP BY ALL ORDER BY ALL", "ORDER BY 1, 2"),
        ("SELECT sum(d) FILTER (a > 1) AS s FROM log", 'SUM(CASE WHEN "a" > 1 THEN "d" END)'),
        ("SELECT count(*) FILTER (a > 1) AS n FROM log", 'COUNT(CASE WHEN "a" > 1 THEN 1 END)'),
        ("SELECT count_if(a > 1) AS n FROM log", 'COUNT(CASE WHEN "a" > 1 THEN 1 END)'),
        ("SELECT sum(n) AS total FROM log GROUP BY a HAVING total > 2", 'HAVING (SUM("n")) > 2'),
        ("SELECT a FROM (SELECT a FROM log)", 'FROM (SELECT "a" FROM "abimpact_log_3" AS "log") AS "q0"'),
        ("SELECT a * 0.5 AS x FROM log", '"a" * CAST(0.5 AS DOUBLE PRECISION)'),
        ("SELECT CAST(a > 1 AS DOUBLE) AS x FROM log", 'CAST(CASE WHEN "a" > 1 THEN 1 WHEN NOT "a" > 1 THEN 0 END AS'),
        ('SELECT CAST("converted" AS DOUBLE) AS x FROM log', 'CAST(CASE WHEN "converted" THEN 1'),
        ("SELECT regexp_full_match(a, 'x+', 'i') AS x FROM log", "\"a\" ~* '^(x+)$'"),
        ("SELECT TRY_CAST(a AS DATE) AS x FROM log", 'THEN CAST("a" AS DATE) END'),
        ("SELECT fsum(a) AS x FROM log", 'SUM("a")'),
    ],
)
def test_what_postgres_lacks_is_spelled_out(sql: str, expected: str) -> None:
    assert expected in text(sql)


def test_results_have_names_of_their_own() -> None:
    found = translate("SELECT arm, NULL, sum(a), sum(b), arm FROM log GROUP BY arm", POSTGRES, RELATIONS)
    assert found.columns == ("arm", "c1", "c2", "c3", "c4")
    assert found.relations == ("abimpact_log_3",)


@pytest.mark.parametrize(
    ("sql", "order"),
    [
        (
            "SELECT a, b + 1, count(*) AS n FROM log GROUP BY ALL ORDER BY n DESC, b + 1, 1",
            ((2, True), (1, False), (0, False)),
        ),
        ("SELECT a, b FROM log ORDER BY ALL", ((0, False), (1, False))),
        ("SELECT a FROM log ORDER BY b, a", ()),
        ("SELECT a FROM log", ()),
    ],
)
def test_the_order_of_results_is_known(sql: str, order: tuple[tuple[int, bool], ...]) -> None:
    assert translate(sql, POSTGRES, RELATIONS).order == order


def test_spark_sums_whole_numbers_in_decimals() -> None:
    assert text("SELECT sum(CAST(a * 4.0 AS BIGINT)) AS s FROM log", SPARK) == (
        "SELECT SUM(CAST(CAST(RINT(`a` * CAST(4.0 AS DOUBLE)) AS BIGINT) AS DECIMAL(20, 0))) AS `s` "
        "FROM `abimpact_log_3` AS `log`"
    )
    assert "AS DECIMAL(38, 0)" in text("SELECT sum(CAST(a AS HUGEINT)) AS s FROM log", SPARK)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM passwords",
        "SELECT * FROM public.log",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT hash(a) FROM log",
        "DELETE FROM log",
        "DROP TABLE log",
    ],
)
def test_nothing_else_is_read_or_done(sql: str) -> None:
    with pytest.raises(EngineError):
        text(sql)


def test_a_quantile_is_never_an_approximation() -> None:
    sql = "SELECT quantile_disc(a, 0.9) FILTER (isfinite(a)) AS q FROM log"
    assert "PERCENTILE_DISC(CAST(0.9 AS DOUBLE)) WITHIN GROUP (ORDER BY CASE WHEN" in text(sql, SPARK)
    with pytest.raises(EngineError, match="Trino has no exact quantile"):
        text(sql, Dialect("Trino", "trino"))
