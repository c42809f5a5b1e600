"""A backtest as a page: value, decisions in money, thresholds, why, for whom, what if labels are wrong, checks."""

import math

from abimpact.backtest import detail_page, words
from abimpact.backtest.chart import threshold_chart
from abimpact.backtest.curve import Curve
from abimpact.backtest.result import BacktestReport, Confusion
from abimpact.backtest.size import POWER, size_of
from abimpact.backtest.why_page import cheapest_section, why_sections
from abimpact.render import numbers, phrases
from abimpact.render.document import Document, Section, Table
from abimpact.render.numbers import NONE
from abimpact.spec.backtest import CELLS

# Thresholds that a table shows around the best ones.
SHOWN = 9


def page(report: BacktestReport) -> Document:
    """Everything that is printed; formats lay it out."""
    sections = [
        _differences(report),
        *_test(report),
        _decisions(report),
        *_limits(report),
        *(_thresholds(report, curve) for curve in report.curves),
        *why_sections(report),
        *cheapest_section(report),
        *detail_page.for_whom(report),
        *detail_page.wrong_labels(report),
        detail_page.checks(report),
        *detail_page.details(report),
    ]
    return Document(
        kind="Backtest",
        word=words.WORD[report.choice.code],
        tone=words.TONE[report.choice.code],
        headline=words.headline(report),
        summary=words.summary(report),
        sections=tuple(sections),
        footer=_footer(report),
    )


def _footer(report: BacktestReport) -> str:
    about = f"{numbers.count(report.evaluated)} of {numbers.count(report.rows)} rows"
    if report.evaluated == report.rows:
        about = f"{numbers.count(report.rows)} rows"
    told = ", ".join(filter(None, [about, numbers.period(report.start, report.end)]))
    owner = report.presentation.owner
    return " · ".join([told, *([f"owner: {owner}"] if owner else []), "details: -v, -o backtest.md"])


def _differences(report: BacktestReport) -> Section:
    """What each proposed variant would have earned more than the rules."""
    rows = []
    for outcome in report.proposed:
        total, each = words.total_of(report, outcome), outcome.chosen.interval
        agreeing = NONE if outcome.agreeing is None else words.share(outcome.agreeing / outcome.rows)
        acts = NONE if not outcome.confusion.cells else numbers.count(round(outcome.confusion.acts))
        rows.append(
            (
                phrases.name(outcome.name),
                acts,
                agreeing,
                words.signed(report, each),
                words.signed(report, total),
                words.extent(report, total),
                numbers.pvalue(outcome.chosen.pvalue),
            )
        )
    headers = (
        "instead of " + phrases.name(report.asked.name),
        "acts",
        "agree",
        "a row",
        "total",
        words.level(report),
        "p",
    )
    sentences = []
    if len(report.proposed) > 1:
        sentences = [
            f"{phrases.name(p.proposed)} less {phrases.name(p.other)}: "
            f"{words.signed(report, p.difference.interval)} a row ({words.extent(report, p.difference.interval)})."
            for p in report.pairs
        ]
    return Section(
        title="What it would have earned",
        sentences=tuple(sentences),
        tables=(Table(headers=headers, alignment="lrrrrrr", rows=tuple(rows)), *_money(report)),
    )


def _test(report: BacktestReport) -> list[Section]:
    """What an A/B test of the effect takes, where one is recommended."""
    size = size_of(report)
    if report.choice.code != "test" or size is None or size.units_per_arm is None or size.effect.estimate is None:
        return []
    told = (
        f"To show an effect of {words.amount(report, size.effect.estimate)} with {numbers.plain(POWER * 100)} % "
        f"probability, a test needs {numbers.count(size.units_per_arm)} {words.units_name(report)} an arm"
    )
    if size.units_per_arm_at_low is not None and size.effect.low is not None:
        told += (
            f"; {numbers.count(size.units_per_arm_at_low)} if it is {words.amount(report, size.effect.low)}, the low "
            "end of its interval"
        )
    return [Section(title="What a test takes", sentences=(f"{told}.",))]


def _money(report: BacktestReport) -> list[Table]:
    """A year's value after costs, where these are given."""
    rows = [
        (
            phrases.name(o.name),
            words.amount(report, o.value.annual.estimate or 0.0),
            words.amount(report, o.value.annual_net.estimate or 0.0),
            words.extent(report, o.value.annual_net),
            words.amount(report, o.value.npv.estimate or 0.0),
            words.share(o.value.probability_pays),
        )
        for o in report.proposed
        if o.value is not None
    ]
    headers = ("in a year", "earned", "net", words.level(report), "over the horizon", "pays")
    return [Table(headers=headers, alignment="lrrrrr", rows=tuple(rows), caption="After costs")] if rows else []


def _decisions(report: BacktestReport) -> Section:
    """Confusion tables in money."""
    named: list[tuple[str, Confusion]] = [(report.asked.name, report.incumbent)]
    named += [(o.name, o.confusion) for o in report.proposed]
    named = [(name, c) for name, c in named if c.cells]
    counts = tuple(
        (phrases.name(name), *(numbers.count(round(c.cells[k].units)) for k in CELLS), words.amount(report, c.mean))
        for name, c in named
    )
    money = tuple(
        (
            phrases.name(name),
            *(words.amount(report, c.cells[k].value) for k in CELLS),
            words.amount(report, math.fsum(cell.value for cell in c.cells.values())),
        )
        for name, c in named
    )
    heads = ("right acts", "wrong acts", "missed", "rightly left")
    tables = (
        Table(headers=("rows", *heads, "earn a row"), alignment="lrrrrr", rows=counts),
        Table(headers=("earn together", *heads, "all"), alignment="lrrrrr", rows=money),
    )
    return Section(title="Decisions in money", tables=tables if named else ())


def _limits(report: BacktestReport) -> list[Section]:
    """What the variants' acts need of each limit, and what the best thresholds would be without limits."""
    if not report.asked.limits:
        return []
    rows = [
        (
            phrases.name(name),
            phrases.name(load.limit.name),
            words.quantity(load.average),
            f"{words.quantity(load.peak)} ({numbers.day(load.peak_day)})",
            words.quantity(load.limit.at_most),
            f"{numbers.count(load.periods_over)} of {numbers.count(load.periods)}",
        )
        for name, loads in (
            (report.asked.name, report.incumbent_loads),
            *((o.name, o.loads) for o in report.proposed),
        )
        for load in loads
    ]
    headers = ("", "limit", "needed on average", "busiest", "there are", "over")
    sentences = ["Acts beyond a limit are left undone, whichever come first; so they earn what not acting earns."]
    for curve in report.curves:
        free, held = curve.points[curve.best_unlimited], curve.points[curve.best]
        if free.threshold != held.threshold:
            sentences.append(
                f"{phrases.name(curve.score)}: the best threshold without limits ({words.at_threshold(free)}) would "
                f"need {' and '.join(words.quantity(x) for x in free.needed)}; held to the limits it earns "
                f"{words.signed(report, free.per_unit)} a row, the best one within them ({words.at_threshold(held)}) "
                f"{words.signed(report, held.per_unit)}."
            )
    return [
        Section(
            title="Limits",
            sentences=tuple(sentences),
            tables=(Table(headers=headers, alignment="llrrrr", rows=tuple(rows)),),
        )
    ]


def _thresholds(report: BacktestReport, curve: Curve) -> Section:
    """The value by threshold."""
    headers = ["threshold", "acts", "share", "a row", words.level(report)]
    has_found, has_limits = any(p.found is not None for p in curve.points), bool(report.asked.limits)
    headers += ["where found"] * has_found + ["needs"] * has_limits
    rows = []
    for k in shown_points(curve):
        point = curve.points[k]
        mark = " (best)" if k == curve.best and has_found else ""
        row = [
            words.at_threshold(point) + mark,
            numbers.count(point.acts),
            words.share(point.share),
            words.signed(report, point.per_unit),
            words.extent(report, point.per_unit),
        ]
        row += [words.amount(report, point.found or 0.0)] * has_found
        row += [" and ".join(words.quantity(x) for x in point.needed)] * has_limits
        rows.append(tuple(row))
    table = Table(headers=tuple(headers), alignment="l" + "r" * (len(headers) - 1), rows=tuple(rows))
    sentences = [] if report.split == "" else [
        f"Thresholds were found on one half of the rows ({report.split}) and are paid here on the other, so the best "
        "is not flattered by having been picked."
    ]  # fmt: skip
    return Section(
        title=f"Value by threshold of {phrases.name(curve.score)}",
        sentences=tuple(sentences),
        tables=(table,),
        charts=tuple(filter(None, [threshold_chart(report, curve)])),
        is_detail=True,
    )


def shown_points(curve: Curve, most: int = SHOWN) -> list[int]:
    """Places of the best points and of some others, evenly spread over the shares of rows acted on."""
    wanted = {curve.best, curve.best_unlimited, len(curve.points) - 1}
    ranks = [len(curve.points) * i // most for i in range(most)]
    return sorted(wanted | set(ranks))
