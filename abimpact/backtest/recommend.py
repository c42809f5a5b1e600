"""Is it worth an A/B test? A backtest never says ship: nobody has lived with the proposed variant's decisions yet."""

from collections.abc import Mapping, Sequence

from abimpact.backtest.result import Choice, Outcome, Pair
from abimpact.estimate.estimate import Interval
from abimpact.findings import Finding, Severity
from abimpact.spec.backtest import TREE
from abimpact.spec.value import ValueTerms


def recommend(
    outcomes: Sequence[Outcome],
    pairs: Sequence[Pair],
    findings: Sequence[Finding],
    simplest_first: Sequence[str],
    terms: ValueTerms | None,
) -> Choice:
    """The recommendation about the simplest variant that is not shown worse than the best one, costs counted.

    Costs are taken as the effect per unit that pays for them (the break-even of `[value]`).
    """
    by_name = {o.name: o for o in outcomes}
    order = [n for n in (TREE, *simplest_first, *by_name) if n in by_name]
    names = list(dict.fromkeys(order))
    cost = {n: (o.value.break_even_absolute if o.value else 0.0) for n, o in by_name.items()}
    best = max(names, key=lambda n: (_mean(by_name[n]) - cost[n], -names.index(n)))
    chosen = next(n for n in names if n == best or _is_as_good(by_name, pairs, cost, n, best))
    blocking = [f.code for f in findings if f.severity is Severity.BLOCK]
    if blocking:
        return Choice(code="invalid", reason=blocking[0], proposed=chosen)
    code, reason = _about(by_name[chosen], terms)
    if chosen == TREE and code == "test":
        rivals = [n for n in names if n != TREE]
        return Choice(code="keep", reason="simpler", proposed=TREE, rival=max(rivals, key=lambda n: _mean(by_name[n])))
    return Choice(code=code, reason=reason, proposed=chosen, rival=best if best != chosen else "")


def _about(outcome: Outcome, terms: ValueTerms | None) -> tuple[str, str]:
    """What one variant's interval, and its costs, say."""
    interval = outcome.chosen.interval
    if interval.high is not None and interval.high < 0:
        return "keep", "worse"
    if outcome.value and terms:
        if outcome.value.probability_pays <= terms.keep_probability:
            return "keep", "does_not_pay"
        if outcome.value.probability_pays < 0.5:
            return "keep", "not_shown"
    return ("test", "better") if _is_better(interval) else ("keep", "not_shown")


def _is_as_good(
    by_name: Mapping[str, Outcome], pairs: Sequence[Pair], cost: Mapping[str, float], simpler: str, best: str
) -> bool:
    """Whether a simpler variant is not shown worse than the best, and is shown better than the rules if that one is."""
    if _is_better(by_name[best].chosen.interval) and not _is_better(by_name[simpler].chosen.interval):
        return False
    pair = difference(pairs, best, simpler)
    dearer = cost[best] - cost[simpler]
    return pair is None or pair.low is None or pair.low - dearer <= 0


def difference(pairs: Sequence[Pair], one: str, other: str) -> Interval | None:
    """The difference of two variants, `one` less `other`."""
    for pair in pairs:
        i = pair.difference.interval
        if (pair.proposed, pair.other) == (one, other):
            return i
        if (pair.proposed, pair.other) == (other, one):
            low, high = (None if x is None else -x for x in (i.high, i.low))
            return Interval(estimate=-(i.estimate or 0.0), low=low, high=high, level=i.level)
    return None


def _is_better(interval: Interval) -> bool:
    return interval.low is not None and interval.low > 0


def _mean(outcome: Outcome) -> float:
    return outcome.chosen.interval.estimate or 0.0
