"""Limits on totals at full roll-out, such as the reviews that people can do in a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abimpact.errors import ConfigError
from abimpact.spec.expression import parse_expression
from abimpact.spec.metric import Better, Metric, MetricKind, Role

DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `at_most` of the total of the metric called `name` in `days` days at full roll-out."""

    name: str
    at_most: float
    days: int


def resolve_limits(
    tables: Iterable[Mapping[str, Any]], metrics: Sequence[Metric], columns: Mapping[str, str]
) -> tuple[tuple[Limit, ...], tuple[Metric, ...]]:
    """The limits of `[[limit]]`, and the means that they need as metrics; a ConfigError names one without a value."""
    taken = {m.name for m in metrics}
    limits, extra = [], []
    for table in tables:
        name = table["name"]
        if name in taken:
            raise ConfigError(f"[[limit]] {name!r}: a metric has that name.", "Give the limit another one.")
        taken.add(name)
        if table.get("value") is None:
            raise ConfigError(f"[[limit]] {name!r} has no value.", "Name the column or expression that is limited.")
        value = parse_expression(table["value"], columns, f"[[limit]] {name!r}")
        limits.append(Limit(name=name, at_most=table["at_most"], days=DAYS[table["per"]]))
        extra.append(Metric(name=name, kind=MetricKind.MEAN, role=Role.SECONDARY, better=Better.LOWER, value=value))
    return tuple(limits), tuple(extra)
