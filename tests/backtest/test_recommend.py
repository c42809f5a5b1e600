"""The recommendation: what each interval, contrast and cost leads to."""

import pytest

from abimpact.backtest.recommend import recommend
from abimpact.backtest.result import Confusion, Outcome, Pair
from abimpact.estimate.estimate import Interval
from abimpact.estimate.paired import Paired
from abimpact.findings import Finding, Severity


def paired(estimate: float, half: float) -> Paired:
    interval = Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95)
    return Paired(method="paired", interval=interval, se=half / 1.96, pvalue=None)


def outcome(name: str, estimate: float, half: float) -> Outcome:
    return Outcome(
        name=name,
        threshold=None,
        is_searched=False,
        rows=100,
        agreeing=90,
        chosen=paired(estimate, half),
        estimates=(),
        confusion=Confusion(cells={}, acts=0, mean=0.0, variance=None),
        overlap=None,
        wrong_labels=None,
        loads=(),
        value=None,
    )


@pytest.mark.parametrize(
    ("variants", "gap", "expected"),
    [
        ({"ml": (1.0, 0.5)}, 0.1, "test/better about ml"),
        ({"ml": (1.0, 1.5)}, 0.1, "keep/not_shown about ml"),
        ({"ml": (-1.0, 0.5)}, 0.1, "keep/worse about ml"),
        ({"logistic": (1.0, 0.5), "trees": (1.3, 0.5)}, 0.5, "test/better about logistic before trees"),
        ({"logistic": (1.0, 0.5), "trees": (1.3, 0.5)}, 0.1, "test/better about trees"),
        # What is simpler but itself not shown better than the rules is not preferred to what is.
        ({"logistic": (0.4, 0.5), "trees": (0.9, 0.5)}, 0.9, "test/better about trees"),
        ({"ml": (1.0, 0.5), "tree": (0.9, 0.5)}, 0.5, "keep/simpler about tree before ml"),
        ({"ml": (1.0, 0.5), "tree": (0.6, 0.5)}, 0.1, "test/better about ml"),
        ({"ml": (1.0, 0.5), "tree": (1.2, 0.5)}, 0.1, "keep/simpler about tree before ml"),
    ],
)
def test_it_is_the_simplest_that_is_not_shown_worse(
    variants: dict[str, tuple[float, float]], gap: float, expected: str
) -> None:
    outcomes = [outcome(name, *numbers) for name, numbers in variants.items()]
    names = list(variants)
    pairs = [
        Pair(proposed=b, other=a, difference=paired(variants[b][0] - variants[a][0], gap))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    found = recommend(outcomes, pairs, [], [n for n in names if n != "tree"], None)
    before = f" before {found.rival}" if found.rival else ""
    assert f"{found.code}/{found.reason} about {found.proposed}{before}" == expected


def test_what_blocks_comes_first() -> None:
    block = Finding(code="overlap", severity=Severity.BLOCK, message="")
    found = recommend([outcome("ml", 1.0, 0.1)], [], [block], ["ml"], None)
    assert (found.code, found.reason) == ("invalid", "overlap")
