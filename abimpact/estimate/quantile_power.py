"""The power of comparing two quantiles, by simulation from the values that were seen (methods.md f, l).

Only three order statistics of an arm are needed, and those of n units are drawn jointly from gamma spacings, so a
simulated test costs the same whatever n is. The proposed variant's values are the incumbent's times 1 + lift.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from abimpact.estimate.power import LARGEST_DRIFT, Looking, critical
from abimpact.estimate.quantile import ranks_wanted
from abimpact.summarise.summary import Floats

# Simulated tests: a power of 0.8 errs by 0.004, which is 1 % of the units.
TESTS, SEED = 10_000, 0
# The search for a number of units ends when it moves by less than this.
CLOSE, STEPS, MOST = 0.002, 60, 1e9
# Ranks that show a log's distribution, evenly and near the quantile.
EVEN, NEAR, NEAR_WIDTH = 200, 400, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A quantile function: rising `probabilities` and the `values` there, linear between them."""

    probabilities: Floats
    values: Floats

    def __call__(self, p: Floats) -> Floats:
        """The values at probabilities."""
        return np.interp(p, self.probabilities, self.values)


def ranks_of_curve(n: int, quantile: float) -> list[int]:
    """The 1-based ranks of a log of `n` units by which its distribution is drawn."""
    if n < 2:
        return []
    even = np.linspace(0, 1, EVEN)
    near = np.clip(quantile + np.linspace(-NEAR_WIDTH, NEAR_WIDTH, NEAR), 0, 1)
    found = np.clip(np.ceil(n * np.concatenate([even, near])), 1, n).astype(int)
    return sorted(set(found.tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileClaim:
    """What is to be shown of a quantile, as in `power.Claim`.

    The truth is a proposed variant with `lift`. On the side of `edges` (1 above, -1 below) the form
    t - factor c - shift is to be shown beyond 0; two edges are an equivalence. `level` is that of the rank intervals.
    """

    curve: Curve
    quantile: float
    level: float
    lift: float
    edges: tuple[tuple[int, float, float], ...]
    ratio: float
    alpha: float
    looking: Looking
    is_two_sided: bool

    def drift(self, n: float) -> float:
        """The mean of z with `n` units of the incumbent, as the simulated power implies."""
        return min(self._drifts(n))

    def power(self, n: float) -> float:
        """The chance to show it."""
        total = n * (1 + self.ratio)
        found = [self.looking.power(d, self.alpha, total, is_two_sided=self.is_two_sided) for d in self._drifts(n)]
        return max(math.fsum(found) - (len(found) - 1), 0.0)

    def units(self, power: float) -> float | None:
        """The incumbent's units for this power; None where no number will do."""
        wanted = 1 - (1 - power) / len(self.edges)
        n = MOST
        for _ in range(STEPS):
            found = self.drift(n)
            if found <= 0:
                return None
            step = (self._needed(wanted, n) / found) ** 2
            if step > 1 and n >= MOST:
                return None
            n *= step
            if abs(step - 1) < CLOSE:
                break
        return n

    def _needed(self, power: float, n: float) -> float:
        from scipy.optimize import brentq

        total = n * (1 + self.ratio)
        return float(
            brentq(lambda d: self.looking.power(d, self.alpha, total, is_two_sided=False) - power, 0.0, LARGEST_DRIFT)
        )

    def _drifts(self, n: float) -> list[float]:
        rng = np.random.default_rng(SEED)
        c, se_c = self._arm(rng, round(n))
        t, se_t = (x * (1 + self.lift) for x in self._arm(rng, round(n * self.ratio)))
        z, found = critical(self.alpha), []
        for side, factor, shift in self.edges:
            with np.errstate(divide="ignore", invalid="ignore"):
                seen = side * (t - factor * c - shift) / np.sqrt(se_t**2 + factor**2 * se_c**2)
            shown = float(np.clip(np.mean(seen > z), 0.5 / TESTS, 1 - 0.5 / TESTS))
            found.append(float(ndtri(shown)) + z)
        return found

    def _arm(self, rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        """Simulated quantiles of `n` units with the standard errors of their outer intervals."""
        wanted = ranks_wanted(n, self.quantile, level=self.level)
        if not wanted:
            return np.zeros(TESTS), np.full(TESTS, np.inf)
        middle, low, high = wanted
        gaps = (low, middle - low, high - middle, n + 1 - high)
        spacing = np.cumsum([rng.gamma(gap, size=TESTS) for gap in gaps], axis=0)
        x_low, x, x_high = (self.curve(spacing[i] / spacing[3]) for i in range(3))
        return x, (x_high - x_low) / (2 * float(ndtri(0.5 + self.level / 2)))
