"""What is known before a test: from a log of the past, or from numbers that the user gives."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import numpy as np

from abimpact.decide.provenance import Provenance
from abimpact.errors import DataError, UsageError
from abimpact.estimate.arm import contract
from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.linear import Linear, linearise
from abimpact.estimate.quantile_power import Curve, ranks_of_curve
from abimpact.pipeline.provenance import Sources, provenance
from abimpact.pipeline.reading import LooksByMetric, Running, opened
from abimpact.plan.values import Known, Seen
from abimpact.read.log import Log
from abimpact.spec.metric import Metric, MetricKind, Role
from abimpact.spec.planning import PlanTerms, named_metrics
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.value import resolve_value
from abimpact.summarise.summarise import summarise
from abimpact.summarise.summary import MetricSummary


def from_log(request: Request, plan: PlanTerms, command: str, frame: object, running: Running) -> Known:
    """What the incumbent's units show (all of them, where the log names no variant), and how many units come a day."""

    def finish(log: Log, looks: LooksByMetric, sources: Sources) -> Known:
        if looks:
            raise DataError(
                "A plan needs a log of rows, not a table of aggregates.", "Or give --baseline and --sd in its place."
            )
        summary = summarise(
            log, with_bins=False, ranks_wanted=ranks_of_curve, progress=partial(running.progress, "summarising")
        )
        days = (log.days.end - log.days.start).days + 1 if log.days.start and log.days.end else None
        return Known(
            variants=log.variants if log.experiment.variant else (),
            kpis=tuple(_corrected(_seen(m), plan) for m in summary.metrics),
            daily_units=sum(log.units) / days if days else None,
            left_out=(),
            guesses=log.guesses,
            terms=log.experiment.value,
            provenance=provenance(log.engine, request, sources({}), command),
        )

    return opened(_as_history(request), frame, running, finish)


def _corrected(seen: Seen, plan: PlanTerms) -> Seen:
    """What the log shows, where the user does not say otherwise."""
    if seen.metric.name not in plan.known or seen.curve is not None:
        return seen
    told = _told(seen.metric, *plan.known[seen.metric.name])
    return replace(told, metric=seen.metric, correlation=seen.correlation)


def _as_history(request: Request) -> Request:
    """The request as far as it describes the log: what it says of the test to come would only be in the way."""
    metrics = tuple(
        replace(m, matures_after=None) if isinstance(m, (Metric, MetricRequest)) and request.as_of is None else m
        for m in request.metrics
    )
    return replace(
        request, is_history=True, metrics=metrics, split=None, sequential="none", looks=(), proposed=(), segments=()
    )


def _seen(found: MetricSummary) -> Seen:
    """One KPI by the incumbent's units."""
    metric = found.metric
    if metric.kind is MetricKind.QUANTILE:
        return _quantile(found)
    linear = linearise(found, 0)
    if isinstance(linear, NotEstimated):
        young = "Its outcomes are not known yet (matures_after): take an older log." if metric.matures_after else ""
        raise DataError(f"Metric {metric.name!r} cannot be planned from this log: {linear.message}.", young)
    arm = contract(linear.moments, linear.weights, linear.value)
    if not arm.variance:
        raise DataError(
            f"Metric {metric.name!r} has the same value for every unit of the log.", "Check the column and the filter."
        )
    return Seen(
        metric=metric,
        baseline=arm.value,
        sd=float(np.sqrt(arm.variance)),
        correlation=_correlation(linear, len(found.covariates), arm.variance),
        third=arm.third,
        units=arm.n,
    )


def _correlation(linear: Linear, k: int, variance: float) -> float:
    """The multiple correlation of a unit's influence with its `k` covariates."""
    if not k:
        return 0.0
    covariance = linear.moments.covariance
    start = len(linear.weights) - k
    s_xy = covariance[start:] @ linear.weights
    explained = float(s_xy @ np.linalg.pinv(covariance[start:, start:], rcond=1e-10, hermitian=True) @ s_xy)
    return float(np.sqrt(min(max(explained / variance, 0.0), 1 - 1e-12)))


def _quantile(found: MetricSummary) -> Seen:
    metric, ranks = found.metric, found.ranks
    assert ranks is not None
    assert metric.quantile is not None
    (mine, *_) = ranks
    if len(mine.values) < 2:
        raise DataError(f"Metric {metric.name!r} has {mine.n:,} values in the log, too few for a quantile.")
    places = sorted(mine.values)
    values = np.array([mine.values[place] for place in places])
    curve = Curve((np.array(places) - 0.5) / mine.n, values)
    baseline = float(curve(np.array([metric.quantile]))[0])
    return Seen(metric=metric, baseline=baseline, sd=float(np.std(values)), curve=curve, units=mine.n)


def from_numbers(request: Request, plan: PlanTerms, command: str) -> Known:
    """What the user says of every KPI; those that nobody knows anything of are left out, and named."""
    metrics = named_metrics(request)
    primaries = [m for m in metrics if m.role is Role.PRIMARY]
    lacking = [m.name for m in primaries if m.name not in plan.known]
    if lacking or not primaries:
        named = f" for {', '.join(map(repr, lacking))}" if lacking and len(metrics) > 1 else ""
        raise UsageError(
            f"There is neither a log nor a baseline{named}.",
            "Give a log of the past, or --baseline and --sd (no --sd for a proportion), or [[plan.kpi]] for each KPI.",
        )
    kpis = [_told(m, *plan.known[m.name]) for m in metrics if m.name in plan.known]
    left_out = [m.name for m in metrics if m.name not in plan.known]
    terms = None
    if request.value is not None:
        terms, _ = resolve_value(request.value, metrics, {})
        if terms.units_per_year is None and plan.daily_units is not None:
            terms = replace(terms, units_per_year=plan.daily_units / terms.traffic_share * 365)
    return Known(
        variants=(),
        kpis=tuple(kpis),
        daily_units=None,
        left_out=(f"Nothing is known of {', '.join(left_out)}: no power can be given.",) if left_out else (),
        guesses=(),
        terms=terms,
        provenance=_without_log(request, command),
    )


def _told(metric: Metric, baseline: float, sd: float | None) -> Seen:
    if metric.kind is MetricKind.QUANTILE:
        raise UsageError(
            f"Metric {metric.name!r} is a quantile, whose spread depends on the whole distribution.",
            "Give a log of the past.",
        )
    is_share = sd is None and metric.kind in (None, MetricKind.PROPORTION)
    if is_share and not 0 < baseline < 1:
        raise UsageError(
            f"--baseline {baseline:g} of {metric.name!r} is no proportion, and a mean needs --sd.",
            "Give the standard deviation of a unit, or a proportion between 0 and 1.",
        )
    if is_share:
        metric = replace(metric, kind=MetricKind.PROPORTION, covariates=())
        return Seen(metric=metric, baseline=baseline, sd=float(np.sqrt(baseline * (1 - baseline))))
    if sd is None:
        raise UsageError(f"Metric {metric.name!r} needs --sd, the standard deviation of a unit.")
    return Seen(metric=replace(metric, kind=metric.kind or MetricKind.MEAN), baseline=baseline, sd=sd)


def _without_log(request: Request, command: str) -> Provenance:
    return Provenance(
        abimpact=version("abimpact"),
        python=".".join(map(str, sys.version_info[:3])),
        packages={name: version(name) for name in ("numpy", "scipy")},
        engine="none",
        command=command,
        config=request.to_dict(),
        sources=(),
        seed=request.seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def primaries_first(kpis: Sequence[Seen]) -> tuple[Seen, ...]:
    """Primaries, then guardrails, then what only informs; otherwise as declared."""
    order = (Role.PRIMARY, Role.GUARDRAIL, Role.SECONDARY)
    return tuple(sorted(kpis, key=lambda k: order.index(k.metric.role)))
