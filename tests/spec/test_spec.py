"""Metrics, expressions, variants and splits as people write them, and what is refused."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abimpact.errors import AbimpactError, ConfigError, DataError, UsageError
from abimpact.spec.calendar import parse_split
from abimpact.spec.expression import parse_expression
from abimpact.spec.metric import Better, MetricKind, Role, Tolerance
from abimpact.spec.metric_spec import parse_tolerance, resolve_metric
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.resolve import resolve
from abimpact.spec.variants import resolve_variants

COLUMNS = {"revenue": "float", "orders": "integer", "sessions": "integer", "latency_ms": "float", "group": "text"}
ODD = {**COLUMNS, "a/b": "float", "x:lower": "float", "y=1": "float", "Landing Page": "text"}


def metric(spec: str, role: Role = Role.PRIMARY, columns: dict[str, str] = COLUMNS) -> Any:
    return resolve_metric(MetricRequest(spec=spec, role=role), columns)


@pytest.mark.parametrize(
    ("spec", "name", "kind", "value", "denominator"),
    [
        ("revenue", "revenue", None, '"revenue"', None),
        ("orders/sessions", "orders/sessions", MetricKind.RATIO, '"orders"', '"sessions"'),
        ("latency_ms:p90", "latency_ms:p90", MetricKind.QUANTILE, '"latency_ms"', None),
        ("profit=revenue * 0.3 - orders", "profit", None, '"revenue" * 0.3 - "orders"', None),
        ("aov=revenue/orders", "aov", MetricKind.RATIO, '"revenue"', '"orders"'),
        ("half=revenue/2", "half", None, '"revenue" / 2', None),
        ("many=orders >= 3", "many", None, '"orders" >= 3', None),
        ("p95=latency_ms:p95", "p95", MetricKind.QUANTILE, '"latency_ms"', None),
        ("REVENUE", "REVENUE", None, '"revenue"', None),
    ],
)
def test_metric_specs(spec: str, name: str, kind: Any, value: str, denominator: str | None) -> None:
    found = metric(spec)
    assert (found.name, found.kind, found.value.sql) == (name, kind, value)
    assert (found.denominator and found.denominator.sql) == denominator


@pytest.mark.parametrize("name", ["a/b", "x:lower", "y=1"])
def test_a_spec_that_is_a_column_is_that_column(name: str) -> None:
    found = metric(name, columns=ODD)
    assert (found.name, found.value.columns, found.better) == (name, (name,), Better.HIGHER)


def test_suffixes_and_margins() -> None:
    found = metric("latency_ms:p99.9:lower@5%", Role.GUARDRAIL)
    assert (found.name, found.quantile, found.better) == ("latency_ms:p99.9", pytest.approx(0.999), Better.LOWER)
    assert found.margin == Tolerance(amount=0.05, is_relative=True)
    with pytest.raises(ConfigError, match="margin is for guardrails"):
        metric("revenue@2%")


@pytest.mark.parametrize("spec", ["revenue:p0", "revenue:p100", "x=revenue:p250"])
def test_quantiles_lie_between_0_and_1(spec: str) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        metric(spec)


@pytest.mark.parametrize(
    "spec", ["", "x=", "=revenue", "/revenue", ":p50", "revenue +", "@", "@2%", "revenue@", ":lower"]
)
def test_specs_that_are_none(spec: str) -> None:
    with pytest.raises(ConfigError) as caught:
        metric(spec, Role.GUARDRAIL)
    assert "sqlglot" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "amount", "is_relative"),
    [
        ("2%", 0.02, True),
        ("0.5 points", 0.005, False),
        ("5 ms", 5.0, False),
        ("0.5points", 0.005, False),
        ("3", 3.0, False),
    ],
)
def test_tolerances(text: str, amount: float, is_relative: bool) -> None:
    assert parse_tolerance(text, "x") == Tolerance(amount=pytest.approx(amount), is_relative=is_relative)


@pytest.mark.parametrize("text", ["", "-2%", "0%", "two percent", "2%%", "nan", "1e400%"])
def test_margins_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="is no margin"):
        parse_tolerance(text, "x")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"name": "a", "kind": MetricKind.RATIO, "numerator": "orders"}, "numerator and denominator"),
        ({"name": "a", "value": "revenue", "numerator": "orders", "denominator": "sessions"}, "and no value"),
        ({"name": "a", "value": "revenue", "quantile": 0.5}, "go together"),
        ({"name": "a", "value": "revenue", "kind": MetricKind.QUANTILE, "quantile": 1.5}, "between 0 and 1"),
        ({"name": "a", "value": "revenu"}, "Did you mean 'revenue'"),
        ({"name": "a", "value": "revenue", "covariates": ("nope",)}, "covariate"),
    ],
)
def test_metric_tables_that_make_no_sense(table: dict[str, Any], said: str) -> None:
    with pytest.raises(AbimpactError) as caught:
        resolve_metric(MetricRequest(**table), COLUMNS)
    assert said in f"{caught.value.message} {caught.value.hint}"


HOSTILE = [
    "read_csv('/etc/passwd')",
    "(SELECT 1)",
    "revenue; DROP TABLE x",
    "getenv('HOME')",
    "current_setting('home_directory')",
    "sum(revenue)",
    "count(*)",
    "*",
    "main.revenue",
    "revenue IN (SELECT 1)",
    "EXISTS (SELECT 1)",
    "revenue OVER ()",
    "row_number() OVER (ORDER BY revenue)",
    "[1, 2]",
    "{'a': 1}",
    "list_transform([1], x -> x)",
    "revenue COLLATE nocase",
    "CAST(revenue AS STRUCT(a INT))",
    "'a' ~ '(a+)+$'",
    "regexp_matches(\"group\", '(a+)+$')",
    "repeat('a', 1000000000)",
    "range(1000000000)",
    "$1",
    "?",
    "@x",
    "COLUMNS('.*')",
    "revenue.extract()",
    "/* x */",
    "",
    "1" * 60,
    "(" * 300 + "revenue" + ")" * 300,
    "-" * 500 + "revenue",
    "+".join(["revenue"] * 500),
    "NOT " * 200 + "TRUE",
    "x" * 3000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_expressions_are_refused_with_a_clear_error(text: str) -> None:
    with pytest.raises(AbimpactError) as caught:
        parse_expression(text, COLUMNS, "--where")
    assert caught.value.message.startswith("--where")
    assert len(caught.value.message) < 300


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    for parse in (lambda: parse_expression(text, COLUMNS, "-m"), lambda: metric(text)):
        with contextlib.suppress(AbimpactError):
            parse()


def test_hostile_column_names_are_quoted() -> None:
    name = 'a"; DROP TABLE x; --'
    assert parse_expression(name, {name: "float"}, "-m").sql == '"a""; DROP TABLE x; --"'


@pytest.mark.parametrize("word", ["control", "Rules", "BASELINE", "a", "0", "false", "0.0"])
def test_the_incumbent_is_known_by_a_word(word: str) -> None:
    incumbent, proposed, said = resolve_variants({"zzz": 5, word: 5}, None, ())
    assert (incumbent, proposed) == (word, ("zzz",))
    assert word in said[0]


def test_the_incumbent_is_never_taken_by_alphabet() -> None:
    with pytest.raises(UsageError) as caught:
        resolve_variants({"blue": 10, "green": 20}, None, ())
    assert "'blue' (10 rows), 'green' (20 rows)" in caught.value.message
    assert "--incumbent" in caught.value.hint
    with pytest.raises(UsageError):
        resolve_variants({"control": 10, "baseline": 20, "new": 3}, None, ())


def test_variants_that_are_not_there() -> None:
    with pytest.raises(DataError) as caught:
        resolve_variants({"rules": 10, "ml_v2": 20}, "rules", ("ml_v1",))
    assert "'ml_v2' (20 rows)" in caught.value.message
    assert "Did you mean 'ml_v2'" in caught.value.hint
    with pytest.raises(DataError, match="one variant only"):
        resolve_variants({"rules": 10}, "rules", ())
    with pytest.raises(UsageError, match="as incumbent and as proposed"):
        resolve_variants({"rules": 10, "ml": 1}, "rules", ("rules",))


@pytest.mark.parametrize(
    ("text", "split"), [("50:50", (50, 50)), ("2:1", (2, 1)), ("1:1:2", (1, 1, 2)), ("90/10", (90, 10))]
)
def test_splits(text: str, split: tuple[float, ...]) -> None:
    assert parse_split(text) == split


@pytest.mark.parametrize("text", ["50", "a:b", "50:0", "-1:2", "1:inf", ":"])
def test_splits_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no split"):
        parse_split(text)


def test_names_are_guessed_only_when_unmistakable() -> None:
    columns = {"user_id": "integer", "variant": "text", "revenue": "float"}
    asked = Request(metrics=(MetricRequest(spec="revenue", role=Role.PRIMARY),))
    found = resolve(asked, columns)
    assert (found.unit, found.variant, len(found.guesses)) == ("user_id", "variant", 2)
    assert resolve(asked, {**columns, "customer_id": "integer"}).unit is None
    assert resolve(asked, {**columns, "day": "date"}).time == "day"
    assert resolve(asked, {**columns, "day": "date", "signed_up": "timestamp"}).time is None
    with pytest.raises(UsageError, match="Which column names the variant"):
        resolve(asked, {**columns, "group": "text"})


def test_metrics_must_be_named_once_and_one_must_decide() -> None:
    columns = {"variant": "text", "revenue": "float"}
    with pytest.raises(UsageError, match="No metric was named") as caught:
        resolve(Request(), columns)
    assert "-m revenue" in caught.value.hint
    one = MetricRequest(spec="revenue", role=Role.PRIMARY)
    with pytest.raises(UsageError, match="Two metrics"):
        resolve(Request(metrics=(one, one)), columns)
    with pytest.raises(UsageError, match="No metric is primary"):
        resolve(Request(metrics=(MetricRequest(spec="revenue", role=Role.GUARDRAIL),)), columns)
