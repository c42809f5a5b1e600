"""Metrics of an event log: the aggregates in them become columns of the unit, then they are as any other metric."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from abimpact.errors import ConfigError
from abimpact.spec.event_phrases import Phrase, find_phrases, split_ratio
from abimpact.spec.events import EventAggregate, Events
from abimpact.spec.expression import Expression, column, find_column, literal, parse_expression, quote
from abimpact.spec.metric import Better, Metric, MetricKind
from abimpact.spec.request import MetricRequest, Request

SUFFIXED = re.compile(r"(?P<body>.*?)(?P<suffixes>(?::(?:lower|higher|p\d{1,3}(?:\.\d+)?))*)", re.DOTALL)
NAMED = re.compile(r"(?P<name>[^=<>!'\"()]+)=(?!=)(?P<body>.+)", re.DOTALL)
CONDITION = re.compile(r"\b(where|case)\b", re.IGNORECASE)
MARGIN_AT_END = re.compile(r"@[^'\"@]+$")
# The words that stand for the columns that are declared as such.
NAME, VALUE = "event", "value"


@dataclass(slots=True)
class _Planner:
    """Collects the aggregates of all texts, each once."""

    known: Mapping[str, str]
    name: str | None
    aggregates: dict[str, EventAggregate] = field(default_factory=dict)

    def columns_for(self, text: str, what: str, *, is_zero: bool, is_covariate: bool = False) -> str:
        """`text` with its aggregates as columns: a name where it is one aggregate, else an expression."""
        phrases = find_phrases(text, what)
        for phrase in phrases:
            if phrase.is_before is not is_covariate:
                raise ConfigError(
                    f"{what}: {phrase.text!r} takes events {'from' if is_covariate else 'before'} the exposure"
                    + (" on, which the variant may have changed." if is_covariate else ", which no variant changed."),
                    'A covariate ends in "before exposure".' if is_covariate else "Name it as a covariate.",
                )
        if len(phrases) == 1 and phrases[0].start == 0 and phrases[0].end == len(text.rstrip()):
            return self._column(phrases[0], what, is_zero=is_zero)
        for phrase in reversed(phrases):
            text = text[: phrase.start] + quote(self._column(phrase, what, is_zero=is_zero)) + text[phrase.end :]
        return text

    def _column(self, phrase: Phrase, what: str, *, is_zero: bool) -> str:
        name = phrase.text if is_zero else f"{phrase.text}, if there are any"
        if name in self.known:
            raise ConfigError(f"{what}: {name!r} is a column of the log.", "Put parentheses around the column's name.")
        if name not in self.aggregates:
            if phrase.event is not None and self.name is None:
                raise ConfigError(
                    f"{what}: {phrase.text!r} names an event, and no column says what an event is.",
                    'Name it in [data.events]: name = "event"',
                )
            self.aggregates[name] = EventAggregate(
                column=name,
                function=phrase.function,
                event=phrase.event,
                value=parse_expression(phrase.value, self.known, what) if phrase.value else None,
                condition=parse_expression(phrase.condition, self.known, what) if phrase.condition else None,
                is_before=phrase.is_before,
                is_zero=is_zero,
            )
        return name


def plan_events(request: Request, columns: Mapping[str, str]) -> tuple[Events, Request, dict[str, str]]:
    """How the events of `request` become units, the request in terms of units, and the columns that units have.

    `columns` are the log's, with their type families. A unit has a column for each aggregate; the others are those of
    its first exposure.
    """
    declared = request.events or {}
    name = find_column(declared["name"], columns, "[data.events] name") if declared.get("name") else None
    value = find_column(declared["value"], columns, "[data.events] value") if declared.get("value") else None
    names = {word: c for word, c in ((NAME, name), (VALUE, value)) if c and word not in columns}
    known = {**columns, **{word: columns[c] for word, c in names.items()}}
    planner = _Planner(known, name)
    metrics = tuple(_planned(planner, m) for m in request.metrics)
    shared = tuple(planner.columns_for(c, "--covariate", is_zero=True, is_covariate=True) for c in request.covariates)
    limits = tuple(_planned_texts(planner, limit, ("value",), "[[limit]]") for limit in request.limits)
    money = _planned_money(planner, request.value)
    events = Events(
        name=name,
        exposure=_exposure(declared.get("exposure"), name, known),
        window_days=declared.get("window_days"),
        complete_windows=bool(declared.get("complete_windows")),
        aggregates=tuple(planner.aggregates.values()),
        names=names,
    )
    if events.complete_windows and events.window_days is None:
        raise ConfigError("[data.events] complete_windows needs the window.", "Give window_days, or take it away.")
    of_units = {**columns, **{a.column: _family(a) for a in events.aggregates}}
    return events, replace(request, metrics=metrics, covariates=shared, limits=limits, value=money), of_units


def _exposure(text: str | None, name: str | None, known: Mapping[str, str]) -> Expression | None:
    if text is None:
        return None
    if name is None:
        return parse_expression(text, known, "[data.events] exposure")
    return Expression(text, f"{column(name).sql} = {literal(text)}", (name,))


def _family(aggregate: EventAggregate) -> str:
    return {"count": "integer", "any": "boolean"}.get(aggregate.function, "float")


def _planned(planner: _Planner, declared: MetricRequest | Metric) -> MetricRequest | Metric:
    if isinstance(declared, Metric):
        raise ConfigError(
            f"metric {declared.name!r}: in an event log a metric is written in words.", 'As in "sum of value".'
        )
    request = _from_spec(declared) if declared.spec is not None else declared
    what, is_zero = f"metric {request.name!r}", request.missing != "exclude"
    texts = {key: getattr(request, key) for key in ("value", "numerator", "denominator", "weight")}
    if not any(texts[key] for key in ("value", "numerator")):
        texts["value"] = request.name
    if not any(find_phrases(text, what) for text in texts.values() if text):
        raise ConfigError(
            f"{what}: in an event log a metric is made of events.",
            'Write it like "sum of value where event = \'order\'", "count of order" or "any order".',
        )
    planned: dict[str, Any] = {
        key: text and planner.columns_for(text, what, is_zero=is_zero) for key, text in texts.items()
    }
    covariates = tuple(planner.columns_for(c, what, is_zero=True, is_covariate=True) for c in request.covariates)
    return replace(request, **planned, covariates=covariates)


def _from_spec(declared: MetricRequest) -> MetricRequest:
    """The parts of a command-line SPEC, which `resolve_metric` cannot tell apart: conditions hold = and /."""
    spec = declared.spec or ""
    body, at, margin = spec.rpartition("@") if MARGIN_AT_END.search(spec) else (spec, "", None)
    match = SUFFIXED.fullmatch(body.strip())
    assert match is not None
    suffixes = match["suffixes"].split(":")[1:]
    named = NAMED.fullmatch(match["body"])
    # An equals sign in a condition names nothing.
    if named is None or CONDITION.search(named["name"]):
        name, text = match["body"].strip(), match["body"].strip()
    else:
        name, text = named["name"].strip(), named["body"].strip()
    found = replace(declared, spec=None, name=name, margin=margin if at else declared.margin)
    for suffix in suffixes:
        if suffix.startswith("p"):
            found = replace(found, kind=MetricKind.QUANTILE, quantile=float(suffix[1:]) / 100)
        else:
            found = replace(found, better=Better(suffix))
    parts = split_ratio(text, find_phrases(text, f"metric {spec!r}"))
    if parts is None:
        return replace(found, value=text)
    return replace(found, kind=MetricKind.RATIO, numerator=parts[0], denominator=parts[1])


def _planned_texts(planner: _Planner, table: Mapping[str, Any], keys: Sequence[str], what: str) -> dict[str, Any]:
    texts = {key: table[key] for key in keys if isinstance(table.get(key), str)}
    return {**table, **{key: planner.columns_for(text, what, is_zero=True) for key, text in texts.items()}}


def _planned_money(planner: _Planner, money: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if money is None:
        return None
    found = _planned_texts(planner, money, ("cost_per_unit",), "[value] cost_per_unit")
    costs = {
        name: _planned_texts(planner, own, ("cost_per_unit",), f"[value.costs.{name}]")
        for name, own in money.get("costs", {}).items()
    }
    return {**found, "costs": costs} if costs else found
