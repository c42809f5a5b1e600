#!/usr/bin/env python3
"""Does a backtest's interval hold the truth? 500 fresh histories of the sample's generator, each run through the tool.

For a fixed threshold, for one that is found on the first half of the days, and for a released sample of outcomes,
it prints the share of intervals that hold what the decision really earns (known from ten
million other payments), by method. Run: python validation/backtest_coverage.py [DRAWS] [FIRST] (some 25 minutes for 500
on two cores).
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "sample_data"))
import make_backtest as sample

from abimpact import backtest

THRESHOLD = 0.055617
PAYOFF = {"true_positive": 0, "false_positive": -5, "false_negative": "-amount", "true_negative": "0.03 * amount"}
TRUTH_ROWS = 10_000_000


class Truth:
    """What declining from any threshold of `trees` on earns a payment, from many payments."""

    def __init__(self) -> None:
        rng = np.random.default_rng([sample.SEED, 1])
        scores, gains, fixed = [], [], 0.0
        for _ in range(TRUTH_ROWS // 500_000):
            table = sample.payments(rng, 500_000)
            always, never = (sample.differences(table, "trees", t) for t in (-1.0, 2.0))
            scores.append(table["trees"].to_numpy())
            gains.append(always - never)
            fixed += never.sum()
        score = np.concatenate(scores)
        order = np.argsort(-score)
        self.score, self.total = -score[order], np.concatenate([[0.0], np.cumsum(np.concatenate(gains)[order])])
        self.fixed, self.rows = fixed, len(score)

    def at(self, threshold: float) -> float:
        """What a payment earns more with this threshold."""
        return float((self.fixed + self.total[np.searchsorted(self.score, -threshold, side="right")]) / self.rows)


def cases(truth: Truth, draw: int) -> Iterator[tuple[str, float, list[tuple[str, float, float]]]]:
    """Every case of one history: its name, the truth, and each method's limits."""
    table = sample.payments(np.random.default_rng([sample.SEED, 2, draw]))
    asked = {"incumbent": "rules_decision", "payoff": PAYOFF, "time": "date", "resamples": 1999, "config": "/dev/null"}
    released = {"release_probability": "release_probability"}
    for name, more in (
        ("fixed threshold", {"scores": {"trees": "trees"}, "threshold": THRESHOLD, "outcome": "fraud"}),
        ("threshold found on the first half", {"scores": {"trees": "trees"}, "outcome": "fraud"}),
        (
            "outcomes released at random",
            {"scores": {"trees": "trees"}, "threshold": THRESHOLD, "outcome": "fraud_released", "decisions": released},
        ),
    ):
        found = backtest(table, **asked, **more).values.proposed[0]
        limits = [(e.method, e.interval.low or 0.0, e.interval.high or 0.0) for e in found.estimates]
        yield name, truth.at(found.threshold if found.threshold is not None else 2.0), limits


def main(draws: int = 500, first: int = 0) -> None:
    """Print the share of intervals that hold the truth."""
    truth = Truth()
    held: dict[tuple[str, str], list[bool]] = {}
    for draw in range(first, first + draws):
        for name, value, limits in cases(truth, draw):
            for method, low, high in limits:
                held.setdefault((name, method), []).append(low <= value <= high)
    print(f"truth at {THRESHOLD}: {truth.at(THRESHOLD):.4f} a payment")
    for (name, method), hits in held.items():
        print(f"{np.mean(hits):7.1%} of {len(hits)}  {name}, {method}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
