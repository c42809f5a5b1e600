"""What replaces normal quantiles and p-values when a test is looked at more than once (methods.md h)."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from abimpact.estimate.sequential import TUNING, Spending, boundaries, confidence_sequence_z, mixture_spread
from abimpact.spec.experiment import Experiment

# How closely a repeated p is searched, as steps of halving on a logarithmic scale from SMALLEST_PVALUE.
STEPS, SMALLEST_PVALUE = 24, 1e-12
# A look this close to a planned one is that one.
SAME_LOOK = 0.02


class Monitor(Protocol):
    """Critical values and p-values, at `n` units in all, that hold over all looks; `alpha` is an error rate."""

    @property
    def is_gated(self) -> bool:
        """Whether it needs enough units and a steady shape before it may claim anything."""

    def critical(self, n: int, alpha: float) -> float:
        """The critical |z| of a two-sided interval."""

    def one_sided_critical(self, n: int, alpha: float) -> float:
        """The critical z of a one-sided bound."""

    def pvalue(self, z: float, n: int, alpha: float) -> float:
        """The two-sided p of `z`, dual to `critical` at `alpha`."""

    def one_sided_pvalue(self, z: float, n: int, alpha: float) -> float:
        """The one-sided p in favour of a positive effect, at least one half where `z` is not positive."""


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """A confidence sequence, narrowest when about `tuning` units are in (Waudby-Smith et al. 2021, eq. 9, 134)."""

    tuning: float

    @property
    def is_gated(self) -> bool:
        """It is asymptotic from the first look on, so the first looks must be large enough."""
        return True

    def critical(self, n: int, alpha: float) -> float:
        """The critical |z| of a two-sided interval."""
        return confidence_sequence_z(n, alpha, self.tuning)

    def one_sided_critical(self, n: int, alpha: float) -> float:
        """The critical z of a one-sided bound."""
        spread = mixture_spread(n, 2 * alpha, self.tuning)
        return math.sqrt(2 * (spread + 1) / spread * math.log1p(math.sqrt(spread + 1) / (2 * alpha)))

    def pvalue(self, z: float, n: int, alpha: float) -> float:
        """The two-sided p of `z`."""
        spread = mixture_spread(n, alpha, self.tuning)
        return min(1.0, math.sqrt(spread + 1) * math.exp(-z * z * spread / (2 * (spread + 1))))

    def one_sided_pvalue(self, z: float, n: int, alpha: float) -> float:
        """The one-sided p in favour of a positive effect."""
        if z <= 0:
            return 0.5
        spread = mixture_spread(n, 2 * alpha, self.tuning)
        exponent = min(z * z * spread / (2 * (spread + 1)), 700.0)
        return min(0.5, math.sqrt(spread + 1) / (2 * math.expm1(exponent)))


@dataclass(frozen=True, slots=True)
class GroupSequential:
    """The look at the last of `fractions` of the planned information, after looks at the others."""

    fractions: tuple[float, ...]
    spending: Spending

    @property
    def is_gated(self) -> bool:
        """Planned looks are as large as a test of that size is."""
        return False

    def critical(self, _: int, alpha: float) -> float:
        """The critical |z| of a repeated confidence interval."""
        return _boundary(self.fractions, alpha, self.spending)

    def one_sided_critical(self, n: int, alpha: float) -> float:
        """The critical z of a one-sided bound."""
        return self.critical(n, 2 * alpha)

    def pvalue(self, z: float, n: int, _: float) -> float:
        """The smallest error rate at which this look would have ended the test."""
        low, high = SMALLEST_PVALUE, 1.0
        for _step in range(STEPS):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if abs(z) >= self.critical(n, middle) else (middle, high)
        return high

    def one_sided_pvalue(self, z: float, n: int, alpha: float) -> float:
        """The one-sided p in favour of a positive effect."""
        return self.pvalue(z, n, alpha) / 2 if z > 0 else 0.5


def monitor_of(experiment: Experiment, units: int, share_of_days: float | None) -> Monitor | None:
    """How this look is analysed: None for a test with one look.

    `units` are those in so far, `share_of_days` the part of the planned days that has passed, if an end is planned.
    """
    if experiment.sequential == "always-valid":
        return AlwaysValid(float(experiment.planned_units or TUNING))
    if experiment.sequential != "group":
        return None
    now = units / experiment.planned_units if experiment.planned_units else share_of_days
    assert now is not None
    before = [look for look in experiment.looks if look < now - SAME_LOOK]
    return GroupSequential((*before, now), Spending(experiment.spending))


@cache
def _boundary(fractions: tuple[float, ...], alpha: float, spending: Spending) -> float:
    return boundaries(fractions, alpha, spending, is_final=fractions[-1] >= 1).z[-1]
