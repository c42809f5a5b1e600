"""Why variants differ, and the cheapest thing that would do, as parts of the page."""

from abimpact.backtest import words
from abimpact.backtest.result import BacktestReport, Culprit
from abimpact.backtest.tree import ACT, DONT
from abimpact.render import numbers, phrases
from abimpact.render.document import Section, Table

# Sentences about single rules; the table has them all.
TOLD = 3


def why_sections(report: BacktestReport) -> list[Section]:
    """Rules and reasons on the rows where the rules and the proposed variant disagree."""
    found = []
    blamed = phrases.name(report.choice.blamed)
    for title, culprits in (("rule", report.rules), ("reason", report.reasons)):
        if culprits:
            found.append(
                Section(
                    title=f"Why: where {blamed} disagrees, by {title}",
                    sentences=_sentences(report, culprits),
                    tables=(_table(report, title, culprits),),
                )
            )
    return found


def _sentences(report: BacktestReport, culprits: tuple[Culprit, ...]) -> tuple[str, ...]:
    """The rules that are shown to cost, dearest first."""
    alpha = 1 - report.asked.level
    shown = [c for c in culprits if c.pvalue_adjusted is not None and c.pvalue_adjusted < alpha]
    costly = [c for c in shown if (c.total.estimate or 0.0) > 0 and c.stopped_wrong][:TOLD]
    told = [words.culprit_sentence(report, c) for c in costly]
    if not told:
        told = ["None of them is shown to cost more than it saves."]
    return (*told, "A row with several of them counts for each, so they do not add up; p is adjusted for their number.")


def _table(report: BacktestReport, title: str, culprits: tuple[Culprit, ...]) -> Table:
    headers = (title, "disagree", "good", "bad", "total", "interval", "p")
    rows = tuple(
        (
            phrases.name(c.name),
            numbers.count(c.disagreeing),
            numbers.count(c.stopped_wrong),
            numbers.count(c.stopped_right),
            words.amount(report, c.total.estimate or 0.0),
            words.extent(report, c.total),
            numbers.pvalue(c.pvalue_adjusted),
        )
        for c in culprits
    )
    return Table(headers=headers, alignment="lrrrrrr", rows=rows)


def cheapest_section(report: BacktestReport) -> list[Section]:
    """The small tree as IFs and as SQL, and what share of the gain it earns."""
    if report.tree is None:
        return []
    tree, rules = report.tree.tree, phrases.name(report.asked.name)
    sentences = []
    if report.tree.share is not None:
        n = len(tree.ifs)
        sentences.append(
            f"{n} more IF{'' if n == 1 else 's'} would have earned {words.shared(report.tree.share)} of what "
            f"{phrases.name(report.tree.of)} would. Grown on one half of the rows, paid on the other."
        )
    said = {ACT: "act", DONT: "don't act"}
    facts = tuple(
        (f"IF {i}", f"{' AND '.join(leaf.conditions) or 'always'} THEN {said[leaf.action]}")
        for i, leaf in enumerate((x for x in tree.leaves if x.action in said), 1)
    )
    return [
        Section(
            title="The cheapest thing that would do",
            sentences=tuple(sentences),
            facts=(*facts, *([("else", f"as {rules}")] if any(x.action not in said for x in tree.leaves) else [])),
        ),
        Section(title="The small tree as SQL", sentences=(tree.log_sql,), is_detail=True),
    ]
