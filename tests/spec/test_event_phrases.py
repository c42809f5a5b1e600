"""Numbers made of events, in words."""

from typing import Any

import pytest

from abimpact.errors import AbimpactError, ConfigError
from abimpact.spec.event_phrases import find_phrases, split_ratio
from abimpact.spec.metric import Better, MetricKind, Role
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.resolve import resolve

COLUMNS = {"unit": "integer", "variant": "text", "t": "timestamp", "event": "text", "value": "float", "price": "float"}


def parts(text: str) -> list[tuple[Any, ...]]:
    return [(p.function, p.event, p.value, p.condition, p.is_before) for p in find_phrases(text, "m")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("count of order", [("count", "order", None, None, False)]),
        ("COUNT OF add to cart", [("count", "add to cart", None, None, False)]),
        ("count of 'it''s'", [("count", "it's", None, None, False)]),
        ("count of * where value > 3", [("count", None, None, "value > 3", False)]),
        ("any order", [("any", "order", None, None, False)]),
        ("any of order where value / 2 > 5", [("any", "order", None, "value / 2 > 5", False)]),
        ("sum of value where event = 'order'", [("sum", None, "value", "event = 'order'", False)]),
        ("max of value * 0.3", [("max", None, "value * 0.3", None, False)]),
        ("last of (value - price) / 2", [("last", None, "(value - price) / 2", None, False)]),
        ("sum of value where event = 'nowhere'", [("sum", None, "value", "event = 'nowhere'", False)]),
        ("sum of value where event = 'x' before exposure", [("sum", None, "value", "event = 'x'", True)]),
        ("count of order before exposure", [("count", "order", None, None, True)]),
        ("(count of order) > 1", [("count", "order", None, None, False)]),
        ("sum of value / count of order", [("sum", None, "value", None, False), ("count", "order", None, None, False)]),
        (
            "(sum of value where event = 'order') - (sum of value where event = 'refund / count of x')",
            [
                ("sum", None, "value", "event = 'order'", False),
                ("sum", None, "value", "event = 'refund / count of x'", False),
            ],
        ),
        ("revenue", []),
        ("sum_of_orders", []),
        ("maximum of value", []),
    ],
)
def test_phrases(text: str, found: list[tuple[Any, ...]]) -> None:
    assert parts(text) == found


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("sum of value where event = 'a/b' / count of order", ("sum of value where event = 'a/b'", "count of order")),
        ("count of order / (count of session)", ("count of order", "(count of session)")),
        ("sum of value / 100", None),
        ("(count of order / count of session)", None),
        ("count of order", None),
    ],
)
def test_ratios(text: str, ratio: tuple[str, str] | None) -> None:
    assert split_ratio(text, find_phrases(text, "m")) == ratio


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("count of order > 1", "parentheses"),
        ("count of order where ", "not complete"),
        ("sum of where value > 1", "not complete"),
    ],
)
def test_what_is_no_phrase(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_phrases(text, "m")
    assert said in f"{caught.value} {caught.value.hint}"


def planned(*metrics: MetricRequest, **given: Any) -> Any:
    asked = {"unit": "unit", "variant": "variant", "incumbent": "a", "time": "t", **given}
    events = {"name": "event", "value": "value", "exposure": "exposure", **given.pop("events", {})}
    return resolve(Request(metrics=metrics, **{**asked, "events": events}), COLUMNS)


def spec(text: str, role: Role = Role.PRIMARY) -> MetricRequest:
    return MetricRequest(spec=text, role=role)


def test_specs_of_the_command_line() -> None:
    found = planned(
        spec("revenue=sum of value where event = 'order'"),
        spec("sum of value where event = 'order' / count of order", Role.SECONDARY),
        spec("wait=max of value where event='session':p90:lower", Role.SECONDARY),
        spec("any order@2%", Role.GUARDRAIL),
        spec("any sale=any order", Role.SECONDARY),
    ).metrics
    assert [m.name for m in found] == [
        "revenue",
        "sum of value where event = 'order' / count of order",
        "wait",
        "any order",
        "any sale",
    ]
    assert [m.kind for m in found] == [None, MetricKind.RATIO, MetricKind.QUANTILE, None, None]
    assert (found[2].quantile, found[2].better) == (0.9, Better.LOWER)
    assert found[3].margin.amount == 0.02


@pytest.mark.parametrize("text", ["count of order", "sum of value where event = 'order'"])
def test_words_of_events_without_an_event_log(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(Request(metrics=(spec(text),), unit="unit", variant="variant", incumbent="a"), COLUMNS)
    assert "[data.events]" in caught.value.hint


def test_equal_aggregates_are_made_once() -> None:
    events = planned(spec("a=count of order / count of session"), spec("b=count  of order", Role.SECONDARY)).events
    assert [a.column for a in events.aggregates] == ["count of order", "count of session"]


@pytest.mark.parametrize(
    ("metric", "given", "said"),
    [
        (spec("price"), {}, "made of events"),
        (spec("count of order before exposure"), {}, "covariate"),
        (spec("count of order"), {"covariates": ("count of order",)}, "before exposure"),
        (spec("count of order"), {"unit": None, "time": None}, "time"),
        (spec("sum of wrong"), {}, "no column 'wrong'"),
        (spec("sum of value where read_csv('x') = 1"), {}, "may not"),
    ],
)
def test_what_an_event_log_refuses(metric: MetricRequest, given: dict[str, Any], said: str) -> None:
    columns = {"who": "integer", **COLUMNS} if "unit" in given else COLUMNS
    asked = {"unit": "unit", "variant": "variant", "incumbent": "a", "time": "t", **given}
    if "unit" in given:
        columns = {k: v for k, v in columns.items() if k not in ("unit", "t")}
    with pytest.raises(AbimpactError) as caught:
        resolve(Request(metrics=(metric,), events={"name": "event", "value": "value"}, **asked), columns)
    assert said in f"{caught.value} {caught.value.hint}"
