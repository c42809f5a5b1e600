"""The report as a tidy CSV table: one row per estimate and scale, numbers unrounded and never localised."""

import csv
from collections.abc import Iterator
from io import StringIO

from abimpact.decide.report import MetricResult, Report
from abimpact.estimate.estimate import Estimate
from abimpact.render.escape import spreadsheet
from abimpact.render.table import Options

Cell = str | float | None

COLUMNS = (
    "metric", "kind", "role", "better", "incumbent", "proposed", "incumbent_units", "proposed_units",
    "incumbent_value", "proposed_value", "method", "chosen", "scale", "estimate", "low", "high", "level",
    "statistic", "df", "pvalue", "pvalue_adjusted", "notes", "not_estimated", "verdict",
)  # fmt: skip


def to_csv(report: Report) -> str:
    """The estimates as CSV (UTF-8, comma, decimal point); a metric without estimates has one row that says why.

    Every row has its variant's verdict, so that numbers of a log that is not sound can't be taken for others.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in report.metrics:
        for row in _rows(report, result):
            writer.writerow([spreadsheet(c) if isinstance(c, str) else c for c in row])
    return out.getvalue()


def render(report: Report, _: Options) -> str:
    """`to_csv` for the table of formats."""
    return to_csv(report)


def _rows(report: Report, result: MetricResult) -> Iterator[list[Cell]]:
    metric, decision = result.metric, next(d for d in report.verdicts if d.proposed == result.proposed.variant)
    before: list[Cell] = [
        metric.name, metric.kind and metric.kind.value, metric.role.value, metric.better.value,
        result.incumbent.variant, result.proposed.variant, result.incumbent.units, result.proposed.units,
        result.incumbent.value, result.proposed.value,
    ]  # fmt: skip
    verdict = f"{decision.code}/{decision.reason}"
    for estimate in result.estimates:
        chosen = "true" if estimate.method == result.chosen_method else "false"
        for scale in ("absolute", "relative"):
            yield [*before, estimate.method, chosen, scale, *_numbers(estimate, scale), None, verdict]
    if not result.estimates:
        yield [*before, *[None] * 12, result.not_estimated.reason if result.not_estimated else None, verdict]


def _numbers(estimate: Estimate, scale: str) -> list[Cell]:
    interval = estimate.absolute if scale == "absolute" else estimate.relative
    return [
        interval.estimate, interval.low, interval.high, interval.level, estimate.statistic, estimate.df,
        estimate.pvalue, estimate.pvalue_adjusted, "; ".join(estimate.notes),
    ]  # fmt: skip
