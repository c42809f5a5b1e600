"""A portfolio in words, tables and a picture."""

import math
from collections import Counter
from collections.abc import Sequence

from abimpact.decide.decision import Verdict
from abimpact.estimate.estimate import Interval
from abimpact.findings import Severity
from abimpact.portfolio.chart import before_and_after
from abimpact.portfolio.portfolio import Curse, Entry, Portfolio, Total
from abimpact.portfolio.priors import Prior
from abimpact.render import numbers, phrases
from abimpact.render.document import Document, Section, Table
from abimpact.render.view import check_of, tally_of
from abimpact.render.words import VERDICT

MOST = 12  # tests listed on the first page
OTHERS = "all other KPIs"
_ORDER = list(Verdict)


def headline(found: Portfolio) -> str:
    """What all tests earned together, in one sentence."""
    n, shipped = found.experiments, len({e.test.experiment for e in found.shipped})
    start = f"Of {n} experiment{'' if n == 1 else 's'} {numbers.count(shipped) if shipped else 'none'} shipped"
    if found.totals:
        told = phrases.joined([_earned(t) for t in found.totals])
        return f"{start}; together they earn {told}."
    main = next((c for c in found.curses), None)
    if main is None:
        return f"{start}."
    return (
        f"{start}; what looked better on {_kpi(main.prior)} averages {_percent(main.measured)}, and "
        f"{_percent(main.shrunken)} once luck is allowed for."
    )


def _earned(total: Total) -> str:
    measured = f"; as measured {_amount(total.measured_net, total.currency)}"
    told = _money(total.annual_net, total.currency)
    return f"{told} a year net{measured if total.measured_net != total.annual_net else ''}"


def document(found: Portfolio) -> Document:
    """What is printed."""
    entries = sorted(found.entries, key=lambda e: (_ORDER.index(Verdict(e.test.code)), -_size(e)))
    first, chart = entries[:MOST], before_and_after(found)
    sections = [
        Section(title="Money", tables=tuple(_totals(found)), sentences=_paid(found)),
        Section(
            title="Tests",
            tables=(_tests(first),),
            sentences=(f"{MOST} of {len(entries)} tests are listed here.",) if len(entries) > MOST else (),
            charts=(chart,) if chart else (),
        ),
        Section(title="Winner’s curse", tables=tuple(_curses(found.curses)), sentences=_lessons(found)),
        Section(title="Peeking", sentences=_peeking(found)),
        Section(
            title="Checks",
            facts=tuple(
                (f"{c.mark} {c.code}", c.text)
                for severity in (Severity.BLOCK, Severity.WARN, Severity.INFO)
                for f in found.findings
                if f.severity is severity
                for c in [check_of(f)]
            ),
        ),
        Section(
            title="All tests",
            tables=(_tests(entries),) if len(entries) > MOST else (),
            is_detail=True,
        ),
        Section(title="Method", sentences=METHOD, facts=tuple(map(_prior, found.priors)), is_detail=True),
    ]
    return Document(
        kind="Portfolio of experiments",
        word=f"{found.experiments} EXPERIMENT{'' if found.experiments == 1 else 'S'}",
        tone="keep",
        headline=headline(found),
        summary=_summary(found),
        sections=tuple(s for s in sections if s.sentences or s.facts or s.tables or s.charts),
        footer=" · ".join(tally_of(found.findings)),
    )


METHOD = (
    "A test that is picked because it looks good looks better than it is. The spread of true lifts is estimated from "
    "all sound tests, shipped or not: τ² = max(0, mean(d² − se²)). Of a lift d the share τ² / (τ² + se²) is left; the "
    "interval allows for τ² being an estimate (Efron & Morris 1975; Morris 1983).",
    "Only lifts are taken together, as they have no unit. Money is drawn together as the lift of its KPI is, costs "
    "stay as they are, and amounts are added up within one currency.",
)


def _summary(found: Portfolio) -> str:
    codes = Counter(e.test.code for e in found.entries if e.test.is_chosen)
    told = [f"{codes[code]} {VERDICT[code]}" for code in _ORDER if codes[code]]
    parts = [f"Verdicts: {', '.join(told)}."]
    if found.broken:
        n = len(found.broken)
        parts.append(f"{n} had a broken split.")
    return " ".join(parts)


def _totals(found: Portfolio) -> list[Table]:
    """What the shipped tests earn together, a table for each currency."""
    tables = []
    for t in found.totals:
        is_drawn = t.annual_net != t.measured_net
        heads = ("shipped tests together", *(["luck allowed for"] if is_drawn else []), "as measured")
        rows = [
            (label, *([_money(left, t.currency)] if is_drawn else []), _money(measured, t.currency))
            for label, left, measured in (
                ("a year, net", t.annual_net, t.measured_net),
                ("over the horizon", t.npv, t.measured_npv),
            )
        ]
        caption = f"{t.currency}: {t.tests} test{'' if t.tests == 1 else 's'}"
        tables.append(Table(headers=heads, alignment="l" + "r" * (len(heads) - 1), rows=tuple(rows), caption=caption))
    return tables


def _paid(found: Portfolio) -> tuple[str, ...]:
    if not found.valued:
        return ()
    n, paid = len(found.valued), len(found.paid)
    expected = math.fsum(e.worth.probability_pays for e in found.valued if e.worth)
    return (
        f"{paid} of {n} shipped test{'' if n == 1 else 's'} with money pay{'s' if n == 1 else ''} for "
        f"{'itself' if n == 1 else 'themselves'} once luck is allowed for "
        f"(expected number: {numbers.plain(round(expected, 1))}).",
    )


def _tests(entries: Sequence[Entry]) -> Table:
    has_money = any(e.worth for e in entries)
    several = len({e.primary.effect.metric for e in entries if e.primary}) > 1
    headers = ["test", "verdict", *(["KPI"] if several else []), "lift", "luck allowed for", "interval"]
    rows = []
    for e in entries:
        row = e.primary
        lift, left = (_lift(row.effect.lift) if row else None), (_lift(row.shrunken) if row else None)
        cells = [_name(e), _verdict(e)]
        cells += [phrases.name(row.effect.metric) if row else numbers.NONE] if several else []
        cells += [lift.lift if lift else numbers.NONE]
        cells += [left.lift, left.interval] if left else [numbers.NONE, numbers.NONE]
        if has_money:
            cells.append(_amount(e.worth.annual_net, e.worth.currency) if e.worth else numbers.NONE)
        rows.append(tuple(cells))
    alignment = "ll" + "l" * several + "rrr" + "r" * has_money
    ranks = (0, 0, *([2] * several), 0, 0, 1, *([0] * has_money))
    return Table(headers=(*headers, *(["a year, net"] * has_money)), alignment=alignment, rows=tuple(rows), ranks=ranks)


def _verdict(entry: Entry) -> str:
    """A variant may be better than the incumbent and another one better still."""
    is_beaten = entry.test.code == "ship" and not entry.test.is_chosen
    return "not the best" if is_beaten else VERDICT[Verdict(entry.test.code)].lower()


def _name(entry: Entry) -> str:
    several = entry.test.proposed if not entry.test.is_chosen else ""
    return phrases.name(entry.test.name) + (f" ({phrases.name(several)})" if several else "")


def _curses(curses: Sequence[Curse]) -> list[Table]:
    rows = [
        (
            _kpi(c.prior),
            numbers.count(c.prior.effects) if c.prior.effects else numbers.NONE,
            _sd(c.prior),
            numbers.count(c.winners),
            _percent(c.measured),
            _percent(c.shrunken),
        )
        for c in curses
    ]
    headers = ("KPI", "lifts", "sd of true lifts", "winners", "as measured", "luck allowed for")
    return [Table(headers=headers, alignment="lrrrrr", rows=tuple(rows))] if rows else []


def _lessons(found: Portfolio) -> tuple[str, ...]:
    told = []
    if found.harmful is not None:
        n = len(found.shipped)
        few = "fewer than 0.1" if found.harmful < 0.05 else numbers.plain(round(found.harmful, 1))
        told.append(f"Of the {n} shipped, {few} are expected to be no improvement at all.")
    own = [p for p in found.priors if p.basis == "estimated"]
    if own:
        places = [f'"{_sd(p).replace(" ", "")}" for {_kpi(p)}' for p in own]
        told.append(f"The next test can start from this: prior_lift_sd = {phrases.joined(places)}, under [value].")
    return tuple(told)


def _peeking(found: Portfolio) -> tuple[str, ...]:
    seen = found.peeking
    if seen is None:
        return ()
    some, last = (numbers.count(x) for x in (seen.at_some_look, seen.at_last_look))
    n = numbers.count(seen.comparisons)
    return (
        f"Of {n} comparisons {some} were significant at some look, {last} at the last one: who stops at the first good "
        "look is misled by the others.",
    )


def _prior(prior: Prior) -> tuple[str, str]:
    sd = _sd(prior)
    told = {
        "estimated": f"true lifts have a standard deviation of {sd}, from {prior.effects} lifts",
        "given": f"true lifts have a standard deviation of {sd}, as given",
        "none": f"too few lifts ({prior.effects}) for a history",
    }[prior.basis]
    return _kpi(prior), told


def _sd(prior: Prior) -> str:
    """The standard deviation of true lifts."""
    return numbers.signed(math.sqrt(prior.past.tau2) if prior.past else 0.0, numbers.PERCENT).lstrip("+")


def _kpi(prior: Prior) -> str:
    if prior.metric:
        return phrases.name(prior.metric)
    return "all KPIs" if prior.basis == "given" else OTHERS


def _size(entry: Entry) -> float:
    row = entry.primary
    found = row and (row.shrunken or row.effect.lift)
    return (found.estimate or 0.0) * row.effect.sign if row and found else float("-inf")


def _lift(interval: Interval | None) -> numbers.Change | None:
    return numbers.change(interval, numbers.PERCENT) if interval else None


def _percent(x: float) -> str:
    return numbers.signed(x, numbers.PERCENT)


def _amount(interval: Interval, currency: str) -> str:
    return numbers.money(interval.estimate or 0.0, currency)


def _money(interval: Interval, currency: str) -> str:
    spread = numbers.money_range(interval.low or 0.0, interval.high or 0.0, currency)
    return f"{_amount(interval, currency)} ({spread})"
