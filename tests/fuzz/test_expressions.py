"""Expressions: whatever is written is computed rightly, or refused in words, and soon."""

import math
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings

from abimpact.errors import AbimpactError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.spec.expression import Expression, parse_expression
from abimpact.spec.metric_spec import resolve_metric
from abimpact.spec.request import MetricRequest
from tests.fuzz.running import check_error
from tests.fuzz.strategies import Formula, expressions, formulas

ROWS: list[dict[str, float | None]] = [
    {"value": 2.5, "n": 3.0},
    {"value": 0.0, "n": -1.0},
    {"value": None, "n": 7.0},
    {"value": -1e9, "n": None},
    {"value": 1e-9, "n": 0.0},
]
COLUMNS = {"value": "float", "n": "float", "unit": "integer", "variant": "text", "t": "text", "day": "date"}


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    engine.lock([])
    rest = {"unit": range(5), "variant": ["ml", "rules", "ml", None, "x"], "t": ["a" * 50, "", None, "%_", "'"]}
    engine.register("given", pa.table({**{n: [row[n] for row in ROWS] for n in ("value", "n")}, **rest}))
    engine.execute("CREATE TEMP TABLE log AS SELECT *, DATE '2026-03-01' AS day FROM given")
    yield engine
    engine.close()


def computed(engine: DuckDBEngine, expression: Expression) -> list[Any]:
    return [row[0] for row in engine.rows(f"SELECT CAST({expression.sql} AS DOUBLE) FROM log ORDER BY unit")]


def check_anything(engine: DuckDBEngine, text: str) -> None:
    for parse in (
        lambda: parse_expression(text, COLUMNS, "test"),
        lambda: resolve_metric(MetricRequest(spec=text), COLUMNS).value,
    ):
        try:
            expression = parse()
        except AbimpactError as error:
            check_error(error)
            continue
        assert set(expression.columns) <= set(COLUMNS)
        # What the engine cannot compute it says; only that it may not, or that it broke, is a way out or a bug.
        try:
            found = computed(engine, expression)
        except (duckdb.InternalException, duckdb.FatalException, duckdb.PermissionException):
            raise
        except duckdb.Error:
            continue
        assert len(found) == len(ROWS)


def check_formula(engine: DuckDBEngine, formula: Formula) -> None:
    expression = parse_expression(formula.text, COLUMNS, "test")
    try:
        found = computed(engine, expression)
    except duckdb.OutOfRangeException:  # a logarithm or a root that there is not
        return
    for row, value in zip(ROWS, found, strict=True):
        expected = formula.worth(row)
        if expected is None or not math.isfinite(expected):
            # Neither is a value of a metric.
            assert value is None or not math.isfinite(value), (formula.text, row, value)
        else:
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-300), (formula.text, row)


@settings(max_examples=200)
@given(expressions)
def test_anything_is_computed_or_refused(engine: DuckDBEngine, text: str) -> None:
    check_anything(engine, text)


@settings(max_examples=100)
@given(formulas(("value", "n")))
def test_arithmetic_is_right(engine: DuckDBEngine, formula: Formula) -> None:
    check_formula(engine, formula)


@pytest.mark.slow
@settings(max_examples=3500)
@given(expressions)
def test_more_of_anything_is_computed_or_refused(engine: DuckDBEngine, text: str) -> None:
    check_anything(engine, text)


@pytest.mark.slow
@settings(max_examples=2500)
@given(formulas(("value", "n")))
def test_more_arithmetic_is_right(engine: DuckDBEngine, formula: Formula) -> None:
    check_formula(engine, formula)
