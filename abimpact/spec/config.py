"""`abimpact.toml`: found, read and checked; flags beat the environment, which beats the file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abimpact.errors import ConfigError, UsageError, nearest
from abimpact.spec.document import Document, read_document
from abimpact.spec.engine_url import is_address
from abimpact.spec.folders import folder_of
from abimpact.spec.metric import Role
from abimpact.spec.presentation import Presentation
from abimpact.spec.request import Fill, MetricRequest, OutcomeFile, Request
from abimpact.spec.signed import SignedPlan, read_signed

if TYPE_CHECKING:
    from abimpact.spec.schema import ConfigFile, Value

NAME = "abimpact.toml"
ENVIRONMENT = "ABIMPACT_"
# Environment variables and how their text is read.
FROM_ENVIRONMENT: Mapping[str, type] = {"engine": str, "level": float, "resamples": int, "seed": int}


def find_config(sources: Sequence[str], folder: Path) -> Path | None:
    """The config beside the first source, else in the working `folder`."""
    places = []
    if sources:
        first = Path(sources[0])
        places.append(first if os.path.isdir(first) else first.parent)
    places.append(folder)
    return next((place / NAME for place in places if os.path.isfile(place / NAME)), None)


def load_request(flags: Mapping[str, Any], sources: Sequence[str], config: Path | None = None) -> Request:
    """The request that a config file (given, or found), the environment and `flags` make together.

    `flags` are fields of `Request`; those that are None or empty were not given. Metrics named by flags replace the
    file's, guardrails its guardrails; the keys of `value`, `decisions` and `payoff` are set in the file's tables.
    `signed` is the path of a plan, whose keys hold where neither the file nor flags say otherwise; metrics of the file
    replace the plan's. Paths in the file lead into its own folder, those of the sources, or `allow_paths`; the engine
    that it names is asked if `allow_engine` is true.
    """
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    given, sources = _with_engine(given, sources)
    path = config or find_config(sources, Path.cwd())
    folders = (*map(folder_of, sources), *given.pop("allow_paths", ()))
    is_engine_allowed = given.pop("allow_engine", False)
    money = given.pop("value", {})
    outcomes = given.pop("outcomes", None)
    signed = read_signed(Path(given.pop("signed"))) if "signed" in given else None
    tables = {"--value": {"value": money}, "--payoff": {"payoff": given.pop("payoff", {})}}
    tables["the command line"] = {"data": {"decisions": given.pop("decisions", {})}}
    request = _from_document(path, tables, signed, folders)
    if not (sources or is_engine_allowed):
        _check_engine(request, given)
    request = replace(request, **_from_environment())
    if outcomes:
        given["outcomes"] = OutcomeFile(file=outcomes, by=request.outcomes.by if request.outcomes else None)
    if "split" in given and request.split_schedule:
        request = replace(request, split_schedule=())
    if "metrics" in given:
        replaced = {m.role is Role.GUARDRAIL for m in given["metrics"]}
        kept = tuple(m for m in request.metrics if (m.role is Role.GUARDRAIL) not in replaced)
        given["metrics"] = (*given["metrics"], *kept)
        if request.value and not money:
            # The file's money may be about a metric of its own, which is not asked for now.
            given["value"] = {**request.value, "is_optional": True}
    request = replace(request, sources=tuple(sources), **given)
    if sources:  # an engine of the file or the environment is for runs without files
        request = replace(request, engine=None, query=None)
    if request.query and not request.engine and "query" in given:
        raise UsageError("--query needs an engine to ask.", "Name it: --engine postgresql://user@host/database")
    return request


def _with_engine(given: Mapping[str, Any], sources: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Flags and sources, of which an address is the engine."""
    addresses = [source for source in sources if is_address(source)]
    if sources and (len(sources) > 1 if addresses else "engine" in given or "query" in given):
        raise UsageError("An engine and files are two sources.", "Give one of them.")
    if not addresses:
        return dict(given), tuple(sources)
    if "engine" in given:
        raise UsageError("Two engines are given.", "Name one, with --engine or as the SOURCE.")
    return {**given, "engine": addresses[0]}, ()


def _from_environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, read in FROM_ENVIRONMENT.items():
        text = os.environ.get(ENVIRONMENT + name.upper())
        if text is None:
            continue
        try:
            found[name] = read(text)
        except ValueError as error:
            raise UsageError(f"{ENVIRONMENT}{name.upper()}={text!r} is not a number.") from error
    return found


def _check_engine(request: Request, given: Mapping[str, Any]) -> None:
    """Refuse an engine, or what to ask it, that only a file names: whoever writes the file would reach the network."""
    for key, told in (("engine", request.engine), ("query", request.query)):
        if told and not (key in given or (key == "engine" and ENVIRONMENT + "ENGINE" in os.environ)):
            raise ConfigError(
                f"{request.config}: data.{key}: a config does not choose what is asked of an engine.",
                f"Say --{key} on the command line, or allow it: --allow-engine.",
            )


def _from_document(
    path: Path | None, given: Mapping[str, Mapping[str, Any]], signed: SignedPlan | None, folders: Sequence[str]
) -> Request:
    """The file at `path` above a plan, of which the tables `given` (by where they come from) win."""
    document = read_document(path, folders) if path else Document({}, ())
    if signed:
        document = document.over(Path(signed.path), signed.beneath(document.table))
    for origin, table in given.items():
        if _leaf(table):
            document = document.under(Path(origin), dict(table))
    request = request_of(_validated(document), path, document, folders) if document.files else Request()
    return replace(request, signed=signed, planned=planned_by(signed)) if signed else request


def planned_by(signed: SignedPlan) -> Request:
    """What the plan alone asks for."""
    path = Path(signed.path)
    document = Document({}, ()).under(path, dict(signed.table))
    return request_of(_validated(document), path, document)


def _leaf(table: Mapping[str, Any]) -> bool:
    """Whether a table of tables holds a key at all."""
    return any(_leaf(v) if isinstance(v, Mapping) else True for v in table.values())


def _validated(document: Document) -> "ConfigFile":
    from pydantic import ValidationError

    from abimpact.spec.schema import ConfigFile

    try:
        return ConfigFile.model_validate(document.table)
    except ValidationError as error:
        first = error.errors()[0]
        path, where = document.origin(first["loc"]), _path(first["loc"])
        if first["type"] == "extra_forbidden":
            known = ConfigFile.keys_at(first["loc"][:-1])
            raise ConfigError(
                f"{path}: the key {where} is not known.", nearest(str(first["loc"][-1]), known)
            ) from error
        if first["type"] == "missing":
            missing = [_path(e["loc"]) for e in error.errors() if e["type"] == "missing"]
            verb = "is" if len(missing) == 1 else "are"
            raise ConfigError(f"{path}: {', '.join(missing)} {verb} missing.", "There is no default for it.") from error
        raise ConfigError(f"{path}: {where}: {first['msg']}.", f"It is {first['input']!r}.") from error


def _path(location: Sequence[int | str]) -> str:
    """A key's place as people write it: metric[1].kind."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def request_of(file: "ConfigFile", path: Path | None, document: Document, folders: Sequence[str] = ()) -> Request:
    """The keys as fields of a request; what is left out keeps its default.

    A path may lead into the folder of the file in `document` that has it, and into `folders`.
    """
    data = file.data.model_dump(exclude_none=True)
    units = data.pop("units", {})
    if (data.pop("kind") == "aggregates") != ("aggregates" in data):
        raise ConfigError(f'{path}: data.kind = "aggregates" and [data.aggregates] go together.')
    if "split" in data and data["split_schedule"]:
        raise ConfigError(f"{path}: data.split and [[data.split_schedule]] say the same.", "Keep the schedule.")
    proposed = data.pop("proposed", ())
    data["columns"] = {name: _listed(others) for name, others in data.get("columns", {}).items()}
    folder = path.parent if path else Path()

    def placed(table: Mapping[str, Any], *location: int | str) -> dict[str, Any]:
        within = (str(document.origin(("data", *location, "file")).parent), *folders)
        return {**table, "file": str(folder / table["file"]), "within": within}

    data["fill"] = tuple(Fill(**placed(fill, "fill", i)) for i, fill in enumerate(data["fill"]))
    if outcomes := data.get("outcomes"):
        data["outcomes"] = OutcomeFile(**placed(outcomes, "outcomes"))
    values: dict[str, Any] = {**data, **units, **file.analysis.model_dump(exclude_none=True)}
    values["proposed"] = (proposed,) if isinstance(proposed, str) else tuple(proposed)
    known = {f.name for f in fields(Request)}
    metrics = tuple(MetricRequest(**m.model_dump(exclude_none=True)) for m in file.metric)
    return Request(
        metrics=metrics,
        presentation=Presentation(**file.report.model_dump()),
        value=_value(file.value) if file.value else None,
        limits=tuple(limit.model_dump() for limit in file.limit),
        plan=file.plan.model_dump(exclude_none=True) if file.plan else None,
        payoff=file.payoff.model_dump(exclude_none=True) if file.payoff else None,
        config=str(path) if path else None,
        **{k: v for k, v in values.items() if k in known},
    )


def _listed(others: Any) -> Any:
    """Other names of a column as a list, also where only one was given."""
    if isinstance(others, dict):
        return {name: _listed(names) for name, names in others.items()}
    return (others,) if isinstance(others, str) else tuple(others)


def _value(money: "Value") -> dict[str, Any]:
    """The keys of `[value]`, and which of them have their default."""
    costs = {name: own.model_dump(exclude_unset=True) for name, own in money.costs.items()}
    assumed = [key for key in ("worth", "horizon_years", "discount_rate") if key not in money.model_fields_set]
    if money.units_per_year == "log" and "traffic_share" not in money.model_fields_set:
        assumed.append("traffic_share")
    return {**money.model_dump(exclude_none=True), "costs": costs, "assumed": assumed}
