"""Reads `result.json` files back: what `abimpact report` wrote, checked, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, NoReturn

from abimpact.errors import DataError
from abimpact.estimate.estimate import Estimate, Interval
from abimpact.estimate.history import lift_error
from abimpact.findings import Severity
from abimpact.spec.text import read_text

SCHEMA = "abimpact/report/1"
# A report of 1,000 metrics and 500 segments has some 50 MB.
MOST_BYTES = 256 << 20


class OtherKindError(DataError):
    """A file that another verb of abimpact wrote."""


# Methods whose standard error is the plain one; the others widen it, or have none.
PLAIN = ("adjusted", "delta", "score", "welch", "quantile")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArm:
    """One variant's units and value of a metric."""

    variant: str
    units: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMetric:
    """One metric of a stored report; `kind` is None where it was not estimated."""

    name: str
    kind: str | None
    role: Literal["primary", "secondary", "guardrail"]
    better: Literal["higher", "lower"]
    incumbent: StoredArm
    proposed: StoredArm
    chosen_method: str | None
    estimates: tuple[Estimate, ...]

    @property
    def chosen(self) -> Estimate | None:
        """The estimate that decided."""
        return next((e for e in self.estimates if e.method == self.chosen_method), None)

    @property
    def sign(self) -> int:
        """-1 where lower is better."""
        return 1 if self.better == "higher" else -1

    @property
    def se(self) -> float | None:
        """The plain standard error of the difference, whatever widened interval was chosen."""
        found = {e.method: e.se for e in self.estimates if e.se}
        chosen = [found.get(self.chosen_method)] if self.chosen_method in PLAIN else []
        return next((se for se in (*chosen, *map(found.get, PLAIN)) if se), None)

    @property
    def lift_se(self) -> float | None:
        """The standard error of the lift; None without one, or without a lift."""
        (c, t), se = (self.incumbent, self.proposed), self.se
        if se is None or c.value is None or t.value is None:
            return None
        return lift_error(se, (c.units, t.units), (c.value, t.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A verdict."""

    code: Literal["ship", "keep", "keep_testing", "invalid"]
    reason: str
    proposed: str
    headline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheck:
    """What a check said."""

    code: str
    severity: Severity
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """How much of a valued effect is the test's own: `weight` 1 without a prior."""

    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OverHorizon:
    """Discounted money over the horizon before costs, and each cost."""

    earned: float
    spent: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValue:
    """What shipping a variant is worth."""

    proposed: str
    metric: str
    currency: str
    annual: Interval
    annual_net: Interval
    npv: Interval
    probability_pays: float
    posterior: Posterior
    over_horizon: OverHorizon


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExperiment:
    """Who was compared, how many, and when."""

    incumbent: str
    proposed: tuple[str, ...]
    units: Mapping[str, int]
    title: str = ""
    unit: str | None = None
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSource:
    """A file that was read."""

    path: str
    bytes: int
    rows: int | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProvenance:
    """How the report was made."""

    abimpact: str
    python: str
    packages: Mapping[str, str]
    engine: str
    config: Mapping[str, Any]
    sources: tuple[StoredSource, ...]
    seed: int
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A report as it was stored; `path` is where (a name, where it came from no file)."""

    verdict: StoredDecision
    verdicts: tuple[StoredDecision, ...]
    experiment: StoredExperiment
    checks: tuple[StoredCheck, ...]
    metrics: tuple[StoredMetric, ...]
    provenance: StoredProvenance
    value: StoredValue | None = None
    values: tuple[StoredValue, ...] = ()
    path: str = ""

    @property
    def name(self) -> str:
        """The experiment's title, or the file's name."""
        return self.experiment.title or Path(self.path).stem or self.path


def read_report(path: str) -> Stored:
    """The report in a file; DataError says what it is instead, or what it lacks."""
    return stored(read_json(path), path)


def read_json(path: str) -> object:
    """What a JSON file of abimpact holds; DataError where there is none."""
    if not Path(path).exists():
        raise DataError(f"{path}: there is no such file.", "Give a result.json that abimpact report wrote.")
    hint = "Give a result.json, as abimpact report -o result.json writes it."
    text = read_text(Path(path), path, hint, most=MOST_BYTES, error=DataError)
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: is no JSON file: {error}.", "Give a result.json, as abimpact report -o result.json writes it."
        ) from error


def stored(document: object, path: str) -> Stored:
    """The values of a report's dictionary."""
    from pydantic import TypeAdapter, ValidationError

    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema != SCHEMA:
        _not_a_report(path, schema)
    assert isinstance(document, Mapping)
    try:
        return TypeAdapter(Stored).validate_python({**document, "path": path})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise DataError(
            f"{path}: says that it is {SCHEMA}, but {place}: {first['msg'][:1].lower()}{first['msg'][1:]}.",
            "It may have been edited or cut off: write it again with abimpact report -o result.json.",
        ) from error


def _not_a_report(path: str, schema: object) -> NoReturn:
    if not isinstance(schema, str) or not schema.startswith("abimpact/"):
        raise DataError(f"{path}: is no report of abimpact.", "Give a result.json, as abimpact report -o writes it.")
    kind = schema.split("/")[1]
    if kind != "report":
        raise OtherKindError(
            f"{path}: is {schema}, not a report.", "Give what abimpact report -o result.json wrote for this experiment."
        )
    raise DataError(
        f"{path}: is {schema}; this version of abimpact reads {SCHEMA}.",
        "Update abimpact (pip install -U abimpact), or write the report again with this version.",
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that JSON has")
