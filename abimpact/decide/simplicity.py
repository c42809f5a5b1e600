"""Among variants that may all ship, a simpler one stays unless a dearer one is shown to be worth its extra cost."""

from collections.abc import Sequence
from dataclasses import replace

from abimpact.decide.decision import Because, Decision, Verdict
from abimpact.decide.value import Contrast
from abimpact.spec.value import ValueTerms


def keep_simpler(
    decisions: Sequence[Decision], contrasts: Sequence[Contrast], terms: ValueTerms | None
) -> tuple[Decision, ...]:
    """`decisions`, of which a dearer variant is kept out unless it is worth more than every simpler one that ships.

    From the simplest on (`simplest_first`), a variant stands if it is worth more than the last one that stood with the
    probability from which one ships.
    """
    shipping = [d for d in decisions if d.code is Verdict.SHIP]
    if not terms or not terms.simplest_first or len(shipping) < 2:
        return tuple(decisions)
    order = {name: i for i, name in enumerate(terms.simplest_first)}
    stands, *dearer = sorted(shipping, key=lambda d: order.get(d.proposed, len(order)))
    kept: dict[str, Decision] = {}
    for decision in dearer:
        probability = _probability(contrasts, decision.proposed, stands.proposed)
        if probability >= terms.ship_probability:
            stands = decision
        else:
            kept[decision.proposed] = _kept(decision, stands.proposed, probability, terms.ship_probability)
    return tuple(kept.get(d.proposed, d) for d in decisions)


def _kept(decision: Decision, simpler: str, probability: float, wanted: float) -> Decision:
    data = {"simpler": simpler, "probability_better": probability, "ship_probability": wanted}
    code, reason = Verdict.KEEP, "simpler"
    because = (
        *(replace(b, binds=False) for b in decision.because),
        Because(rule="simplicity", binds=True, data=data),
    )
    return replace(decision, code=code, reason=reason, because=because)


def _probability(contrasts: Sequence[Contrast], proposed: str, other: str) -> float:
    """The chance that `proposed` is worth more than `other`."""
    for contrast in contrasts:
        if (contrast.proposed, contrast.other) == (proposed, other):
            return contrast.probability_better
        if (contrast.other, contrast.proposed) == (proposed, other):
            return 1 - contrast.probability_better
    return 0.0
