"""Which columns are KPIs and of which kind, which were known before, and by which to break down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abimpact.spec import words
from abimpact.spec.facts import ColumnFacts, LogFacts

MOST_SEGMENTS, MOST_SEGMENT_VALUES, MOST_METRICS = 3, 20, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One proposed metric: keys of its `[[metric]]` table, and why."""

    keys: Mapping[str, object]
    why: str

    @property
    def name(self) -> str:
        """Its name in the report."""
        return str(self.keys["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis:
    """All proposed metrics, the primary first; segments; `left` names number columns that were not taken."""

    metrics: tuple[Kpi, ...]
    segments: tuple[str, ...]
    left: tuple[str, ...]


def propose_kpis(facts: LogFacts, taken: Sequence[str], following: Sequence[str]) -> Kpis:
    """Metrics and segments among the columns that have no other role (`taken`) and do not follow the variant."""
    free = [c for c in facts.columns.values() if c.name.strip() and c.name not in taken and c.filled and c.distinct > 1]
    before = {c.name for c in free if c.is_number and words.has(c.name, words.BEFORE)}
    numbers = [c for c in free if c.is_number and c.name not in before and not _is_other(c)]
    known = [c for c in numbers if _rank(c) < len(RANKS)]
    chosen = sorted(known or numbers, key=_rank)[:MOST_METRICS]
    metrics = [_kpi(c, before, is_first=place == 0) for place, c in enumerate(chosen)]
    metrics += _ratios(chosen)
    if metrics and all(m.keys.get("role") != "primary" for m in metrics):
        first = metrics[0]
        metrics[0] = Kpi(keys={**first.keys, "role": "primary"}, why=first.why)
    covariates = {c for m in metrics for c in m.keys.get("covariates", ())}  # type: ignore[attr-defined]
    segments = [
        c.name
        for c in free
        if c.family == "text" and 2 <= len(c.values) <= MOST_SEGMENT_VALUES and c.name not in following
    ][:MOST_SEGMENTS]
    left = [c.name for c in free if c.is_number and c not in chosen and c.name not in covariates]
    return Kpis(metrics=tuple(metrics), segments=tuple(segments), left=tuple(left))


# What decides first: money, then whether something happened, then how often; what is unknown comes last.
RANKS = (words.MONEY, words.YES_NO, words.COUNTS, words.LOWER, words.SLOWNESS)


def _rank(column: ColumnFacts) -> int:
    return next((place for place, of in enumerate(RANKS) if words.has(column.name, of)), len(RANKS))


def _is_other(column: ColumnFacts) -> bool:
    """Whether a number is a key, a date's part, an attribute or a model's input rather than an outcome."""
    is_key = words.has(column.name, words.ID) or column.name.casefold().endswith("id")
    is_known = _rank(column) < len(RANKS)
    return is_key or (not is_known and words.has(column.name, words.CALENDAR | words.NEVER | words.ATTRIBUTE))


def _kpi(column: ColumnFacts, before: set[str], *, is_first: bool) -> Kpi:
    rank = _rank(column)
    keys: dict[str, object] = {"name": column.name}
    if rank == 4:
        keys |= {"kind": "quantile", "value": column.name, "quantile": 0.9}
        why = "a duration: its slowest tenth is what people notice"
    elif column.is_binary:
        keys["kind"], why = "proportion", "0 or 1 for every row"
    else:
        keys["kind"] = "mean"
        why = "a count" if column.is_whole and rank else "an amount"
    if rank >= 3 and rank < len(RANKS):
        keys["better"] = "lower"
        why += "; less of it is better"
    elif is_first:
        keys["role"] = "primary"
    own = [b for b in before if keys["kind"] == "mean" and set(words.parts(column.name)) <= set(words.parts(b))]
    if own:
        keys["covariates"] = sorted(own)
        why += f"; {sorted(own)[0]!r} is known from before and makes it more precise"
    return Kpi(keys=keys, why=why)


def _ratios(columns: Sequence[ColumnFacts]) -> list[Kpi]:
    """What came of occasions, by occasion."""
    tops = [c.name for c in columns if words.has(c.name, words.DIVIDED) and not c.is_binary]
    bottoms = [c.name for c in columns if words.has(c.name, words.OCCASIONS) and not c.is_binary]
    return [
        Kpi(
            keys={
                "name": f"{top} per {bottom.removesuffix('s')}",
                "kind": "ratio",
                "numerator": top,
                "denominator": bottom,
            },
            why="what came of occasions, by occasion",
        )
        for top in tops
        for bottom in bottoms
        if top != bottom
    ][:2]
