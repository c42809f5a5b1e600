"""Which column is the variant, the unit and the time, and which variant the incumbent: proposals with their reasons."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abimpact.spec import words
from abimpact.spec.facts import ColumnFacts, GroupFacts, LogFacts
from abimpact.spec.resolve import UNIT_NAMES, VARIANT_NAMES
from abimpact.spec.variants import INCUMBENT_WORDS

MOST_VARIANTS, FEWEST_UNITS = 12, 20
# What a column has to score to be taken for the variant.
ENOUGH = 3
# Share of a unit's values that may be met in several variants by accident.
MOST_IN_BOTH = 0.2
# Shares count as even unless chance makes them so uneven less often than this (the log may have lost units).
UNEVEN_BELOW = 1e-4
TIME_NAMES = ("exposure_time", "assigned_at", "event_time", "timestamp", "date", "time", "day", "created_at", "ts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is proposed for a role, and why; `is_sure` is false where a person has to look."""

    name: str
    why: str
    is_sure: bool = True


def choose_variant(facts: LogFacts) -> Choice | None:
    """The column whose name, values and shares are most like those of variants."""
    scored = {c.name: _variant_score(c) for c in facts.columns.values()}
    best = max(scored, key=lambda name: scored[name][0], default="")
    if not best or scored[best][0] < ENOUGH:
        return None
    points, why = scored[best]
    others = [name for name, (score, _) in scored.items() if score >= points - 1 and name != best]
    return Choice(name=best, why="; ".join(why), is_sure=not others)


def _variant_score(column: ColumnFacts) -> tuple[float, list[str]]:
    """Points for what a variant's column is like, and what gave them."""
    score, why = 0.0, list[str]()
    if not 2 <= len(column.values) <= MOST_VARIANTS or not column.name.strip():
        return score, why
    counts = list(column.values.values())
    if column.name.casefold() in VARIANT_NAMES or words.has(column.name, words.VARIANT):
        score += 4 if column.name.casefold() in VARIANT_NAMES else 2
        why.append("by its name")
    known = [v for v in column.values if words.has(v, words.INCUMBENT)]
    if known:
        score += 3
        why.append(f"{known[0]!r} is a word for the incumbent")
    score += 2 if any(words.has(v, words.PROPOSED) for v in column.values if v not in known) else 0
    if _are_even(counts):
        score += 2
        why.append("equal shares")
    if words.has(column.name, words.CALENDAR | words.NEVER | words.MONEY | words.YES_NO | words.COUNTS | words.LOWER):
        score -= 4
    is_named_only = not known and not _are_even(counts)
    if words.has(column.name, words.ATTRIBUTE - words.VARIANT) or (
        is_named_only and words.has(column.name, words.BEFORE)
    ):
        score -= 3
    return score, why


def _are_even(counts: Sequence[int]) -> bool:
    """Whether counts are as equal as chance makes equal shares (chi-square, by its normal approximation)."""
    expected = sum(counts) / len(counts)
    statistic = math.fsum((n - expected) ** 2 for n in counts) / expected
    df = len(counts) - 1
    # Wilson & Hilferty 1931.
    z = ((statistic / df) ** (1 / 3) - (1 - 2 / (9 * df))) / math.sqrt(2 / (9 * df))
    return math.erfc(z / math.sqrt(2)) / 2 > UNEVEN_BELOW


def choose_incumbent(values: Mapping[str, int]) -> Choice:
    """The variant with a word for it; else the lowest number or the most frequent, which a person has to look at."""
    known = [v for v in values if words.has(v, words.INCUMBENT) or v.strip().casefold() in INCUMBENT_WORDS]
    if len(known) == 1:
        return Choice(name=known[0], why="it has a word for what runs today")
    numbers = {v: [float(n) for n in re.findall(r"\d+(?:\.\d+)?", v)] for v in values}
    if all(numbers.values()) and len({re.sub(r"\d+(?:\.\d+)?", "", v) for v in values}) == 1:
        lowest = min(values, key=lambda v: numbers[v])
        return Choice(name=lowest, why="the lowest number; nothing in the log says what runs today", is_sure=False)
    most = max(values, key=lambda v: values[v])
    return Choice(name=most, why="it has most rows; nothing in the log says what runs today", is_sure=False)


def unit_candidates(facts: LogFacts, variant: str) -> list[str]:
    """Columns that may name what was randomised: whole numbers or texts, called like an id, with many values."""
    return [
        c.name
        for c in facts.columns.values()
        if c.name != variant
        and _unit_score(c.name) > 0
        and (c.family in ("integer", "text", "number") or (c.family == "float" and c.is_whole))
        and c.distinct >= FEWEST_UNITS
    ]


def _unit_score(name: str) -> int:
    if name.casefold() in UNIT_NAMES:
        return 5
    is_id = words.has(name, words.ID) or name.casefold().endswith("id")
    return 4 if is_id and words.has(name, words.UNIT) else 2 if is_id else 0


def choose_unit(facts: LogFacts, groups: Mapping[str, GroupFacts]) -> Choice | None:
    """The candidate that is called most like a unit and keeps its variant; None: each row is a unit."""
    fit = {n: g for n, g in groups.items() if g.values and g.in_both <= MOST_IN_BOTH * g.values}
    if not fit:
        return None
    scores = {name: _unit_score(name) + (1 if g.several else 0) for name, g in fit.items()}
    best = max(scores, key=lambda name: scores[name])
    group = fit[best]
    rows = f"{group.values:,} values in {facts.columns[best].filled:,} rows"
    kept = f"{group.in_both:,} met several variants" if group.in_both else "each keeps its variant"
    tied = [name for name, score in scores.items() if score == scores[best] and name != best]
    return Choice(name=best, why=f"by its name; {rows}; {kept}", is_sure=not tied)


def choose_time(facts: LogFacts) -> Choice | None:
    """The column of dates or times, by name where there are several."""
    dates = [c.name for c in facts.columns.values() if c.family in ("date", "timestamp") and c.filled]
    if not dates:
        return None
    named = [d for name in TIME_NAMES for d in dates if d.casefold() == name]
    best = (named or dates)[0]
    why = "the only column of dates or times" if len(dates) == 1 else f"of {', '.join(map(repr, dates))}, by its name"
    return Choice(name=best, why=why, is_sure=len(dates) == 1 or bool(named))
