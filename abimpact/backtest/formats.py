"""A backtest in the format of a name: the page and its numbers, or its differences as a tidy table."""

import csv
from collections.abc import Iterator
from io import StringIO

from abimpact.backtest.figures import figures
from abimpact.backtest.page import page
from abimpact.backtest.result import BacktestReport
from abimpact.errors import UsageError, nearest
from abimpact.estimate.estimate import Interval
from abimpact.estimate.paired import scaled
from abimpact.render import document
from abimpact.render.escape import chat, spreadsheet
from abimpact.render.numbers import written_in
from abimpact.render.table import Options

EXTENSIONS = {**document.EXTENSIONS, "csv": ".csv", "text": ".txt"}
COLUMNS = ("part", "by", "value", "proposed", "units", "scale", "estimate", "low", "high", "level", "pvalue", "verdict")
Cell = str | float | None


def render(report: BacktestReport, name: str, options: Options) -> str:
    """The backtest in the format of that name."""
    check(name)
    with written_in(report.presentation.locale):
        if name == "csv":
            return _csv(report)
        told = page(report)
        if name == "text":
            return "".join(f"{chat(line)}\n" for line in (f"{told.word}: {told.headline}", told.summary, told.footer))
        return document.render(told, figures(report), name, options)


def check(name: str) -> None:
    """UsageError unless there is a format of that name."""
    if name not in EXTENSIONS:
        raise UsageError(f"--format {name!r} is not a format of backtest.", nearest(name, EXTENSIONS))


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    for name, extension in EXTENSIONS.items():
        if extension and path.lower().endswith(extension):
            return name
    known = " ".join(filter(None, EXTENSIONS.values()))
    raise UsageError(f"{path}: no format of backtest has this extension.", f"Extensions: {known}.")


def _csv(report: BacktestReport) -> str:
    """One row per difference: all rows, every threshold, segment, month, rule and reason (numbers unrounded)."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    verdict = f"{report.choice.code}/{report.choice.reason}"
    for row in _rows(report):
        writer.writerow([spreadsheet(c) if isinstance(c, str) else c for c in (*row, verdict)])
    return out.getvalue()


def _rows(report: BacktestReport) -> Iterator[tuple[Cell, ...]]:
    for o in report.proposed:
        for e in o.estimates:
            for scale, factor in (("per_unit", 1.0), ("total", float(report.units))):
                numbers = _numbers(scaled(e.interval, factor))
                yield ("all", "method", e.method, o.name, report.units, scale, *numbers, e.pvalue)
        for p in o.parts:
            yield ("segment", p.by, p.value, o.name, p.rows, "per_unit", *_numbers(p.per_unit), None)
            yield ("segment", p.by, p.value, o.name, p.rows, "total", *_numbers(p.total), None)
    for curve in report.curves:
        for point in curve.points:
            at = "never" if point.threshold is None else repr(point.threshold)
            yield ("threshold", "score", at, curve.score, point.acts, "per_unit", *_numbers(point.per_unit), None)
    for by, culprits in (("rule", report.rules), ("reason", report.reasons)):
        for c in culprits:
            numbers = _numbers(c.total)
            yield ("why", by, c.name, report.choice.blamed, c.disagreeing, "total", *numbers, c.pvalue_adjusted)


def _numbers(interval: Interval) -> tuple[float | None, float | None, float | None, float]:
    return interval.estimate, interval.low, interval.high, interval.level
