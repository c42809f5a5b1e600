"""Holds the log against someone else's totals: where do they part, and what would explain it?"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

from abimpact.check.listing import more
from abimpact.check.window import window_of
from abimpact.errors import DataError, nearest
from abimpact.findings import Finding, Severity
from abimpact.read.log import Log
from abimpact.read.reconciling import Cell, Ledger, Rule, open_ledger, summable
from abimpact.read.their_totals import TheirTotals

ROWS = frozenset("rows row records lines events".split())
UNITS = frozenset("units unit users user customers customer visitors n count".split())
MEANS = frozenset("mean avg average per".split())
FILLERS = frozenset("sum total of the number no in eur usd gbp chf".split())
MOST_SHOWN, MOST_KEPT = 3, 1_000
FLOATING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One total in both, and how far apart they may be (`slack`) for the places that theirs is written to."""

    period: date | None
    variant: str | None
    column: str
    theirs: float
    ours: float
    slack: float

    @property
    def is_same(self) -> bool:
        """Whether the two agree."""
        return abs(self.theirs - self.ours) <= self.slack + FLOATING * abs(self.ours)

    @property
    def gap(self) -> float:
        """How far apart they are, relative to the larger."""
        return 0.0 if self.is_same else abs(self.theirs - self.ours) / max(abs(self.theirs), abs(self.ours))


def reconcile(log: Log, theirs: TheirTotals) -> Finding:
    """Compare every total that both have; where they part, try other ways to count."""
    if log.experiment.aggregates:
        raise DataError(
            "A table of aggregates has no rows to add up.", "Hold the log that it was made from against it."
        )
    if theirs.length and not log.experiment.time:
        raise DataError(
            f"{theirs.path} has totals by {theirs.length}, and the log has no time.", "Name its column with --time."
        )
    sums = summable(log)
    matched = _matched(log, theirs, sums)
    used = {name: sums[name] for _, name in matched.values() if name in sums}
    places = {name: f"m{i}" for i, name in enumerate(used)} | {"rows": "rows", "units": "units"}
    measures = {column: (kind, places[name]) for column, (kind, name) in matched.items()}
    ledger = open_ledger(log, theirs.length, used)
    ours = ledger.totals(ledger.base)
    found = compare(theirs, measures, ours)
    left = [c for c in next(iter([r.numbers for r in theirs.rows]), {}) if c not in matched]
    only_here = sorted({p for p, _ in ours if p} - {r.period for r in theirs.rows}) if theirs.length else []
    apart = [c for c in found if not c.is_same]
    why = explain(ledger, theirs, measures, found) if apart else None
    return _finding(theirs, found, why, left, only_here)


def _matched(log: Log, theirs: TheirTotals, sums: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What each of their columns is about: a total or a mean, of rows, units, a metric or a column of the log."""
    names = {column for row in theirs.rows for column in row.numbers}
    known = {_words(name): name for name in reversed(list(sums))}
    unit = _words((log.experiment.unit or "").removesuffix("_id"))
    found = {}
    for column in theirs.decimals:
        words = _words(column)
        kind = "mean" if set(words) & MEANS and words not in known else "total"
        bare = tuple(w for w in words if w not in MEANS) if kind == "mean" else words
        if bare in known:
            found[column] = (kind, known[bare])
        elif kind == "total" and bare and set(bare) <= ROWS:
            found[column] = (kind, "rows")
        elif kind == "total" and bare and (set(bare) <= UNITS or tuple(w.removesuffix("s") for w in bare) == unit):
            found[column] = (kind, "units")
    if not found:
        one = sorted(names)[0]
        raise DataError(
            f"{theirs.path}: none of its columns ({', '.join(map(repr, sorted(names)))}) is a total of this log.",
            f"Call them rows, units, or as a metric or column is called. {nearest(one, sums)}",
        )
    return found


def _words(name: str) -> tuple[str, ...]:
    return tuple(w for w in re.findall(r"[^\W_]+", name.casefold()) if w not in FILLERS)


def compare(
    theirs: TheirTotals, measures: Mapping[str, tuple[str, str]], ours: Mapping[Cell, Mapping[str, float]]
) -> list[Compared]:
    """Their totals beside ours; a period or variant that the log does not have is 0 there."""
    found = []
    for row in theirs.rows:
        cell = ours.get((row.period, row.variant), {})
        for column, (kind, place) in measures.items():
            if column not in row.numbers:
                continue
            value = cell.get(place, 0.0)
            if kind == "mean":
                value = value / cell["units"] if cell.get("units") else 0.0
            found.append(
                Compared(
                    period=row.period,
                    variant=row.variant,
                    column=column,
                    theirs=row.numbers[column],
                    ours=value,
                    slack=0.0
                    if place in ("rows", "units") and kind == "total"
                    else 0.5 * 10.0 ** -theirs.decimals[column],
                )
            )
    return found


def explain(
    ledger: Ledger, theirs: TheirTotals, measures: Mapping[str, tuple[str, str]], found: Sequence[Compared]
) -> tuple[Rule, bool] | None:
    """The first rule under which all totals agree (True), else the one that leaves less than half of the gap."""
    gap = math.fsum(c.gap for c in found)
    best: tuple[Rule, float] | None = None
    window = window_of(ledger, theirs, measures)
    for rule in (*([window] if window else []), *ledger.rules()):
        tried = compare(theirs, measures, ledger.totals(rule))
        left = math.fsum(c.gap for c in tried)
        if all(c.is_same for c in tried):
            return rule, True
        if left < (best[1] if best else gap / 2):
            best = rule, left
    return (best[0], False) if best else None


def _finding(
    theirs: TheirTotals,
    found: Sequence[Compared],
    why: tuple[Rule, bool] | None,
    left: Sequence[str],
    only_here: Sequence[date],
) -> Finding:
    apart = sorted((c for c in found if not c.is_same), key=lambda c: -c.gap)
    name = PurePath(theirs.path).name
    by = " and ".join(filter(None, [theirs.length or "", "variant" if any(r.variant for r in theirs.rows) else ""]))
    said = f"{len(found):,} totals in {name}" + (f", by {by}," if by else "")
    notes = f" Columns not compared: {', '.join(map(repr, left))}." if left else ""
    if only_here:
        notes += f" The log also has {_label(only_here[0], theirs.length)}{more(len(only_here))}, which {name} lacks."
    data = {
        "file": theirs.path,
        "period": theirs.length,
        "compared": len(found),
        "differing": len(apart),
        "explained_by": list(why[0].changes) if why else None,
        "explanation": why[0].text if why else None,
        "explains_all": bool(why and why[1]),
        "not_compared": list(left),
        "periods_only_in_log": [d.isoformat() for d in only_here],
        "totals": [
            {
                "period": _label(c.period, theirs.length),
                "variant": c.variant,
                "column": c.column,
                "theirs": c.theirs,
                "ours": c.ours,
                "differs": not c.is_same,
            }
            for c in found[:MOST_KEPT]
        ],
    }
    if not apart:
        return Finding(
            code="reconcile", severity=Severity.PASS, message=f"All {said} agree with the log.{notes}", data=data
        )
    listed = "; ".join(_told(c, theirs.length) for c in apart[:MOST_SHOWN])
    rest = f" and {len(apart) - MOST_SHOWN} more" if len(apart) > MOST_SHOWN else ""
    return Finding(
        code="reconcile",
        severity=Severity.WARN,
        message=f"{len(apart):,} of {said} part from the log: {listed}{rest}.{notes}",
        why=_because(why),
        do="Agree on what counts before the numbers are read side by side."
        if why
        else "Ask how they were counted: which file, which days, which users.",
        data=data,
    )


def _because(why: tuple[Rule, bool] | None) -> str:
    if why is None:
        return "No filter, window, time zone or rule for several rows that was tried explains it."
    rule, explains_all = why
    return f"{'They agree' if explains_all else 'Most of the gap closes, not all,'} if {rule.text}."


def _told(c: Compared, length: str | None) -> str:
    where = " ".join(filter(None, [_label(c.period, length), c.variant, c.column]))
    share = f" ({(c.theirs / c.ours - 1) * 100:+,.1f} %)".replace("-", "−") if c.ours else ""
    return f"{where} {c.theirs:,.10g} there, {c.ours:,.10g} here{share}"


def _label(period: date | None, length: str | None) -> str | None:
    """A period as people write it."""
    if period is None:
        return None
    written = {
        "year": f"{period:%Y}",
        "quarter": f"{period:%Y}-Q{(period.month + 2) // 3}",
        "month": f"{period:%Y-%m}",
        "week": f"{period:%G-W%V}",
    }
    return written.get(length or "", period.isoformat())
