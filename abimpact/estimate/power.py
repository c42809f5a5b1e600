"""How many units show an effect, and which effect some units show (methods.md l).

A claim is planned by the distance of its truth from what is to be ruled out, and by two deviations per unit of the
incumbent: `null`, which scales the critical value, and `alternative`, which scales the chance. With n units of the
incumbent the test's z has the mean

    drift(n) = (distance sqrt(n) - z (null - alternative)) / alternative,

z being the critical value of a single look, so that the power of one look is Phi(drift - z). The two deviations differ
for proportions only. How a test is looked at changes the critical value, not the drift.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from scipy.special import ndtr, ndtri

from abimpact.estimate.monitor import AlwaysValid
from abimpact.estimate.sequential import Boundaries, Spending, boundaries, crossings

# Units of the incumbent between which a number is searched; more exist nowhere.
FEWEST, MOST = 2.0, 1e13
# A drift beyond this has a power of 1 to a computer.
LARGEST_DRIFT = 60.0


class Looking(Protocol):
    """How a test is looked at."""

    def power(self, drift: float, alpha: float, units: float, *, is_two_sided: bool) -> float:
        """The chance that z, of mean `drift` with all `units` in, is beyond its bound; both sides count if two-sided.

        `alpha` is the two-sided error rate; a one-sided claim at level a has the bound of 2 a.
        """

    def drift(self, power: float, alpha: float) -> float | None:
        """The drift that has this power on the side of the effect; None where it depends on the units."""


@dataclass(frozen=True, slots=True)
class Once:
    """A single look at the end."""

    def power(self, drift: float, alpha: float, _units: float, *, is_two_sided: bool) -> float:
        """The power of a z-test."""
        z = critical(alpha)
        return float(ndtr(drift - z) + (ndtr(-drift - z) if is_two_sided else 0.0))

    def drift(self, power: float, alpha: float) -> float | None:
        """The z of the level plus that of the power; that the wrong side may be shown is left out (below 1e-4 of n)."""
        return critical(alpha) + float(ndtri(power))


@dataclass(frozen=True, slots=True)
class Planned:
    """Looks at shares of the plan, with boundaries by alpha spending; the last share is 1."""

    fractions: tuple[float, ...]
    spending: Spending = Spending.OBRIEN_FLEMING

    def power(self, drift: float, alpha: float, _units: float, *, is_two_sided: bool) -> float:
        """The chance to cross at any look."""
        stops = crossings(_bounds(self, alpha), drift)
        return math.fsum(above + (below if is_two_sided else 0.0) for above, below in stops)

    def drift(self, power: float, alpha: float) -> float | None:
        """Found by search."""
        from scipy.optimize import brentq

        def gap(drift: float) -> float:
            return self.power(drift, alpha, 0.0, is_two_sided=False) - power

        return float(brentq(gap, 0.0, LARGEST_DRIFT, xtol=1e-10))

    def mean_share(self, drift: float, alpha: float) -> float:
        """The share of the plan's units at which the test ends on average."""
        stops = [above + below for above, below in crossings(_bounds(self, alpha), drift)]
        rest = 1 - math.fsum(stops[:-1])
        return math.fsum(t * p for t, p in zip(self.fractions[:-1], stops[:-1], strict=True)) + rest


@dataclass(frozen=True, slots=True)
class Anytime:
    """A confidence sequence, planned by its last look; `tuning` None is the planned number of units itself."""

    tuning: float | None = None

    def power(self, drift: float, alpha: float, units: float, *, is_two_sided: bool) -> float:
        """The power at the last look: looking before adds a little to it."""
        found = AlwaysValid(self.tuning or units)
        n = round(units)
        if not is_two_sided:
            return float(ndtr(drift - found.one_sided_critical(n, alpha / 2)))
        z = found.critical(n, alpha)
        return float(ndtr(drift - z) + ndtr(-drift - z))

    def drift(self, _power: float, _alpha: float) -> float | None:
        """It depends on the units."""
        return None


@cache
def _bounds(looks: Planned, alpha: float) -> Boundaries:
    return boundaries(looks.fractions, alpha, looks.spending, is_final=True)


def critical(alpha: float) -> float:
    """The critical |z| of a single two-sided look."""
    return -float(ndtri(alpha / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is to be shown: that the truth, `distance` away from what is to be ruled out, is not that.

    `null` and `alternative` are deviations per unit of the incumbent (methods.md l), `ratio` the units of the proposed
    variant for each of those. `alpha` is two-sided, that of a one-sided claim twice its level. An equivalence has a
    distance on either side, `other` being the second one with its deviation.
    """

    distance: float
    null: float
    alternative: float
    ratio: float
    alpha: float
    looking: Looking
    is_two_sided: bool = True
    other: tuple[float, float] | None = None

    def drift(self, n: float) -> float:
        """The mean of z with `n` units of the incumbent."""
        z = critical(self.alpha)
        return (self.distance * math.sqrt(n) - z * (self.null - self.alternative)) / self.alternative

    def power(self, n: float) -> float:
        """The chance to show it with `n` units of the incumbent (and `ratio` n of the proposed variant)."""
        total = n * (1 + self.ratio)
        found = self.looking.power(self.drift(n), self.alpha, total, is_two_sided=self.is_two_sided)
        if self.other is None:
            return found
        distance, deviation = self.other
        drift = distance * math.sqrt(n) / deviation
        both = found + self.looking.power(drift, self.alpha, total, is_two_sided=False) - 1
        return max(both, 0.0)

    def units(self, power: float) -> float | None:
        """The incumbent's units for this power, not rounded; None where no number will do."""
        if self.distance <= 0:
            return None
        wanted = None if self.other else self.looking.drift(power, self.alpha)
        if wanted is not None:
            z = critical(self.alpha)
            return ((z * self.null + (wanted - z) * self.alternative) / self.distance) ** 2
        return solved(self.power, power)


def solved(power: Callable[[float], float], wanted: float) -> float | None:
    """The number of units at which a rising `power` reaches what is wanted; None beyond `MOST`."""
    from scipy.optimize import brentq

    if power(MOST) < wanted:
        return None
    if power(FEWEST) >= wanted:
        return FEWEST
    return math.exp(
        brentq(lambda log: power(math.exp(log)) - wanted, math.log(FEWEST), math.log(MOST), xtol=1e-12, rtol=1e-14)
    )


def smallest(claim: Callable[[float], Claim], n: float, power: float, least: float, most: float) -> float | None:
    """The smallest effect, from `least` on, that `n` units of the incumbent show; None if not even `most` is.

    It is the effect for which `Claim.units` is n.
    """
    from scipy.optimize import brentq

    def gap(effect: float) -> float:
        found = claim(effect)
        wanted = found.looking.drift(power, found.alpha)
        return found.power(n) - power if wanted is None else found.drift(n) - wanted

    if gap(most) < 0:
        return None
    return float(brentq(gap, least, most, xtol=abs(most - least) * 1e-14, rtol=1e-13))
