"""The log as it was read: a relation with one row per unit, and the counts of what was met on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from abimpact.read.engine import Engine
from abimpact.read.loaded import FileColumns, Filled
from abimpact.spec.aggregates import Cell
from abimpact.spec.experiment import Experiment, SeveralRows
from abimpact.spec.metric import Metric

# The view of the events that units are made of.
EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows met before any unit was formed.

    `compared` rows name a unit (if there are any) and a variant that is compared; `unknown` counts those of others,
    `outside` the rows left out for their day. `spellings` are the variants' texts with their files and rows, in order.
    """

    read: int
    kept: int
    missing_variant: int
    missing_unit: int
    compared: int
    unknown: Mapping[str, int]
    outside: int = 0
    spellings: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCounts:
    """What identifies units. `in_both` units (with `in_both_rows` rows) were met in several variants and excluded.

    `repeated` counts the other units with several rows, `extra_rows` their rows beyond the first, and
    `rule` is what was done with them. `total` counts all distinct units met.
    """

    total: int
    in_both: int
    in_both_rows: int
    repeated: int
    extra_rows: int
    rule: SeveralRows | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts:
    """What became of an event log's rows, of which `read` were met and `kept` are left by the filter.

    `units` were exposed; `unexposed_units`, with `unexposed_rows`, never were. `before` and `after` count events of
    exposed units outside their windows, `in_both` units whose events name several variants, `open_units` those whose
    window is not over on the day `until`.
    """

    read: int
    kept: int
    without_unit: int
    without_time: int
    unexposed_units: int
    unexposed_rows: int
    units: int
    before: int
    after: int
    in_both: int
    in_both_rows: int
    open_units: int
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCounts:
    """What was met when the outcomes in `path`, with `columns` of their own, were joined to the assignments.

    `rows` in all, `without_unit` of them name no unit, `unassigned_rows` (of `unassigned_units`) one that was not
    assigned; `units_without` units were assigned and have no outcome.
    """

    path: str
    columns: tuple[str, ...]
    rows: int
    without_unit: int
    unassigned_rows: int
    unassigned_units: int
    units_without: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A canonical number column of the relation and what the profile scan found in it.

    `name` is its SQL name, `text` what the user wrote. `missing` and `nonfinite` count units per variant.
    `low` and `high` are the finite extremes over all variants and `centre` a rounded mean of the
    narrowest variant (all 0 without values);
    `is_binary` says that every value is 0 or 1, `is_whole` that the values are whole numbers of a small range.
    `indicator` names the column that is 1 where a covariate is missing. `is_maturing` says that it is null for units
    that are too young, `is_uneven` that the values of one variant reach thousands of times farther than those of
    another, `is_lost` that they reach so far that the others' leave no trace in a sum.
    """

    name: str
    text: str
    missing: tuple[int, ...]
    nonfinite: tuple[int, ...]
    low: float
    high: float
    centre: float
    is_binary: bool
    is_whole: bool
    indicator: str | None = None
    is_uneven: bool = False
    is_lost: bool = False
    is_maturing: bool = False

    @property
    def reach(self) -> float:
        """The largest distance of a value from `centre`."""
        return max(self.high - self.centre, self.centre - self.low, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """What a metric was capped at, and how many units of each variant lay beyond."""

    value: float
    units: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Units by the day of their row: `counts` has one tuple a day with a number per variant, incumbent first."""

    days: tuple[date, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def start(self) -> date | None:
        """The first day, None without a time column."""
        return self.days[0] if self.days else None

    @property
    def end(self) -> date | None:
        """The last day."""
        return self.days[-1] if self.days else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """The clusters that were randomised: how many each variant has, how many there are, and hold several variants.

    `missing` counts rows without one, which are left out. `days` has clusters by the day of their first row.
    """

    counts: tuple[int, ...]
    total: int
    in_several: int
    missing: int
    days: Days


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumNames:
    """The strata that effects are stratified by: `by` says what they are, `names` (K,) which.

    `phases` (K,) numbers for each the part of the test, with a planned split of its own, that it belongs to.
    """

    by: str
    names: tuple[str, ...]
    phases: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One row per unit in `relation`: `arm` (0 = incumbent), number columns, and `s0…` for declared segments.

    Where the log has dates, `day` is that of the unit. `raw` is the relation of filtered rows before units were formed,
    with the file's own columns (their type families in `families`) and `abimpact_arm`. `metrics` have their kinds
    resolved; `columns` gives for each metric its value, denominator and covariates, in that order. `immature` counts by
    variant the units too young for a metric that matures, `caps` has those of metrics that are capped.
    `row_sql` has SQL over `raw` for the value of each metric and its denominator, where these can be told from a row.
    `segment_cells` has, for a table of aggregates with segments, the last cells of each metric by segment.
    `files` and `fills` say what the log was read from; a frame has no files.
    With `strata` the relation has a column `stratum`, the number of the unit's; with `clusters` one `cluster`;
    if it `has_differing`, one `differs` that says on which units the variants decide differently.
    `events` is None unless units were made of events; `raw` has one row per unit then. `outcomes` is None unless these
    were joined from other files.
    """

    engine: Engine
    relation: str
    raw: str
    families: Mapping[str, str]
    experiment: Experiment
    variants: tuple[str, ...]
    units: tuple[int, ...]
    metrics: tuple[Metric, ...]
    columns: Mapping[str, tuple[Column, ...]]
    row_counts: RowCounts
    unit_counts: UnitCounts | None
    days: Days
    immature: Mapping[str, tuple[int, ...]]
    caps: Mapping[str, Cap]
    row_sql: Mapping[str, tuple[str, ...]]
    segment_cells: Mapping[str | None, Mapping[str, Sequence[Cell]]]
    files: tuple[FileColumns, ...]
    fills: tuple[Filled, ...]
    guesses: tuple[str, ...]
    strata: StratumNames | None = None
    clusters: Clusters | None = None
    has_differing: bool = False
    events: EventCounts | None = None
    outcomes: OutcomeCounts | None = None

    @property
    def rows(self) -> str:
        """The relation of the rows that the files have, filtered: events, where units are made of these."""
        return EVENTS if self.events else self.raw
