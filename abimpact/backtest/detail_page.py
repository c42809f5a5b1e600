"""The parts of the page below its answer: for whom, if outcomes are wrong, checks, every estimate, provenance."""

from abimpact.backtest import words
from abimpact.backtest.result import BacktestReport
from abimpact.findings import Severity
from abimpact.render import numbers, phrases
from abimpact.render.document import Section, Table
from abimpact.render.numbers import NONE
from abimpact.render.view import MARKS, check_of, provenance_facts, tally_of


def for_whom(report: BacktestReport) -> list[Section]:
    """The difference by segment and month, of the variant that decides."""
    by: dict[str, list[tuple[str, ...]]] = {}
    for part in report.deciding.parts:
        value = "(none)" if part.value is None else phrases.name(part.value)
        agree = words.share(part.agreeing / part.rows) if part.rows else NONE
        by.setdefault(part.by, []).append(
            (
                value,
                numbers.count(part.rows),
                agree,
                words.signed(report, part.per_unit),
                words.signed(report, part.total),
                words.extent(report, part.total),
            )
        )
    tables = [
        Table(
            headers=(phrases.name(name), "rows", "agree", "a row", "total", words.level(report)),
            alignment="lrrrrr",
            rows=tuple(rows),
        )
        for name, rows in by.items()
    ]
    named = phrases.name(report.deciding.name)
    return [Section(title=f"For whom, with {named}", tables=tuple(tables), is_detail=True)] if tables else []


def wrong_labels(report: BacktestReport) -> list[Section]:
    """What is left if outcomes are wrong."""
    outcome = report.deciding
    if (wrong := outcome.wrong_labels) is None:
        return []
    named = {"both": "any of them", "ones": "only 1 that are 0", "zeros": "only 0 that are 1"}
    rows = tuple(
        (
            f"{words.share(share)} wrong",
            words.signed(report, wrong.totals["both"][i]),
            words.extent(report, wrong.totals["both"][i]),
            words.signed(report, wrong.totals["ones"][i]),
            words.signed(report, wrong.totals["zeros"][i]),
        )
        for i, share in enumerate(wrong.shares)
    )
    told = tuple(
        f"With {words.share(x)} wrong ({named[name]}) nothing would be left."
        for name, x in wrong.break_even.items()
        if x is not None
    )
    headers = ("outcomes", named["both"], words.level(report), named["ones"], named["zeros"])
    return [
        Section(
            title=f"If outcomes are wrong, the total of {phrases.name(outcome.name)}",
            sentences=told or ("No share of wrong outcomes up to a half would use the difference up.",),
            tables=(Table(headers=headers, alignment="lrrrr", rows=rows),),
            is_detail=True,
        )
    ]


def checks(report: BacktestReport) -> Section:
    """Findings that are not fine, and how many there are."""
    found = [check_of(f) for severity in MARKS for f in report.findings if f.severity is severity]
    facts = tuple((f"{c.mark} {c.code}", c.text) for c in found if c.mark != "✓")
    return Section(title="Checks", sentences=(" · ".join(tally_of(report.findings)),), facts=facts)


def details(report: BacktestReport) -> list[Section]:
    """Every estimate, checks that are fine, how it was done, where it comes from."""
    rows = [
        (
            phrases.name(o.name),
            e.method,
            words.signed(report, e.interval),
            words.extent(report, e.interval),
            numbers.pvalue(e.pvalue),
            " · ".join(map(numbers.prose, e.notes)),
        )
        for o in report.proposed
        for e in o.estimates
    ]
    headers = ("variant", "method", "a row", words.level(report), "p", "notes")
    fine = [check_of(f) for f in report.findings if f.severity is Severity.PASS]
    how = [words.mode_sentence(report)]
    return [
        Section(
            title="All estimates",
            tables=(Table(headers=headers, alignment="llrrrl", rows=tuple(rows)),),
            is_detail=True,
        ),
        Section(title="Checks that are fine", facts=tuple((c.code, c.text) for c in fine), is_detail=True),
        Section(title="How", sentences=(*how, *words.because(report)), is_detail=True),
        Section(title="Provenance", facts=provenance_facts(report.provenance), is_detail=True),
    ]
