"""Reads back what a result says was asked: `Request.to_dict`, checked like a config file, as a `Request`."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abimpact.errors import DataError
from abimpact.spec.config import planned_by, request_of
from abimpact.spec.document import Document
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.signed import SignedPlan, digest_of

if TYPE_CHECKING:
    from pydantic import ValidationError


DATA = (
    "query sheet table columns fill outcomes unit cluster variant incumbent proposed time timezone met_by split where "
    "as_of planned_end planned_units missing derive aggregates events decisions"
).split()
ANALYSIS = (
    "level resamples studentized seed sequential looks spending segments corrections strata min_segment_units".split()
)
# What each verb sets for itself, and what a portfolio adds.
BY_VERBS = ("needs_metrics", "is_history", "keeps_units", "planned", "experiment", "options")
ITEMS = ("once", "per_year", "per_column")


def recorded_request(config: Mapping[str, Any], path: str) -> Request:
    """The request that `config`, the `provenance.config` of the result at `path`, tells of.

    It may say nothing that a config file and flags could not: all of it is checked by the same schema. DataError names
    the key that is wrong, or not known to this version.
    """
    from pydantic import ValidationError

    known = {f.name for f in fields(Request)} | set(BY_VERBS)
    unknown = sorted(set(config) - known)
    if unknown:
        raise DataError(
            f"{path}: provenance.config has {unknown[0]!r}, which this version of abimpact does not know.",
            "Rerun it with the version that wrote it (provenance.abimpact).",
        )
    try:
        return _request(config, path)
    except ValidationError as error:
        raise DataError(f"{path}: provenance.config: {_said(error)}.", "It is not what abimpact wrote.") from error
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise DataError(f"{path}: provenance.config cannot be read back: {error}.") from error


def _said(error: "ValidationError") -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _request(config: Mapping[str, Any], path: str) -> Request:
    from abimpact.spec.schema import ConfigFile

    given = {key: value for key, value in config.items() if value is not None}
    tables = _tables(given)
    file = ConfigFile.model_validate(tables)
    request = request_of(file, None, Document({}, ()).under(Path(path), tables))
    value = given.get("value")
    if value is not None and request.value is not None:
        said = {key: value[key] for key in ("is_optional",) if key in value}
        request = replace(request, value={**request.value, **said, "assumed": [str(k) for k in value["assumed"]]})
    signed = _signed(given["signed"]) if "signed" in given else None
    return replace(
        request,
        sources=_texts(given.get("sources", ())),
        engine=_text(given.get("engine")),
        metrics=tuple(_metric(m) for m in given.get("metrics", ())),
        covariates=_texts(given.get("covariates", ())),
        config=_text(given.get("config")),
        signed=signed,
        planned=planned_by(signed) if signed else None,
    )


def _tables(given: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a config file that says the same."""
    data = {key: given[key] for key in DATA if key in given}
    data |= {new: given[old] for old, new in (("first_day", "from"), ("last_day", "to")) if old in given}
    data["split_schedule"] = [
        {"from" if key == "start" else key: x for key, x in phase.items()} for phase in given.get("split_schedule", ())
    ]
    data["kind"] = "aggregates" if "aggregates" in data else "rows"
    if "several_rows" in given:
        data["units"] = {"several_rows": given["several_rows"]}
    return {
        "data": data,
        "analysis": {key: given[key] for key in ANALYSIS if key in given},
        "limit": given.get("limits", ()),
        "report": given.get("presentation", {}),
        **({"value": _money(given["value"])} if "value" in given else {}),
        **{key: given[key] for key in ("plan", "payoff") if key in given},
    }


def _money(value: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `[value]` with items of the user's own beside the others, as a file has them."""

    def flat(costs: Mapping[str, Any]) -> dict[str, Any]:
        own = {key: amount for kind in ITEMS for key, amount in costs.get(kind, {}).items()}
        return {**{key: x for key, x in costs.items() if key not in (*ITEMS, "assumed", "is_optional")}, **own}

    return {**flat(value), "costs": {name: flat(costs) for name, costs in value.get("costs", {}).items()}}


def _metric(metric: Mapping[str, Any]) -> MetricRequest:
    from pydantic import TypeAdapter

    from abimpact.spec.schema import MetricTable

    if isinstance(metric.get("value"), Mapping):
        metric = _declared(metric)
    given = {key: value for key, value in metric.items() if value is not None}
    if "spec" in given:
        return TypeAdapter(MetricRequest).validate_python(given)
    return MetricRequest(**MetricTable.model_validate(given).model_dump(exclude_none=True))


def _declared(metric: Mapping[str, Any]) -> dict[str, Any]:
    """A `Metric` of the API as a `[[metric]]` table says it."""
    top, bottom = (side and side["text"] for side in (metric["value"], metric["denominator"]))
    days = metric["matures_after"]
    same = ("name", "kind", "role", "better", "quantile", "covariates", "cap_quantile")
    return {
        **{key: metric[key] for key in same},
        **({"numerator": top, "denominator": bottom} if bottom else {"value": top}),
        **{key: _margin(metric[key]) for key in ("margin", "equivalence_margin")},
        "missing": "zero" if metric["missing_is_zero"] else "exclude",
        "matures_after": None if days is None else f"{days}d",
    }


def _margin(tolerance: Mapping[str, Any] | None) -> str | None:
    if tolerance is None:
        return None
    amount = float(tolerance["amount"])
    return f"{amount * 100:.15g}%" if tolerance["is_relative"] else f"{amount:.17g}"


def _signed(plan: Mapping[str, Any]) -> SignedPlan:
    """The plan as it was held against, digest and all."""
    table = dict(plan["table"])
    return SignedPlan(path=str(plan["path"]), table=table, digest=str(plan["digest"]), found=digest_of(table))


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(x, str) for x in given):
        raise TypeError(f"{given!r} is no list of texts")
    return tuple(given)


def _text(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise TypeError(f"{given!r} is no text")
    return given
