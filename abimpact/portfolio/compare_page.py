"""A comparison of two runs in words and tables."""

from collections.abc import Mapping
from pathlib import PurePath

from abimpact.decide.decision import Verdict
from abimpact.estimate.estimate import Interval
from abimpact.portfolio.compare import Comparison, MetricChange, Status
from abimpact.portfolio.runs import SAID, KeyChange, Relation
from abimpact.portfolio.stored import Stored, StoredSource, StoredValue
from abimpact.render import numbers, phrases
from abimpact.render.document import Document, Section, Table
from abimpact.render.money import chance_of
from abimpact.render.words import VERDICT
from abimpact.spec.metric import MetricKind

STATUS: Mapping[Status, str] = {
    Status.UNCHANGED: "unchanged",
    Status.WITHIN_CHANCE: "explains it",
    Status.BEYOND_CHANCE: "does not",
    Status.UNCLEAR: "may or not",
    Status.RECOMPUTED: "has no part",
    Status.REDEFINED: "redefined",
    Status.ADDED: "new",
    Status.REMOVED: "gone",
    Status.NOT_ESTIMATED: "not estimated",
}


def document(found: Comparison) -> Document:
    """What is printed."""
    word = "CHANGED" if found.is_verdict_changed else "SAME VERDICT"
    sections = [
        Section(title="Numbers", tables=(_numbers(found),)),
        Section(title="Money", tables=tuple(filter(None, [_money(found)]))),
        Section(title="Data", sentences=(SAID[found.relation],), facts=_data(found)),
        Section(title="Config", facts=tuple(_said(c) for c in found.config)),
        Section(
            title="Checks that say something else",
            facts=tuple(
                (
                    c.code if c.metric is None else f"{c.code} ({phrases.name(c.metric)})",
                    f"{c.old.value if c.old else 'not there'} → {c.new.value if c.new else 'not there'}",
                )
                for c in found.checks
            ),
        ),
        Section(title="Software", facts=tuple(_said(c) for c in found.software)),
        Section(
            title="Runs",
            facts=tuple(
                (side, f"{run.path}, made {run.provenance.created} by abimpact {run.provenance.abimpact}")
                for side, run in (("old", found.old), ("new", found.new))
            ),
            is_detail=True,
        ),
        Section(
            title="How chance is judged",
            sentences=(
                f"A change is more than chance explains if it lies beyond the {numbers.plain(found.level * 100)} % "
                "that chance allows between two such runs: of separate data both errors count, of data that grew only "
                "what the new units add.",
            ),
            is_detail=True,
        ),
    ]
    return Document(
        kind="Comparison of two runs",
        word=word,
        tone=found.new.verdict.code,
        headline=headline(found),
        summary=_summary(found),
        sections=tuple(s for s in sections if s.sentences or s.facts or s.tables),
        footer=f"old: {found.old.path} · new: {found.new.path}",
    )


def headline(found: Comparison) -> str:
    """What changed, in one sentence."""
    old, new = found.old.verdict, found.new.verdict
    if found.is_unchanged:
        return f"Nothing changed: the same data, config, numbers and verdict ({_word(found.new)})."
    if not found.is_verdict_changed:
        start = f"The verdict stays {_word(found.new)} ({new.reason})"
    elif old.code != new.code:
        start = f"The verdict changed from {_word(found.old)} to {_word(found.new)}"
    elif old.proposed != new.proposed:
        start = f"The verdict stays {_word(found.new)}, now for {phrases.name(new.proposed)}"
    else:
        start = f"The verdict stays {_word(found.new)}, for another reason ({old.reason} before, {new.reason} now)"
    main = next((m for m in found.metrics if m.role == "primary" and m.proposed == new.proposed), None)
    return f"{start}; {_moved(main, found)}." if main else f"{start}."


def _moved(m: MetricChange, found: Comparison) -> str:
    name = phrases.name(m.name)
    if m.status is Status.UNCHANGED:
        return f"{name} is unchanged at {_printed(m, m.new).lift}"
    if m.change is None:
        which = {Status.ADDED: "new run alone", Status.REMOVED: "old run alone"}.get(m.status)
        return f"{name} is in the {which}" if which else f"{name} is not estimated in both runs"
    old, new = _printed(m, m.old), _printed(m, m.new)
    if not m.change:
        return f"{name} stays at {new.lift}, its interval went from {old.limits} to {new.limits}"
    told = {
        Status.RECOMPUTED: {
            Relation.SAME: "on the same data, so config or software made the difference",
            Relation.RESTATED: "with as many units as before, so the data were changed",
        }.get(found.relation, ""),
        Status.WITHIN_CHANCE: "which chance explains",
        Status.BEYOND_CHANCE: "more than chance explains",
        Status.UNCLEAR: "which may or may not be chance",
        Status.REDEFINED: "but it is defined in another way now",
    }[m.status]
    return f"{name} went from {old.lift} to {new.sentence}, {told}"


def _summary(found: Comparison) -> str:
    beyond = [phrases.name(m.name) for m in found.metrics if m.status is Status.BEYOND_CHANCE and m.role != "primary"]
    parts = [f"Also more than chance explains: {phrases.joined(beyond)}."] if beyond else []
    if found.config:
        n = len(found.config)
        parts.append(f"The config differs in {n} place{'' if n == 1 else 's'}.")
    return " ".join(parts)


def _word(run: Stored) -> str:
    return VERDICT[Verdict(run.verdict.code)]


def _printed(m: MetricChange, interval: Interval | None) -> numbers.Change:
    kind = MetricKind(m.kind) if m.kind else None
    unit = numbers.PERCENT if m.scale == "relative" else numbers.difference_unit(kind)
    missing = Interval(estimate=None, low=None, high=None, level=0.95)
    return numbers.change(interval or missing, unit)


def _numbers(found: Comparison) -> Table:
    cells = []
    several = len({m.proposed for m in found.metrics}) > 1
    for m in found.metrics:
        old, new = (_printed(m, side) if side else None for side in (m.old, m.new))
        printed = new or old
        points = numbers.POINTS if m.scale == "relative" or printed is None else printed.unit
        name = phrases.name(m.name) + (f" ({phrases.name(m.proposed)})" if several else "")
        cells.append(
            (
                name,
                old.lift if old else numbers.NONE,
                old.interval if old else "",
                new.lift if new else numbers.NONE,
                new.interval if new else "",
                numbers.NONE if m.change is None else numbers.signed(m.change, points) if m.change else "0",
                STATUS[m.status],
            )
        )
    headers = ("KPI", "old", "interval", "new", "interval", "change", "chance")
    return Table(headers=headers, alignment="lrrrrrl", rows=tuple(cells), ranks=(0, 0, 2, 0, 1, 0, 0))


def _money(found: Comparison) -> Table | None:
    rows = []
    for old, new in found.values:
        known = new or old
        assert known is not None
        for label, key in (("a year, net", "annual_net"), ("over the horizon", "npv")):
            rows.append((f"{phrases.name(known.proposed)}, {label}", _amount(old, key), _amount(new, key)))
        one, other = (numbers.NONE if v is None else chance_of(v.probability_pays) for v in (old, new))
        rows.append((f"{phrases.name(known.proposed)}, pays with", one, other))
    return Table(headers=("", "old", "new"), alignment="lrr", rows=tuple(rows)) if rows else None


def _amount(value: StoredValue | None, key: str) -> str:
    if value is None:
        return numbers.NONE
    found: Interval = getattr(value, key)
    if found.estimate is None or found.low is None or found.high is None:
        return numbers.NONE
    spread = numbers.money_range(found.low, found.high, value.currency)
    return f"{numbers.money(found.estimate, value.currency)} ({spread})"


def _data(found: Comparison) -> tuple[tuple[str, str], ...]:
    facts = []
    for s in found.sources:
        name = PurePath(s.path).name
        if s.old and s.new and s.change == "changed":
            facts.append((name, f"changed: {_rows(s.old)} → {_rows(s.new)}"))
        elif s.change != "same":
            seen = s.new or s.old
            assert seen is not None
            facts.append((name, f"{s.change}: {_rows(seen)}"))
    for variant in variants(found):
        before, after = (run.experiment.units.get(variant) for run in (found.old, found.new))
        if before != after:
            told = (numbers.NONE if n is None else numbers.count(n) for n in (before, after))
            facts.append((f"units of {phrases.name(variant)}", " → ".join(told)))
    days = [numbers.period(run.experiment.start, run.experiment.end) for run in (found.old, found.new)]
    if days[0] != days[1]:
        facts.append(("days", " → ".join(d or numbers.NONE for d in days)))
    return tuple(facts)


def _rows(source: StoredSource) -> str:
    """A file that only fills in columns has no rows of the log."""
    return "fills in columns" if source.rows is None else f"{numbers.count(source.rows)} rows"


def variants(found: Comparison) -> dict[str, None]:
    """All variants of either run, in their order."""
    return dict.fromkeys((*found.new.experiment.units, *found.old.experiment.units))


def _said(change: KeyChange) -> tuple[str, str]:
    def text(x: object) -> str:
        return "not set" if x is None or x == [] else str(x)

    return change.key, f"{text(change.old)} → {text(change.new)}"
