"""The report as an Excel workbook: numbers as numbers, and money as formulas that follow their inputs."""

from collections.abc import Iterator
from datetime import datetime

from abimpact.decide.limits import Capacity
from abimpact.decide.report import MetricResult, Report
from abimpact.estimate.estimate import Estimate, Margin
from abimpact.render import numbers, words
from abimpact.render.excel_money import money_rows
from abimpact.render.rows import guardrail_row, kpi_row
from abimpact.render.table import Options
from abimpact.render.view import View, view
from abimpact.render.workbook import Book, Cell, Number
from abimpact.spec.metric import Better, MetricKind, Role

_COUNT, _P, _LEVEL = "#,##0", "0.0000", "0.0%"
_LIFT = "+0.0%;-0.0%;0.0%"
_POINTS = '+0.00" points";-0.00" points";0" points"'
_KPI_HEADS = (
    "proposed", "KPI", "role", "kind", "better", "incumbent value", "proposed value", "lift", "lift low", "lift high",
    "difference", "difference low", "difference high", "level", "p", "p adjusted", "method", "incumbent units",
    "proposed units", "worst case", "limit", "status", "note",
)  # fmt: skip
_ESTIMATE_HEADS = (
    "proposed", "KPI", "method", "chosen", "lift", "lift low", "lift high", "difference", "difference low",
    "difference high", "level", "p", "p adjusted", "statistic", "df", "notes",
)  # fmt: skip
_LIMIT_HEADS = (
    "proposed", "at full roll-out", "in days", "incumbent", "proposed variant", "low", "high", "busiest day",
    "which day", "limit", "share that fits", "status",
)  # fmt: skip


def render(report: Report, options: Options) -> bytes:
    """The bytes of the workbook; with an invalid verdict KPIs and money are withheld unless `show_anyway`."""
    v = view(report, show_anyway=options.show_anyway)
    told = report.presentation
    book = Book(told.title, told.owner, datetime.fromisoformat(report.provenance.created))
    book.sheet("Summary", ("", ""), _summary(report, v))
    if v.warning != words.WITHHELD:
        book.sheet("KPIs", _KPI_HEADS, [_kpi(m) for m in report.metrics])
        book.sheet("Estimates", _ESTIMATE_HEADS, [_estimate(m, e) for m in report.metrics for e in m.estimates])
        if report.values:
            heads, rows = money_rows(report)
            book.sheet("Money", heads, rows)
        if report.capacities:
            book.sheet("Limits", _LIMIT_HEADS, [_limit(c) for c in report.capacities])
    book.sheet("Checks", ("severity", "check", "seen", "why it matters", "what to do"), list(_checks(report)))
    book.sheet("Provenance", ("", ""), [*v.provenance, *(("method: " + name, text) for name, text in v.methods)])
    return book.close()


def _summary(report: Report, v: View) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [("title", v.title)] if v.title else []
    rows += [("verdict", f"{v.overall.word} ({report.verdict.code}/{report.verdict.reason})")]
    rows += [("", v.overall.headline), ("", v.summary), ("", v.warning)]
    if len(v.blocks) > 1:
        rows += [(block.proposed, f"{block.word}: {block.headline}") for block in v.blocks]
    rows += [
        (f"because ({b.proposed})" if len(v.blocks) > 1 else "because", told) for b in v.blocks for told in b.because
    ]
    rows += [("units: " + name, Number(n, _COUNT)) for name, n in report.units.items()]
    rows += [("checks", " · ".join(v.tally)), ("sample", v.sample)]
    return [row for row in rows if row[1] != ""]


def _kpi(result: MetricResult) -> list[Cell]:
    metric, chosen, rail = result.metric, result.chosen, result.guardrail
    is_rail = metric.role is Role.GUARDRAIL
    row: list[Cell] = [
        result.proposed.variant, metric.name, metric.role.value, metric.kind.value if metric.kind else "",
        metric.better.value, _value(result.incumbent.value, metric.kind), _value(result.proposed.value, metric.kind),
    ]  # fmt: skip
    row += [*_lift(chosen), *_difference(result, chosen), *_tests(chosen)] if chosen else [None] * 9
    row += [result.chosen_method, Number(result.incumbent.units, _COUNT), Number(result.proposed.units, _COUNT)]
    row += _against(result, rail) if rail else [None, None]
    return [*row, guardrail_row(result).status if is_rail else "", "" if is_rail else kpi_row(result).note]


def _estimate(result: MetricResult, estimate: Estimate) -> list[Cell]:
    is_chosen = estimate.method == result.chosen_method
    return [
        result.proposed.variant, result.metric.name, estimate.method, "yes" if is_chosen else "",
        *_lift(estimate), *_difference(result, estimate), *_tests(estimate),
        Number(estimate.statistic, "0.000"), Number(estimate.df, "#,##0.0"), "; ".join(estimate.notes),
    ]  # fmt: skip


def _lift(estimate: Estimate) -> list[Cell]:
    lift = estimate.relative
    return [Number(x, _LIFT) for x in (lift.estimate, lift.low, lift.high)]


def _difference(result: MetricResult, estimate: Estimate) -> list[Cell]:
    found = estimate.absolute
    return [_change(result, x) for x in (found.estimate, found.low, found.high)]


def _tests(estimate: Estimate) -> list[Cell]:
    ps = [Number(p, _P) for p in (estimate.pvalue, estimate.pvalue_adjusted)]
    return [Number(estimate.absolute.level, _LEVEL), *ps]


def _against(result: MetricResult, rail: Margin) -> list[Cell]:
    """The worst case and the limit that it is held against."""
    margin = abs(rail.margin) if result.metric.better is Better.LOWER else -abs(rail.margin)
    both = (rail.bound, margin)
    return [Number(x, _LIFT) if rail.is_relative else _change(result, x) for x in both]


def _limit(found: Capacity) -> list[Cell]:
    total = found.total
    amounts = (found.incumbent_total, total.estimate, total.low, total.high, found.peak)
    return [
        found.proposed, found.limit.name, Number(found.limit.days, _COUNT), *(Number(x, _digits(x)) for x in amounts),
        found.peak_day.isoformat() if found.peak_day else "", Number(found.limit.at_most, _digits(found.limit.at_most)),
        Number(found.share_that_fits, _LEVEL), "exceeded" if found.is_exceeded else "fits",
    ]  # fmt: skip


def _checks(report: Report) -> Iterator[list[Cell]]:
    for found in report.findings:
        yield [
            found.severity.value,
            found.code,
            *(numbers.prose(part) for part in (found.message, found.why, found.do)),
        ]


def _value(x: float | None, kind: MetricKind | None) -> Cell:
    return Number(x, "0.00%" if kind is MetricKind.PROPORTION else _digits(x))


def _change(result: MetricResult, x: float | None) -> Cell:
    """A difference in the metric's unit; of two percentages in points, which Excel has no format for."""
    if result.metric.kind is MetricKind.PROPORTION:
        return Number(None if x is None else 100 * x, _POINTS)
    return Number(x, f"+{_digits(x)};-{_digits(x)};0")


def _digits(x: float | None) -> str:
    """A number format with three significant digits of `x`."""
    places = numbers.places(abs(x or 0.0), 3)
    return "#,##0" + ("." + "0" * min(places, 9) if places else "")
