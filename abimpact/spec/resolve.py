"""From a request to an experiment: every name is looked up in the log's columns, once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from abimpact.errors import ConfigError, UsageError, short
from abimpact.spec.aggregates import resolve_aggregates
from abimpact.spec.calendar import parse_split, resolve_calendar
from abimpact.spec.corrections import Correction, Corrections
from abimpact.spec.decisions import resolve_decisions
from abimpact.spec.derive import derived_columns
from abimpact.spec.event_metrics import plan_events
from abimpact.spec.event_phrases import has_condition, is_of_events
from abimpact.spec.experiment import Experiment
from abimpact.spec.expression import MOST_CHARACTERS, find_column, parse_expression
from abimpact.spec.limit import resolve_limits
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.spec.metric_spec import covariates, resolve_metric
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.value import ValueTerms, resolve_value

# Names that can hardly mean anything else. A guess is taken only if exactly one column has one, and is reported.
UNIT_NAMES = frozenset(
    "unit unit_id user user_id userid uid customer customer_id customerid visitor visitor_id visitorid account_id "
    "player_id session_id client_id member_id subscriber_id".split()
)
VARIANT_NAMES = frozenset(
    "variant variation arm experiment_group test_group ab_group treatment_group experiment_variant group "
    "version".split()
)
# What may stand around the expression of a SPEC: a name, a direction, a margin.
MOST_AROUND = 500
# Beyond these a run takes minutes and memory for digits that nobody reads.
MOST_LEVEL, MOST_RESAMPLES, MOST_LOOKS = 0.999999, 1_000_000, 100
SAY_EVENTS = "If the rows are events, say so in [data.events] of abimpact.toml."


def resolve(request: Request, columns: Mapping[str, str]) -> Experiment:
    """The experiment that `request` means in a log with `columns` (names to type families)."""
    check_values(request)
    _check_lengths(request, columns)
    derive, known = derived_columns(request.derive, columns)
    variant, said = named_or_guessed(request.variant, VARIANT_NAMES, known, "--variant")
    aggregates = resolve_aggregates(request.aggregates, known, request.segments) if request.aggregates else None
    if variant is None and aggregates and aggregates.incumbent:
        variant, said = "", ()
    if request.is_history and request.variant is None:
        variant, said = "", ()
    if variant is None:
        raise UsageError(
            "Which column names the variant?",
            f"Say --variant COLUMN; the log has: {', '.join(map(repr, list(known)[:20]))}.",
        )
    unit, also_said = named_or_guessed(request.unit, UNIT_NAMES, known, "--unit")
    if unit is None:
        also_said = _undecided(known)
    time, said_last = time_column(request.time, known)
    if aggregates:  # neither units nor their days are there
        unit, time, also_said, said_last = None, None, (), ()
    calendar = resolve_calendar(
        request.timezone, request.first_day, request.last_day, () if aggregates else request.split_schedule, time
    )
    events = None
    if request.events is not None:
        _check_events(unit, time)
        events, request, known = plan_events(request, known)
    metrics = _named_metrics(request) if request.aggregates else _metrics(request, known)
    _check_maturity(metrics, request.as_of, time)
    value, less_costs, said_of_value = _value(request.value if metrics else None, metrics, known)
    _check_looks(request)
    limits, totals = resolve_limits(request.limits, (*metrics, *less_costs), known)
    return Experiment(
        unit=unit,
        cluster=_cluster(request, unit, known),
        variant=variant,
        incumbent=request.incumbent,
        proposed=request.proposed,
        time=time,
        metrics=(*metrics, *less_costs, *totals),
        segments=tuple(find_column(s, known, "--segment") for s in request.segments),
        strata=tuple(find_column(s, known, "[analysis] strata") for s in request.strata),
        split=parse_split(request.split) if request.split else None,
        calendar=calendar,
        several_rows=request.several_rows,
        where=parse_expression(request.where, known, "--where") if request.where else None,
        derive=derive,
        as_of=request.as_of,
        planned_end=request.planned_end,
        planned_units=request.planned_units,
        level=request.level,
        resamples=request.resamples,
        studentized=request.studentized,
        seed=request.seed,
        is_history=request.is_history,
        keeps_units=request.keeps_units,
        met_by=find_column(request.met_by, known, "--met-by") if request.met_by else None,
        decisions=None if aggregates else resolve_decisions(request.decisions, known),
        aggregates=aggregates,
        events=events,
        min_segment_units=request.min_segment_units,
        corrections=Corrections(**{family: Correction(rule) for family, rule in request.corrections.items()}),
        sequential=request.sequential,
        looks=request.looks,
        spending=request.spending,
        value=value,
        limits=limits,
        guesses=(*said, *also_said, *said_last, *said_of_value),
    )


def _check_lengths(request: Request, columns: Mapping[str, str]) -> None:
    """Refuse texts of metrics, before they are looked through, that no expression may have."""
    for metric in request.metrics:
        if isinstance(metric, Metric):
            continue
        for text in (metric.spec, metric.name, metric.value, metric.numerator, metric.denominator, metric.weight):
            if text and len(text) > MOST_CHARACTERS + MOST_AROUND and text not in columns:
                raise ConfigError(
                    f"metric {short(text)!r} has {len(text):,} characters.", f"At most {MOST_CHARACTERS:,} are read."
                )


def _check_events(unit: str | None, time: str | None) -> None:
    missing = [
        f"{what} ({key} = …)" for what, key, name in (("unit", "unit", unit), ("time", "time", time)) if not name
    ]
    if missing:
        raise ConfigError(
            f"An event log needs columns that nobody named: {' and '.join(missing)}.",
            "Name them in [data], or by --unit and --time.",
        )


def named_or_guessed(
    name: str | None, words: frozenset[str], columns: Mapping[str, str], flag: str
) -> tuple[str | None, tuple[str, ...]]:
    """The column that was named, or the only one with a well-known name and a sentence that says so."""
    if name is not None:
        return find_column(name, columns, flag), ()
    known = [c for c in columns if c.casefold() in words]
    if len(known) != 1:
        return None, ()
    return known[0], (f"{flag} was not given; column {known[0]!r} was taken by its name.",)


def _undecided(columns: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence where several columns have names that well-known units have."""
    known = [c for c in columns if c.casefold() in UNIT_NAMES]
    if len(known) < 2:
        return ()
    listed = ", ".join(map(repr, known))
    return (f"--unit was not given; {listed} could be it, so none was taken: each row counts as a unit.",)


def _cluster(request: Request, unit: str | None, columns: Mapping[str, str]) -> str | None:
    """The column of what was randomised where that is coarser than a unit."""
    if request.cluster is None:
        return None
    name = find_column(request.cluster, columns, "--cluster")
    if name == unit:
        raise UsageError(
            f"--cluster {name!r} is the unit too.",
            "Leave out --cluster if that is one unit, or --unit if each row is one of several units in it.",
        )
    if request.aggregates:
        raise ConfigError("--cluster needs rows; a table of aggregates does not tell its clusters.")
    if request.split_schedule or request.strata:
        raise ConfigError(
            "Clusters are not stratified: leave out --cluster, or [[data.split_schedule]] and [analysis] strata."
        )
    if request.is_history:
        raise UsageError(
            "Tests of clusters are neither planned nor simulated from their units.",
            f"Take the cluster as the unit: --unit {name!r} --several-rows mean.",
        )
    return name


def time_column(name: str | None, columns: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
    """The column of the row's time: named, or the only one that holds dates or times."""
    if name is not None:
        return find_column(name, columns, "--time"), ()
    dates = [c for c, family in columns.items() if family in ("date", "timestamp")]
    if len(dates) != 1:
        return None, ()
    return dates[0], (f"--time was not given; column {dates[0]!r} was taken, the only one of dates or times.",)


def _metrics(request: Request, columns: Mapping[str, str]) -> tuple[Metric, ...]:
    if not request.metrics and not request.needs_metrics:
        return ()
    if not request.metrics:
        numbers = [c for c, family in columns.items() if family in ("integer", "float", "boolean")]
        example = numbers[-1] if numbers else "COLUMN"
        raise UsageError(
            "No metric was named.",
            f"Say what to compare, for example: -m {example}. Number columns: {', '.join(numbers[:20])}.",
        )
    shared = covariates(request.covariates, columns, "--covariate")
    found: dict[str, Metric] = {}
    for declared in request.metrics:
        metric = declared if isinstance(declared, Metric) else _resolved(declared, request, columns)
        if shared and not metric.covariates and metric.kind is not MetricKind.QUANTILE:
            metric = replace(metric, covariates=tuple(c for c in shared if c not in metric.value.columns))
        if metric.name in found:
            raise UsageError(f"Two metrics are called {metric.name!r}.", "Give one another name: -m name=expression.")
        found[metric.name] = metric
    if not any(m.role is Role.PRIMARY for m in found.values()):
        raise UsageError("No metric is primary.", 'Name the one that decides with -m, or give it role = "primary".')
    return tuple(found.values())


def _check_looks(request: Request) -> None:
    if request.sequential != "group":
        return
    if not request.looks or list(request.looks) != sorted(set(request.looks)):
        raise ConfigError(
            '[analysis] sequential = "group" needs its looks.',
            "Give them in rising order: looks = [0.25, 0.5, 0.75, 1.0]",
        )
    if len(request.looks) > MOST_LOOKS:
        raise ConfigError(f"[analysis] looks: {len(request.looks):,} are too many.", f"Plan at most {MOST_LOOKS}.")
    if request.planned_units is None and request.planned_end is None:
        raise ConfigError(
            '[analysis] sequential = "group" needs a plan to be a share of.',
            "Give planned_units or planned_end in [data].",
        )


def _check_maturity(metrics: Sequence[Metric], as_of: date | None, time: str | None) -> None:
    for metric in metrics:
        if metric.matures_after is not None and (as_of is None or time is None):
            raise ConfigError(
                f"metric {metric.name!r}: matures_after needs the age of each unit.",
                "Name the column of dates (--time), and give as_of, the day on which the log was drawn, in [data].",
            )


def _value(
    table: Mapping[str, Any] | None, metrics: Sequence[Metric], columns: Mapping[str, str]
) -> tuple[ValueTerms | None, tuple[Metric, ...], tuple[str, ...]]:
    """The terms of the money, the metrics that they add, and a sentence where the file's cannot be had."""
    if table is None:
        return None, (), ()
    named = table.get("metric")
    if named and table.get("is_optional") and named not in {m.name for m in metrics}:
        return None, (), (f"[value] is about the metric {named!r}, which was not asked for; no money is reported.",)
    return (*resolve_value(table, metrics, columns), ())


def _named_metrics(request: Request) -> tuple[Metric, ...]:
    """The metrics of a table of aggregates, which are names of it and not columns; none means all."""
    found = []
    for declared in request.metrics:
        if isinstance(declared, Metric):
            found.append(declared)
            continue
        name = declared.value or declared.name or (declared.spec or "").removesuffix(":lower")
        better = Better.LOWER if (declared.spec or "").endswith(":lower") else declared.better
        asked = replace(declared, spec=None, name=declared.name or name, value=name, better=better)
        found.append(resolve_metric(asked, {name: "float"}))
    for metric in found:
        if metric.kind not in (None, MetricKind.MEAN, MetricKind.PROPORTION) or metric.covariates:
            raise ConfigError(
                f"metric {metric.name!r}: from aggregates only means and proportions can be compared.",
                "Ratios, quantiles and adjustment need rows.",
            )
    return tuple(found)


def _resolved(declared: MetricRequest, request: Request, columns: Mapping[str, str]) -> Metric:
    texts = [t for t in (declared.spec, declared.value, declared.numerator, declared.denominator) if t]
    speaks = [t for t in texts if t not in columns and is_of_events(t)] if request.events is None else []
    lost = ConfigError(f"{speaks[0]!r} is made of events.", SAY_EVENTS) if speaks else None
    if lost and has_condition(speaks[0]):  # else what stands before the condition's = is a metric's name
        raise lost
    try:
        return resolve_metric(replace(declared, missing=declared.missing or request.missing), columns)
    except ConfigError as error:
        if lost:
            raise lost from error
        raise


def check_values(request: Request) -> None:
    """UsageError for statistics that make no sense."""
    if not 0.5 <= request.level <= MOST_LEVEL:
        raise UsageError(
            f"--level {request.level:g} is no confidence level.",
            f"Give a fraction from 0.5 to {MOST_LEVEL}, like 0.95.",
        )
    if request.resamples > MOST_RESAMPLES:
        raise UsageError(
            f"--resamples: {short(str(request.resamples))} is too many.", f"Give at most {MOST_RESAMPLES:,}."
        )
    for name, number in (("--resamples", request.resamples), ("--seed", request.seed)):
        if number < 0:
            raise UsageError(f"{name} {number} is below 0.", "Give a whole number from 0.")
    if request.missing not in ("zero", "exclude"):
        raise UsageError(f"--missing {request.missing!r} is not known.", "Say zero or exclude.")
