"""Counts over repetitions: how often a method errs, and how often it is right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import bdtrc, betaincinv

from abimpact.estimate.estimate import Estimate, Interval, Kind
from abimpact.estimate.table import Comparison
from abimpact.simulate.values import PVALUE_BINS, NoEffect, WithEffect


def share(count: int, n: int, level: float) -> Interval:
    """A share with its exact interval (Clopper & Pearson 1934)."""
    if not n:
        return Interval(estimate=None, low=None, high=None, level=level, kind=Kind.UNDEFINED)
    tail = (1 - level) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return Interval(estimate=count / n, low=low, high=high, level=level)


def is_more_than(alpha: float, count: int, n: int, risk: float) -> bool:
    """Whether `count` of `n` show a rate above `alpha`, wrongly so in at most `risk` of cases (exact binomial)."""
    return count > 0 and float(bdtrc(count - 1, n, alpha)) < risk


@dataclass(slots=True)
class Tally:
    """P-values without an effect, and why there were none."""

    pvalues: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def no_effect(self, metric: str, method: str, level: float, *, chosen: Mapping[str, int] | None = None) -> NoEffect:
        """What it says of false positives; `chosen` counts the methods behind what was reported."""
        found = np.asarray(self.pvalues)
        counts, _ = np.histogram(found, bins=PVALUE_BINS, range=(0.0, 1.0))
        return NoEffect(
            metric=metric,
            method=method,
            is_chosen=chosen is not None,
            chosen_methods=dict(chosen or {}),
            false_positives=share(int((found < 1 - level).sum()), len(found), level),
            histogram=tuple(counts.tolist()),
            not_estimated=sum(self.reasons.values()),
            reason=self.reasons.most_common(1)[0][0] if self.reasons else None,
        )


@dataclass(slots=True)
class EffectTally:
    """The chosen method of one metric under a known lift."""

    lift: float
    repetitions: int = 0
    right: list[float] = field(default_factory=list)
    wrong: int = 0
    covered: int = 0
    estimated: int = 0

    def add(self, found: Comparison | None) -> None:
        """Take one repetition in; None where the lift is impossible."""
        self.repetitions += 1
        if found is None:
            return
        chosen = found.decisive
        if chosen is None or chosen.pvalue is None or chosen.relative.estimate is None:
            return
        self.estimated += 1
        self.covered += _holds(chosen, self.lift)
        if chosen.pvalue < 1 - chosen.absolute.level:
            if chosen.relative.estimate * self.lift > 0:
                self.right.append(chosen.relative.estimate)
            else:
                self.wrong += 1

    def found(self, metric: str, level: float) -> WithEffect:
        """What it says of power."""
        return WithEffect(
            metric=metric,
            lift=self.lift,
            power=share(len(self.right), self.estimated, level),
            coverage=share(self.covered, self.estimated, level),
            exaggeration=float(np.mean(self.right)) / self.lift if self.right else None,
            wrong_sign=self.wrong / self.estimated if self.estimated else 0.0,
            not_estimated=self.repetitions - self.estimated,
        )


def _holds(found: Estimate, lift: float) -> bool:
    """Whether the interval of the lift holds `lift`; an unbounded one holds all but the gap that it excludes."""
    low, high = found.relative.low, found.relative.high
    return (low is None or low <= lift) and (high is None or lift <= high)


def smallest_found(intervals: Sequence[Interval]) -> float | None:
    """The lift that is found in 80 % of tests with intervals of this width at 95 %; to two digits."""
    widths = [i.high - i.low for i in intervals if i.kind is Kind.BOUNDED and i.low is not None and i.high is not None]
    if len(widths) < len(intervals) / 2:
        return None
    half = float(np.median(widths)) / 2
    return float(f"{half / 1.959964 * (1.959964 + 0.841621):.2g}") or None
