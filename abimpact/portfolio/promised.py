"""Holds a report on a holdout against the stored report that promised something."""

from dataclasses import replace

from abimpact.decide.promise import Promise, hold
from abimpact.decide.report import MetricResult, Report
from abimpact.errors import DataError
from abimpact.estimate.estimate import Interval
from abimpact.pipeline.provenance import further_file, with_options
from abimpact.portfolio.stored import Stored, StoredMetric, read_report
from abimpact.spec.metric import Better, Role


def with_promise(report: Report, path: str) -> Report:
    """`report` with what `path`, an earlier result.json, promised; DataError where the two cannot be held together."""
    promise = _held(report, read_report(path), path)
    return replace(report, promise=promise, provenance=with_options(report.provenance, promised=further_file(path)))


def _held(report: Report, earlier: Stored, path: str) -> Promise | None:
    proposed = report.verdict.proposed
    named = [m for m in earlier.metrics if m.role == "primary"]
    variants = dict.fromkeys(m.proposed.variant for m in named)
    variant = proposed if proposed in variants else earlier.verdict.proposed
    promised = next((m for m in named if m.proposed.variant == variant), None)
    if promised is None:
        raise DataError(f"{path}: no primary metric was estimated in it.", "Give the report that promised something.")
    delivered = next(
        (m for m in report.metrics if m.proposed.variant == proposed and m.metric.name == promised.name), None
    )
    if delivered is None:
        primary = [m.metric.name for m in report.metrics if m.metric.role is Role.PRIMARY]
        raise DataError(
            f"{path} promised {promised.name!r}, which is not asked of this log (but {', '.join(primary)}).",
            f"Ask for it: -m {promised.name!r}, or the config that the promise was made with.",
        )
    money = _money(report, earlier, variant)
    pair = money[1:] if money else (_lift(promised), _delivered_lift(delivered))
    if pair[0] is None or pair[1] is None:
        return None
    return hold(proposed, promised.name, money[0] if money else None, pair[0], pair[1], report.level)


def _money(report: Report, earlier: Stored, variant: str) -> tuple[str, Interval, Interval] | None:
    """Net money a year of both, where both have it in one currency."""
    values = earlier.values or ((earlier.value,) if earlier.value else ())
    promised = next((v for v in values if v.proposed == variant), None)
    delivered = report.value_of(report.verdict.proposed)
    if promised is None or delivered is None or report.terms is None or promised.currency != report.terms.currency:
        return None
    return promised.currency, promised.annual_net, delivered.annual_net


def _lift(metric: StoredMetric) -> Interval | None:
    return _signed(metric.chosen.relative, metric.sign) if metric.chosen else None


def _delivered_lift(result: MetricResult) -> Interval | None:
    sign = 1 if result.metric.better is Better.HIGHER else -1
    return _signed(result.chosen.relative, sign) if result.chosen else None


def _signed(interval: Interval, sign: int) -> Interval:
    """The interval with better as positive."""
    if sign > 0:
        return interval
    low, high = (None if x is None else -x for x in (interval.high, interval.low))
    return replace(interval, estimate=None if interval.estimate is None else -interval.estimate, low=low, high=high)
