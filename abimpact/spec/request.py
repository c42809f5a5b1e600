"""What a user asks for, merged from flags, environment and file, before the log's columns are known."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from abimpact.spec.engine_url import redacted
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.spec.presentation import Presentation
from abimpact.spec.signed import SignedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRequest:
    """One metric as declared: a command-line `spec` with its role, or the fields of a `[[metric]]` table.

    Margins are text ("2%", "0.5 points", "5 ms") until the metric is resolved.
    """

    spec: str | None = None
    name: str | None = None
    kind: MetricKind | None = None
    value: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    quantile: float | None = None
    role: Role = Role.SECONDARY
    better: Better = Better.HIGHER
    covariates: tuple[str, ...] = ()
    margin: str | None = None
    equivalence_margin: str | None = None
    missing: str | None = None
    cap_quantile: float | None = None
    matures_after: str | None = None
    weight: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A column that is filled in from another file: `by` is the column that both have.

    The file has to lie `within` these folders; None: anywhere.
    """

    column: str
    file: str
    by: str
    within: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFile:
    """Outcomes in a file of their own (or several, by a pattern); `by` is the unit's column there, None if the same.

    The file has to lie `within` these folders; None: anywhere.
    """

    file: str
    by: str | None = None
    within: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What is taken from a source that holds several tables: the sheet of a workbook, the table of a database.

    `cells` is a range of the sheet, as B3:E9.
    `columns` gives other names of a column of the log, or for a file (its name, or a pattern) the names it has there.
    """

    sheet: str | None = None
    table: str | None = None
    cells: str | None = None
    columns: Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything declared for one analysis; see design.md §6 and §7 for the keys.

    `engine` is the URL of the engine that has the log in its `table`, or as the result of `query`; there are no
    `sources` then. `covariates` adjust every mean; `missing` ("zero" or "exclude") is for metrics that do not say.
    `value` has the keys of `[value]`, `limits` those of each `[[limit]]`, `plan` those of `[plan]`, `decisions`
    those of `[data.decisions]`, `payoff` those of `[payoff]`, `split_schedule` those of each phase (`start`, `split`);
    `first_day` and `last_day` bound the days that count; `is_history` says that the log may have a single variant, or
    none, `keeps_units` is as in `Experiment`; `config` is the path of the file that was read, None if there was none.
    `signed` is a plan that the test is held against, `planned` what that plan alone asks for.
    """

    sources: tuple[str, ...] = ()
    engine: str | None = None
    query: str | None = None
    sheet: str | None = None
    table: str | None = None
    columns: Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]] = field(default_factory=dict)
    fill: tuple[Fill, ...] = ()
    outcomes: OutcomeFile | None = None
    unit: str | None = None
    cluster: str | None = None
    variant: str | None = None
    incumbent: str | None = None
    proposed: tuple[str, ...] = ()
    time: str | None = None
    metrics: tuple[MetricRequest | Metric, ...] = ()
    needs_metrics: bool = True
    is_history: bool = False
    keeps_units: bool = False
    met_by: str | None = None
    covariates: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    split: str | None = None
    split_schedule: tuple[Mapping[str, Any], ...] = ()
    timezone: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    several_rows: SeveralRows | None = None
    where: str | None = None
    as_of: date | None = None
    planned_end: date | None = None
    planned_units: int | None = None
    derive: Mapping[str, str] = field(default_factory=dict)
    aggregates: Mapping[str, str] | None = None
    events: Mapping[str, Any] | None = None
    missing: str = "exclude"
    level: float = 0.95
    resamples: int = 9999
    studentized: bool = False
    seed: int = 0
    min_segment_units: int = 100
    corrections: Mapping[str, str] = field(default_factory=dict)
    sequential: str = "none"
    looks: tuple[float, ...] = ()
    spending: str = "obrien_fleming"
    value: Mapping[str, Any] | None = None
    limits: tuple[Mapping[str, Any], ...] = ()
    plan: Mapping[str, Any] | None = None
    decisions: Mapping[str, Any] | None = None
    payoff: Mapping[str, Any] | None = None
    signed: SignedPlan | None = None
    planned: "Request | None" = None
    presentation: Presentation = field(default_factory=Presentation)
    config: str | None = None

    @property
    def pick(self) -> Pick:
        """What is taken from sources that hold several tables, and under which names."""
        return Pick(sheet=self.sheet, table=self.table, columns=self.columns)

    def to_dict(self) -> dict[str, Any]:
        """The request as plain values, for the provenance; the password of an engine is hidden."""
        plain = asdict(replace(self, planned=None))
        for told in (*plain["fill"], plain["outcomes"] or {}):
            told.pop("within", None)
        return {**plain, "engine": redacted(self.engine) if self.engine else None}
