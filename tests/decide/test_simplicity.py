"""A simpler variant stays unless a dearer one is shown to be worth more."""

from dataclasses import replace
from typing import Any

import pytest

from abimpact.decide.decision import Because, Decision, Verdict
from abimpact.decide.simplicity import keep_simpler
from abimpact.decide.value import Contrast
from abimpact.estimate.estimate import Interval
from tests.decide.test_money import TERMS

ORDER = replace(TERMS, simplest_first=("rules", "a", "b", "c"), ship_probability=0.9)


def ships(name: str, code: Verdict = Verdict.SHIP) -> Decision:
    return Decision(
        code=code, reason="pays", proposed=name, because=(Because(rule="value", binds=True, data={"npv": 1.0}),)
    )


def contrast(proposed: str, other: str, probability: float) -> Contrast:
    npv = Interval(estimate=1.0, low=0.0, high=2.0, level=0.95)
    return Contrast(proposed=proposed, other=other, npv=npv, probability_better=probability)


def codes(*decisions: Decision, contrasts: Any, terms: Any = ORDER) -> str:
    found = keep_simpler(decisions, contrasts, terms)
    assert [d.proposed for d in found] == [d.proposed for d in decisions]
    return " ".join(f"{d.code}/{d.reason}" for d in found)


@pytest.mark.parametrize(
    ("pair", "probability", "verdict"),
    [
        (("b", "a"), 0.9, "ship/pays"),
        (("b", "a"), 0.89, "keep/simpler"),
        (("a", "b"), 0.1, "ship/pays"),
        (("a", "b"), 0.11, "keep/simpler"),
        (("a", "c"), 0.0, "keep/simpler"),  # nothing is known of the two
    ],
)
def test_the_dearer_one_ships_from_the_probability_on(pair: tuple[str, str], probability: float, verdict: str) -> None:
    found = codes(ships("b"), ships("a"), contrasts=[contrast(*pair, probability)])
    assert found == f"{verdict} ship/pays"


def test_what_is_kept_says_for_which_and_how_sure() -> None:
    _, kept = keep_simpler([ships("a"), ships("b")], [contrast("a", "b", 0.3)], ORDER)
    assert [(b.rule, b.binds) for b in kept.because] == [("value", False), ("simplicity", True)]
    assert kept.because[0].data == {"npv": 1.0}
    assert kept.because[1].data == {"simpler": "a", "probability_better": pytest.approx(0.7), "ship_probability": 0.9}


def test_each_is_held_against_the_last_one_that_stood() -> None:
    contrasts = [contrast("b", "a", 0.95), contrast("c", "a", 0.99), contrast("c", "b", 0.5)]
    assert codes(ships("a"), ships("b"), ships("c"), contrasts=contrasts) == "ship/pays ship/pays keep/simpler"
    contrasts = [contrast("b", "a", 0.5), contrast("c", "a", 0.99), contrast("c", "b", 0.5)]
    assert codes(ships("a"), ships("b"), ships("c"), contrasts=contrasts) == "ship/pays keep/simpler ship/pays"


def test_only_variants_that_may_ship_count_and_unlisted_ones_are_the_dearest() -> None:
    contrasts = [contrast("b", "a", 0.5), contrast("z", "a", 0.5), contrast("z", "b", 0.5)]
    assert codes(ships("a", Verdict.KEEP), ships("b"), contrasts=contrasts) == "keep/pays ship/pays"
    assert codes(ships("z"), ships("a"), contrasts=contrasts) == "keep/simpler ship/pays"
    for terms in (None, replace(ORDER, simplest_first=())):
        assert codes(ships("a"), ships("b"), contrasts=contrasts, terms=terms) == "ship/pays ship/pays"
