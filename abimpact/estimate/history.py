"""What many tests say of each other: how far true effects lie apart, and what luck made of each (methods.md m).

The measured effect of a test that was selected for being large is too large (the winner's curse). With tests enough,
the spread of true effects can be estimated from all of them, and every effect drawn towards none by its share of luck.
Sources: Efron & Morris 1975; Morris 1983 (the price for not knowing the spread).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri

from abimpact.estimate.estimate import Interval

# Fewer tests say too little of how far effects lie apart.
LEAST_TESTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """True effects of tests of one kind: normal around none with variance `tau2`.

    `spread` is the standard error of `tau2`, 0 where it was given and not estimated.
    """

    tau2: float
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrinkage:
    """What is left of a measured effect: `weight` of it, give or take `unsure` (for not knowing `tau2`)."""

    weight: float
    unsure: float


NONE = Shrinkage(weight=1.0, unsure=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measured effect, in any unit, with its standard error and what is left of it; `family` names its history."""

    estimate: float
    sd: float
    shrinkage: Shrinkage = NONE
    family: str = ""

    def shrunken(self, level: float) -> Interval:
        """The effect with luck allowed for: W d, with variance W se^2 + sd(W)^2 d^2."""
        return total([self], level)

    @property
    def shrunken_sd(self) -> float:
        """The standard deviation of the effect with luck allowed for."""
        return math.hypot(math.sqrt(self.shrinkage.weight) * self.sd, self.shrinkage.unsure * self.estimate)


def total(effects: Sequence[Measured], level: float) -> Interval:
    """The sum of effects with luck allowed for.

    The tests' own errors are independent. What is not known of a family's variance moves all its weights the same way:
    those parts are added before they are squared.
    """
    own = math.fsum(e.shrinkage.weight * e.sd**2 for e in effects)
    common: dict[str, float] = {}
    for e in effects:
        common[e.family] = common.get(e.family, 0.0) + e.shrinkage.unsure * e.estimate
    mean = math.fsum(e.shrinkage.weight * e.estimate for e in effects)
    sd = math.sqrt(own + math.fsum(part**2 for part in common.values()))
    half = float(ndtri(0.5 + level / 2)) * sd
    return Interval(estimate=mean, low=mean - half, high=mean + half, level=level)


def history(effects: Sequence[float], standard_errors: Sequence[float]) -> History:
    """The variance of true effects by the method of moments: tau^2 = max(0, mean(d^2 - se^2)).

    Its standard error is that of the mean of K squares of normal variables with variances tau^2 + se^2, with K - 2 for
    K (Morris 1983).
    """
    d, se = np.asarray(effects, dtype=float), np.asarray(standard_errors, dtype=float)
    tau2 = max(0.0, float(np.mean(d**2 - se**2)))
    spread = math.sqrt(2 * float(np.mean((tau2 + se**2) ** 2)) / max(len(d) - 2, 1))
    return History(tau2=tau2, spread=spread)


def shrinkage(standard_error: float, past: History) -> Shrinkage:
    """W = tau^2 / (tau^2 + se^2), and sd(W) = (1 - W) sd(tau^2) / (tau^2 + se^2).

    A weight cannot be farther off than it is from 0 or 1. With equal standard errors sd(W) is Morris's
    (1 - W) sqrt(2 / (K - 2)).
    """
    whole = past.tau2 + standard_error**2
    weight = past.tau2 / whole
    unsure = min((1 - weight) * past.spread / whole, max(weight, 1 - weight)) if past.spread else 0.0
    return Shrinkage(weight=weight, unsure=unsure)


def exaggeration(effect: float, standard_error: float, threshold: float) -> float:
    """What a test shows on average if only results beyond `threshold` standard errors are looked at.

    E[d | d > c se] = effect + se phi(a) / Phi(-a) with a = c - effect / se.
    """
    a = threshold - effect / standard_error
    hazard = math.exp(-a * a / 2 - 0.5 * math.log(2 * math.pi) - float(log_ndtr(-a)))
    return effect + standard_error * hazard


def lift_error(se: float, units: tuple[int, int], values: tuple[float, float]) -> float | None:
    """The standard error of a lift by the delta method, from that of the difference.

    `units` and `values` are those of incumbent and proposed; their units are taken to vary alike. None where the
    incumbent's value is 0.
    """
    (n_c, n_t), (m_c, m_t) = units, values
    if not m_c or not n_c + n_t:
        return None
    share = n_t / (n_c + n_t)  # of the variance that is the incumbent's
    return se / abs(m_c) * math.sqrt((1 - share) + share * (m_t / m_c) ** 2)
