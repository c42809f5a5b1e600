"""What a user may write in an expression means the same on every engine."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import Engine
from abimpact.read.ibis_engine import SOURCE, IbisEngine
from abimpact.spec.expression import parse_expression
from tests.engines.comparing import differences
from tests.engines.conftest import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

# Numbers that are compared for each expression.
ASKED = 6
NUMBERS = """
revenue * 0.3 - orders / 2
orders / visits
revenue / orders
(orders - 1) / (visits - visits)
-orders / 0
orders / 4
orders % 3
revenue % 7
orders // 2
abs(small) * 1e9
coalesce(before, 0.5)
nullif(orders, 0)
least(revenue, 20, before)
greatest(revenue, before)
ln(orders)
ln(revenue)
log(large)
log(2, large)
log2(latency + 1)
log10(latency + 0.5)
exp(orders)
exp(latency * 20)
exp(-latency * 50)
sqrt(latency)
sqrt(revenue)
round(latency)
round(latency / 8, 1)
round(orders / 2)
round(-orders / 2)
floor(revenue)
ceil(revenue)
pow(orders, 2)
orders ** 3
sign(revenue)
length(country)
CAST(latency AS INTEGER)
CAST(converted AS INTEGER)
CAST(orders > 1 AS DOUBLE)
TRY_CAST(amount AS DOUBLE)
TRY_CAST(country AS DOUBLE)
CASE WHEN revenue > 50 THEN 2 WHEN revenue > 10 THEN 1.5 ELSE orders END
CASE country WHEN 'DE' THEN 1 WHEN 'it''s' THEN 2 ELSE 0.25 END
year(started) * 12 + month(started)
day(started)
hour(started) * 60 + minute(started)
dayofweek(day)
weekday(started)
dayofweek(started)
extract(hour FROM started)
extract(month FROM day)
length(concat(zone, '-', country))
length(substring(person, 3, 4))
large * large
""".strip().splitlines()
TRUTHS = """
revenue > 50
country = 'DE'
country <> 'DE' AND NOT converted
country IS NULL OR zone = 'eu'
converted
country IN ('DE', 'it''s', 'x\\y')
revenue BETWEEN 5 AND 10.5
person LIKE 'user 000%'
person ILIKE 'USER 000%'
lower(country) = 'de'
upper(zone) = 'EU'
starts_with(person, 'user 00')
ends_with(person, '7')
contains(person, '12')
contains(country, 'Ö')
isfinite(revenue / orders)
isnan((orders - 1) / (visits - visits) * 0)
isinf(revenue / orders)
day >= DATE '2026-03-03'
started < TIMESTAMP '2026-03-02 12:00:00'
started >= '2026-03-02'
date_trunc('day', started) = day
date_trunc('week', started) = DATE '2026-03-02'
CAST(started AS DATE) = day
""".strip().splitlines()


def query(expressions: Sequence[str], families: dict[str, str], relation: str) -> str:
    """For each expression, the number of its values, of its finite ones, and the extremes and sums of these."""
    parsed = [parse_expression(text, families, "here").sql for text in expressions]
    columns = ", ".join(f"CAST({sql} AS DOUBLE) AS x{i}" for i, sql in enumerate(parsed))
    asked = "count({0}), count(*) FILTER (isfinite({0})), sum({0}) FILTER (isfinite({0})), max({0}), "
    asked += "min({0}) FILTER (isfinite({0})), sum({0} * weight) FILTER (isfinite({0}))"
    found = ", ".join(asked.format(f"x{i}") for i in range(len(parsed)))
    return f"SELECT {found} FROM (SELECT orders AS weight, {columns} FROM {relation})"


def answers(engine: Engine, text: str, places: Sequence[str]) -> dict[str, Sequence[object]]:
    row = engine.rows(text)[0]
    return {place: row[ASKED * i : ASKED * (i + 1)] for i, place in enumerate(places)}


def ours(path: Path, expressions: Sequence[str]) -> dict[str, Sequence[object]]:
    engine = DuckDBEngine()
    relation = f"read_parquet('{path}')"
    try:
        return answers(engine, query(expressions, engine.describe(relation), relation), expressions)
    finally:
        engine.close()


def is_close(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return not list(differences(one, other))


def differing(url: str, path: Path, expressions: Sequence[str]) -> list[str]:
    engine = IbisEngine(url)
    try:
        theirs = answers(engine, query(expressions, engine.read_from("SELECT * FROM log"), SOURCE), expressions)
    finally:
        engine.close()
    return [
        f"{text}: {found} and {theirs[text]}"
        for text, found in ours(path, expressions).items()
        if not all(map(is_close, found, theirs[text]))
    ]


@pytest.mark.parametrize("text", [*NUMBERS, *TRUTHS])
def test_expressions_mean_the_same(postgres: Server, text: str) -> None:
    assert differing(postgres.url, postgres.files["log"], [text]) == []


@pytest.mark.parametrize("expressions", [NUMBERS, TRUTHS], ids=["numbers", "truths"])
def test_expressions_mean_the_same_on_spark(spark: Server, expressions: list[str]) -> None:
    assert differing(spark.url, spark.files["log"], expressions) == []
