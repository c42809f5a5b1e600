"""The validated experiment: what every room to the right works from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from abimpact.spec.aggregates import Aggregates
from abimpact.spec.calendar import Calendar
from abimpact.spec.corrections import Corrections
from abimpact.spec.decisions import Decisions
from abimpact.spec.events import Events
from abimpact.spec.expression import Expression
from abimpact.spec.limit import Limit
from abimpact.spec.metric import Metric
from abimpact.spec.value import ValueTerms


class SeveralRows(StrEnum):
    """What to do with a unit that has several rows."""

    SUM = "sum"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is to be analysed, with every name resolved against the log's columns.

    `unit` None: each row is a unit. `cluster` is the column of what was randomised where that is coarser than a unit.
    `incumbent` None and `proposed` empty are resolved by `read`
    from the variants present. `split` is the planned share of incumbent and each proposed variant
    (any positive scale), None when none was declared. `several_rows` None is the default rule of
    design.md §7. `derive` are new columns in order of definition. `as_of` is the day on which the log was drawn;
    the planned end and number of units are those after which the test is over. `sequential` is "none", "always-valid"
    or "group", the latter with `looks` (shares of the plan) and `spending`. A log that `is_history` may have a single
    variant. `met_by` is a column of others, who may meet units of several variants. `keeps_units` asks for the column
    `unit` in the log's relation, which only those need who deal units out again. `value` is None where no money is
    asked for, `aggregates` where the log has rows; `limits` hold totals at full roll-out. `guesses` says in sentences
    what was assumed.
    """

    unit: str | None
    cluster: str | None
    variant: str
    incumbent: str | None
    proposed: tuple[str, ...]
    time: str | None
    metrics: tuple[Metric, ...]
    segments: tuple[str, ...]
    strata: tuple[str, ...]
    split: tuple[float, ...] | None
    calendar: Calendar
    several_rows: SeveralRows | None
    where: Expression | None
    derive: Mapping[str, Expression]
    as_of: date | None
    planned_end: date | None
    planned_units: int | None
    level: float
    resamples: int
    studentized: bool
    seed: int
    is_history: bool
    keeps_units: bool
    met_by: str | None
    decisions: Decisions | None
    min_segment_units: int
    corrections: Corrections
    sequential: str
    looks: tuple[float, ...]
    spending: str
    aggregates: Aggregates | None
    events: Events | None
    value: ValueTerms | None
    limits: tuple[Limit, ...]
    guesses: tuple[str, ...]
