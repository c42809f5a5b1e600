"""The keys of `abimpact.toml` (design.md §7) with their types; imported only when there is a file to check."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from abimpact.errors import nearest
from abimpact.spec.corrections import Correction
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.metric import Better, MetricKind, Role
from abimpact.spec.presentation import LOCALES, USUAL


class _Table(BaseModel):
    """A table that knows its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Units(_Table):
    """`[data.units]`: a unit with several rows."""

    several_rows: SeveralRows | None = Field(None, description="what several rows of a unit mean")


class AggregateColumns(_Table):
    """`[data.aggregates]`: the columns of a table of counts, means and variances."""

    count: str = Field(description="units")
    mean: str | None = Field(None, description="their mean; or give sum")
    sum: str | None = Field(None, description="their sum")
    variance: str | None = Field(None, description="their variance; or give sum_squares")
    sum_squares: str | None = Field(None, description="the sum of their squares")
    incumbent_count: str | None = Field(None, description="the incumbent's, if it stands in the same row")
    incumbent_mean: str | None = Field(None, description="likewise")
    incumbent_sum: str | None = Field(None, description="likewise")
    incumbent_variance: str | None = Field(None, description="likewise")
    incumbent_sum_squares: str | None = Field(None, description="likewise")
    metric: str | None = Field(None, description="the metric's name, if there are several")
    look: str | None = Field(None, description="day or number of a cumulative look; the last one counts")
    experiment: str | None = Field(None, description="the experiment's name, if there are several")
    segment: str | None = Field(None, description="part of the units that a row is about; parts are added up")


class FillTable(_Table):
    """`[[data.fill]]`: a column that is filled in from another file where it has no value."""

    column: str = Field(description="the column, in both")
    file: str = Field(description="the other file, relative to this one")
    by: str = Field(description="the key that both have; one value a key")


class OutcomeTable(_Table):
    """`[data.outcomes]`: outcomes in another file than the assignments, joined by the unit."""

    file: str = Field(description="the file (or pattern), relative to this one")
    by: str | None = Field(None, description="the unit's column there, if it has another name")


class EventTable(_Table):
    """`[data.events]`: the log has one row per event, and units are made of their events."""

    name: str | None = Field(None, description="column that says what an event is; absent: events have no names")
    value: str | None = Field(None, description="column that aggregates may call value")
    exposure: str | None = Field(
        None, description="the event that starts a unit (without name: a condition); absent: its first event"
    )
    window_days: float | None = Field(
        None, gt=0, le=100_000, description="days from the exposure that count; absent: no end"
    )
    complete_windows: bool = Field(False, description="leave out units whose days are not over at as_of (false)")


class PhaseTable(_Table):
    """`[[data.split_schedule]]`: a part of the test with a split of its own; effects are stratified by phase."""

    start: date = Field(alias="from", description="its first day")
    split: str = Field(description='planned from that day on, the incumbent first: "90:10"; 0 where one did not run')


Names = str | tuple[str, ...]


class Decisions(_Table):
    """`[data.decisions]`: what each variant would have decided, logged for every row."""

    incumbent: str | None = Field(None, description="what the rules decided: 1 where they act (decline, flag, send)")
    proposed: str | None = Field(None, description="what the proposed variant would have decided, likewise")
    outcome: str | None = Field(None, description="backtest: 1 where acting was right (fraud), 0 where not")
    score: str | None = Field(None, description="instead of `proposed`: it acts from a threshold of this score on")
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="of the scores; absent: the best one, found on one part of the log"
    )
    scores: dict[str, str] = Field({}, description="several scores by name, the simplest first")
    thresholds: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        {}, description="of single scores by name"
    )
    release_probability: str | None = Field(
        None, description="with which the outcome was seen, where the rules' decisions hide outcomes"
    )
    propensity: str | None = Field(None, description="with which the logged decision was taken, where that was random")
    proposed_probability: str | None = Field(
        None, description="with which the proposed variant would have taken the logged decision"
    )
    reward: str | None = Field(None, description="what the logged decision earned; instead of [payoff]")
    action: str | None = Field(
        None, description="column of the logged choice among many, for the doubly robust estimate"
    )
    context: tuple[str, ...] = Field((), description="columns that the choice depends on")
    rules_fired: str | None = Field(None, description="column of the rules that fired: a list, or text with , ; or |")
    reason: str | None = Field(None, description="column of the reason of a decision")
    tree_columns: tuple[str, ...] = Field(
        (), description="columns from which a small tree is grown, the cheapest thing"
    )
    tree_depth: int = Field(3, ge=1, le=3, description="of that tree (3)")


class Payoff(_Table):
    """`[payoff]`: what a decision earns: a number, or an expression over the log's columns."""

    true_positive: str | float | None = Field(None, description="acted, and the outcome is 1; absent: 0")
    false_positive: str | float | None = Field(None, description="acted, and the outcome is 0; absent: 0")
    false_negative: str | float | None = Field(None, description="did not act, and the outcome is 1; absent: 0")
    true_negative: str | float | None = Field(None, description="did not act, and the outcome is 0; absent: 0")
    currency: str | None = Field(None, description="EUR, USD, …; absent: that of [value], else none is printed")


class Data(_Table):
    """`[data]`: what is what in the log."""

    engine: str | None = Field(None, description="URL of the engine that has the log; without its password")
    query: str | None = Field(None, description="the log as a query in the engine's SQL")
    sheet: str | None = Field(None, description="sheet of a workbook with several")
    table: str | None = Field(None, description="table of a database with several, or of the engine")
    unit: str | None = Field(None, description="column of what was randomised; absent: each row is a unit")
    cluster: str | None = Field(
        None, description="column of what was randomised where that is coarser than a unit: store, region, day"
    )
    variant: str | None = Field(None, description="column of the variant")
    incumbent: str | None = Field(None, description="the variant that runs today, the rules")
    proposed: str | tuple[str, ...] | None = Field(None, description="the variants proposed; absent: all others")
    time: str | None = Field(None, description="column of the row's date or time")
    timezone: str | None = Field(None, description='whose days they are: "Europe/Berlin"; times without a zone are UTC')
    first_day: date | None = Field(None, alias="from", description="the first day that counts")
    last_day: date | None = Field(None, alias="to", description="the last day that counts")
    met_by: str | None = Field(None, description="column of others who may meet units of several variants")
    split: str | None = Field(None, description='planned split, the incumbent first: "50:50"')
    split_schedule: tuple[PhaseTable, ...] = Field((), description="a planned split that changed: a ramp")
    where: str | None = Field(None, description="filter: only rows for which this holds are read")
    as_of: date | None = Field(None, description="the day on which the log was drawn")
    planned_end: date | None = Field(None, description="the last day planned; from it on there is no going on")
    planned_units: int | None = Field(None, gt=0, le=10**15, description="the units planned, in all variants together")
    missing: Literal["zero", "exclude"] | None = Field(None, description="what a null outcome means")
    kind: Literal["rows", "aggregates"] = Field("rows", description="what the log's rows are")
    aggregates: AggregateColumns | None = Field(None, description="the columns of a table of aggregates")
    outcomes: OutcomeTable | None = Field(None, description="outcomes in another file")
    events: EventTable | None = Field(None, description="how events become units")
    columns: dict[str, Names | dict[str, Names]] | None = Field(
        None,
        description='other names of a column in some files: user_id = ["uid", "UserID"]; or for one file (a name or '
        'pattern), as [data.columns."2023.csv"]',
    )
    fill: tuple[FillTable, ...] = Field((), description="columns filled in from other files")
    derive: dict[str, str] | None = Field(None, description="new columns from expressions, in order")
    units: Units | None = Field(None, description="a unit with several rows")
    decisions: Decisions | None = Field(None, description="what each variant would have decided")


class MetricTable(_Table):
    """`[[metric]]`: one KPI."""

    name: str = Field(description="its name in the report")
    kind: MetricKind | None = Field(None, description="absent: a mean, or a proportion if all values are 0 or 1")
    value: str | None = Field(None, description="column or expression; absent: the column called like the metric")
    numerator: str | None = Field(None, description="of a ratio of sums")
    denominator: str | None = Field(None, description="of a ratio of sums")
    quantile: float | None = Field(None, description="of a quantile, between 0 and 1")
    role: Role = Field(Role.SECONDARY, description="primary decides, guardrail can stop, secondary informs")
    better: Better = Field(Better.HIGHER, description="the direction that is wanted")
    covariates: tuple[str, ...] = Field((), description="columns known before the experiment, to adjust by")
    margin: str | None = Field(None, description='worsening a guardrail tolerates: "2%", "0.5 points", "5 ms"')
    equivalence_margin: str | None = Field(None, description='a change too small to matter: "1%"')
    missing: Literal["zero", "exclude"] | None = Field(None, description="what a null outcome means")
    cap_quantile: float | None = Field(
        None, gt=0.5, lt=1, description="values beyond this quantile of all units count as that quantile"
    )
    matures_after: str | None = Field(None, description='time until a unit\'s outcome is known: "90d", "12w"')
    weight: str | None = Field(
        None, description="where outcomes are seen on a random part only: 1 / the probability of being seen"
    )


class LimitTable(_Table):
    """`[[limit]]`: a total at full roll-out that there is only so much of."""

    name: str = Field(description="its name in the report")
    value: str | None = Field(
        None, description="column or expression, summed over units; in a backtest what one act takes (absent: 1)"
    )
    per: Literal["day", "week"] = Field("day", description="the time that the total is for")
    at_most: float = Field(ge=0, le=1e15, allow_inf_nan=False, description="what there is of it in that time")


class CorrectionsTable(_Table):
    """`[analysis.corrections]`: how p-values are adjusted within a family of comparisons."""

    primary: Correction | None = Field(None, description="primary KPIs and proposed variants together (holm)")
    secondary: Correction | None = Field(None, description="secondary KPIs and proposed variants together (holm)")
    guardrail: Correction | None = Field(None, description="guardrails, all of which have to hold (none)")
    segment: Correction | None = Field(None, description="all segments of all KPIs together (benjamini_hochberg)")


class Analysis(_Table):
    """`[analysis]`: statistics."""

    level: float | None = Field(None, description="confidence level (0.95)")
    resamples: int | None = Field(None, ge=0, description="bootstrap resamples (9999; 0: none)")
    studentized: bool | None = Field(None, description="bootstrap intervals in standard errors of each resample, too")
    seed: int | None = Field(None, ge=0, description="seed of the bootstrap (0)")
    sequential: Literal["none", "always-valid", "group"] | None = Field(
        None, description="intervals that hold at every look, or at planned looks (none)"
    )
    looks: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = Field(
        None, description='the planned looks of "group", as shares of the planned end or units: [0.5, 1.0]'
    )
    spending: Literal["obrien_fleming", "pocock"] | None = Field(
        None, description='how "group" spends its error (obrien_fleming)'
    )
    segments: tuple[str, ...] | None = Field(None, description="columns to break effects down by")
    corrections: CorrectionsTable | None = Field(None, description="adjustment of p-values by family")
    strata: tuple[str, ...] | None = Field(
        None, description="columns known before, by whose values effects are post-stratified"
    )
    min_segment_units: int | None = Field(None, ge=2, le=10**15, description="smaller segments are pooled (100)")


# Sums of money and of units that nobody has, and of which no products are to be made.
MOST_MONEY, MOST_YEARS, MOST_LETTERS = 1e15, 1000, 500
Money = Annotated[float, Field(ge=0, le=MOST_MONEY, allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=1 / MOST_MONEY, le=MOST_MONEY, allow_inf_nan=False)]
Years = Annotated[float, Field(ge=1 / MOST_MONEY, le=MOST_YEARS, allow_inf_nan=False)]
Either = Annotated[float, Field(ge=-MOST_MONEY, le=MOST_MONEY, allow_inf_nan=False)]
_COST_KEYS = "_cost$|_cost_per_year$|^cost_per_(?!unit$)"
_ITEMS = {
    "per_year": re.compile(r"(?!run_).+_cost_per_year"),
    "per_column": re.compile(r"cost_per_(?!unit$).+"),
    "once": re.compile(r"(?!build_cost$).+_cost"),
}


class Costs(_Table):
    """`[value.costs.NAME]`: what one proposed variant costs where it costs otherwise."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"patternProperties": {_COST_KEYS: {"type": "number", "minimum": 0}}},
    )

    build_cost: Money | None = Field(None, description="once, to build it")
    run_cost_per_year: Money | None = Field(None, description="every year: people, machines, licences")
    cost_per_unit: Money | str | None = Field(
        None, description="tokens, a vendor's fee: a number, or an expression over the log's columns"
    )
    once: SkipJsonSchema[dict[str, Money]] = Field({}, title="NAME_cost", description="a further item, once")
    per_year: SkipJsonSchema[dict[str, Money]] = Field(
        {}, title="NAME_cost_per_year", description="a further item, every year"
    )
    per_column: SkipJsonSchema[dict[str, Money]] = Field(
        {}, title="cost_per_COLUMN", description="for each one of a column's, such as cost_per_false_positive"
    )

    @model_validator(mode="before")
    @classmethod
    def _sort_items(cls, table: Any) -> Any:
        """Items with names of the user's own, by what they multiply."""
        if not isinstance(table, dict):
            return table
        kept = {key: amount for key, amount in table.items() if key not in _ITEMS}
        unknown = {key: table[key] for key in table if key in _ITEMS}
        for kind, pattern in _ITEMS.items():
            items = {key: kept.pop(key) for key in list(kept) if pattern.fullmatch(key)}
            kept |= {kind: items} if items else {}
        return kept | {f"{key} ": item for key, item in unknown.items()}


class Value(Costs):
    """`[value]`: what the effect is worth and what it costs."""

    metric: str | None = Field(None, description="the metric that is money or is worth money (the first primary)")
    worth: Positive = Field(1.0, description="money for each unit by which the metric is better (1)")
    currency: str = Field(min_length=1, max_length=MOST_LETTERS, description="EUR, USD, …")
    units_per_year: Positive | Literal["log"] = Field(
        description='units at full roll-out in a year, or "log": those of the test per day × 365'
    )
    traffic_share: float = Field(1.0, gt=0, le=1, description='share of the traffic in the test, for "log" (1)')
    build_cost: Money = Field(description="once, to build it; 0 if there is none")
    run_cost_per_year: Money = Field(description="every year: people, machines, licences; 0 if there is none")
    test_cost_per_day: Money = Field(0.0, description="what going on with the test costs in itself (0)")
    horizon_years: Years = Field(1.0, description="years that count (1)")
    discount_rate: float = Field(0.0, ge=0, lt=1, description="a year (0)")
    advantage_half_life: Years | None = Field(None, description="years in which the advantage halves")
    prior: Literal["none"] = Field("none", description="no prior; or give prior_lift_sd, or prior_mean and prior_sd")
    prior_lift_sd: str | float | None = Field(None, description='sd of true lifts around 0: "2%"')
    prior_mean: Either | None = Field(None, description="of the effect, in the metric's unit")
    prior_sd: Positive | None = Field(None, description="of the effect, in the metric's unit")
    ship_probability: float = Field(0.95, ge=0.5, lt=1, description="of paying, from which on to ship (0.95)")
    keep_probability: float = Field(0.05, gt=0, le=0.5, description="of paying, up to which to keep (0.05)")
    simplest_first: tuple[str, ...] = Field((), description="variants, the simplest first: the dearer must be shown")
    costs: dict[str, Costs] = Field({}, description="by proposed variant, where it costs otherwise")


class PlannedKpi(_Table):
    """`[[plan.kpi]]`: what is known of a KPI before the test, where no log shows it."""

    name: str = Field(description="the metric's name")
    baseline: Either = Field(description="its value today")
    sd: Positive | None = Field(None, description="standard deviation of a unit; a proportion needs none")


class Plan(_Table):
    """`[plan]`: what is agreed upon before a test; `abimpact plan` writes it."""

    question: str = Field("", description="what the test is to decide, in a sentence")
    start: date | None = Field(None, description="the first day of the test")
    lift: str | float | None = Field(None, description='the effect to be found, relative: "2%"')
    effect: Either | None = Field(None, description="the effect to be found, in the KPI's unit")
    power: float = Field(0.8, gt=0.5, lt=1, description="the chance to show that effect if it is there (0.8)")
    units: int | None = Field(None, gt=0, le=10**15, description="units in all variants together, instead of an effect")
    days: int | None = Field(None, gt=0, le=366 * MOST_YEARS, description="days of the test, instead of an effect")
    daily_units: Positive | None = Field(None, description="new units a day; absent: those of the log")
    traffic_share: float = Field(1.0, gt=0, le=1, description="share of them that takes part (1)")
    covariate_correlation: float | None = Field(
        None, ge=0, lt=1, description="of the primary KPI with what is known before; absent: that of the log"
    )
    comparisons: int | None = Field(
        None,
        gt=0,
        le=10**6,
        description="primary KPIs × proposed variants that share the error (Holm); absent: counted",
    )
    claim: Literal["better", "safe", "equivalent"] = Field(
        "better", description="what is to be shown of the primary KPI: better, not worse by margin, or alike (better)"
    )
    margin: str | None = Field(None, description='of the claims safe and equivalent: "2%"')
    kpi: tuple[PlannedKpi, ...] = Field((), description="what is known of a KPI where no log shows it")
    then: dict[str, str] = Field({}, description="what each verdict leads to, by verdict: ship, keep, …")
    digest: str | None = Field(None, description="of all that the plan says, made by `abimpact plan`")


class Report(_Table):
    """`[report]`: what a report is called, whose it is, how its numbers are written."""

    title: str = Field("", max_length=MOST_LETTERS, description="stands above the verdict")
    owner: str = Field("", max_length=MOST_LETTERS, description="who answers for the test")
    locale: str = Field(
        USUAL,
        description="decimal mark, thousands separator and order of dates: de_DE, en_US, fr_FR, … (en_GB); "
        "the words stay English",
        json_schema_extra={"enum": list(LOCALES)},
    )

    @field_validator("locale")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in LOCALES:
            raise ValueError(f"{name!r} is not known. {nearest(name, LOCALES)}")
        return name


class ConfigFile(_Table):
    """The whole file."""

    extends: str | None = Field(None, description="another config file, relative to this one, whose keys hold too")
    data: Data = Data()
    metric: tuple[MetricTable, ...] = ()
    limit: tuple[LimitTable, ...] = ()
    analysis: Analysis = Analysis()
    value: Value | None = None
    plan: Plan | None = None
    payoff: Payoff | None = None
    report: Report = Report()

    @classmethod
    def keys_at(cls, location: Sequence[int | str]) -> list[str]:
        """The keys that are known in the table at `location`."""
        table: Any = cls
        for part in location:
            if isinstance(part, str) and part in table.model_fields:
                table = _table_in(table.model_fields[part].annotation)
        return [field.alias or name for name, field in table.model_fields.items()]


def _table_in(annotation: Any) -> Any:
    """The table type inside an annotation such as `Units | None` or `tuple[MetricTable, ...]`."""
    options = [annotation, *get_args(annotation)]
    return next((o for o in options if isinstance(o, type) and issubclass(o, _Table)), ConfigFile)


def config_schema() -> dict[str, Any]:
    """The JSON Schema of `abimpact.toml`, for editors."""
    return ConfigFile.model_json_schema()
