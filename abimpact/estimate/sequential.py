"""Looking several times: group-sequential boundaries by alpha spending, and confidence sequences (methods.md h).

With information fractions t_k the score S_k is normal with mean drift * t_k and variance t_k, and has independent
increments (Jennison & Turnbull 2000). A look stops where |S_k| / sqrt(t_k) reaches its bound.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtr, ndtri

from abimpact.errors import UsageError
from abimpact.summarise.summary import Floats

# Where less error is spent, a bound is so far out that nothing ever reaches it.
LEAST_SPENT = 1e-300
FARTHEST_BOUND = 38.0
# Width of a panel of nodes in standard deviations of the smallest increment; ten nodes are exact to some 1e-13 then.
PANEL = 2.0
_UNIT, _WEIGHTS = np.polynomial.legendre.leggauss(10)
# Looks nearer to each other are one.
SMALLEST_GAP = 1e-4
# The number of units for which a confidence sequence is narrowest, where no number is planned.
TUNING = 5000


class Spending(StrEnum):
    """How the error is spent over the looks (Lan & DeMets 1983)."""

    OBRIEN_FLEMING = "obrien_fleming"
    POCOCK = "pocock"


@dataclass(frozen=True, slots=True)
class Boundaries:
    """For each look: information fraction, critical |z|, two-sided error spent so far, and its nominal two-sided p."""

    fractions: tuple[float, ...]
    z: tuple[float, ...]
    spent: tuple[float, ...]
    pvalues: tuple[float, ...]


def spent(fraction: float, alpha: float, spending: Spending) -> float:
    """The two-sided error spent up to an information fraction; all of it from 1 on.

    O'Brien-Fleming: 4 (1 - Phi(z_{1 - alpha / 4} / sqrt(t))), that is 2 (1 - Phi(...)) on each side with alpha / 2.
    Pocock: alpha ln(1 + (e - 1) t).
    """
    t = min(fraction, 1.0)
    if spending is Spending.POCOCK:
        return alpha * math.log1p((math.e - 1) * t)
    return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(t)))


def boundaries(
    fractions: Sequence[float], alpha: float, spending: Spending = Spending.OBRIEN_FLEMING, *, is_final: bool = False
) -> Boundaries:
    """The boundaries of looks at rising information fractions, by recursive integration of the score's density.

    With `is_final` the last look spends all that is left, whatever its fraction. A test that ran over its plan has
    a fraction above 1. Sources: Armitage, McPherson & Rowe 1969; Lan & DeMets 1983; Jennison & Turnbull 2000.
    """
    _check(fractions)
    total = [spent(t, alpha, spending) for t in fractions]
    if is_final:
        total[-1] = alpha
    bounds: list[float] = []
    walk = _Walk.start(fractions)
    for fraction, so_far, before in zip(fractions, total, [0.0, *total], strict=False):
        wanted = max(so_far - before, LEAST_SPENT)
        z = _bound(walk, fraction, wanted) if bounds else -float(ndtri(wanted / 2))
        bounds.append(z)
        walk = walk.within(fraction, z)
    return Boundaries(tuple(fractions), tuple(bounds), tuple(total), tuple(float(2 * ndtr(-z)) for z in bounds))


def crossings(found: Boundaries, drift: float) -> tuple[tuple[float, float], ...]:
    """For each look, the probabilities of stopping there above and below, if z has mean `drift` at fraction 1."""
    walk, stops = _Walk.start(found.fractions, drift), []
    for fraction, z in zip(found.fractions, found.z, strict=True):
        stops.append(walk.beyond(fraction, z))
        walk = walk.within(fraction, z)
    return tuple(stops)


def confidence_sequence_z(n: float, alpha: float, tuning: float = TUNING) -> float:
    """The critical |z| at n units in all that holds at every look (Waudby-Smith et al. 2021, eq. 9)."""
    spread = mixture_spread(n, alpha, tuning)
    return math.sqrt(2 * (spread + 1) / spread * math.log(math.sqrt(spread + 1) / alpha))


def mixture_spread(n: float, alpha: float, tuning: float = TUNING) -> float:
    """The variance of a confidence sequence's normal mixture, times n."""
    log = -2 * math.log(alpha)
    return n * (log + math.log1p(log)) / tuning


def _bound(walk: "_Walk", fraction: float, wanted: float) -> float:
    """The |z| that is reached at `fraction` with the probability `wanted`."""
    from scipy.optimize import brentq

    return float(brentq(lambda z: math.fsum(walk.beyond(fraction, z)) / wanted - 1, 0.0, FARTHEST_BOUND, xtol=1e-12))


def _check(fractions: Sequence[float]) -> None:
    if not fractions or any(b - a < SMALLEST_GAP for a, b in zip((0.0, *fractions), fractions, strict=False)):
        listed = ", ".join(f"{t:g}" for t in fractions)
        raise UsageError(f"Looks at {listed or 'nothing'} do not rise from above 0.", "Write 0.25,0.5,0.75,1.")


@dataclass(frozen=True, slots=True)
class _Walk:
    """The score among those that went on: nodes, and the probability that each stands for.

    `finest` is the smallest standard deviation of any increment, for which the nodes must be dense enough.
    """

    fraction: float
    drift: float
    finest: float
    nodes: Floats
    mass: Floats

    @classmethod
    def start(cls, fractions: Sequence[float], drift: float = 0.0) -> "_Walk":
        """The score before anything is seen."""
        finest = math.sqrt(float(np.diff([0.0, *fractions]).min()))
        return cls(0.0, drift, finest, np.zeros(1), np.ones(1))

    def beyond(self, fraction: float, z: float) -> tuple[float, float]:
        """The probabilities that at a later fraction the score is above sqrt(t) z, and below -sqrt(t) z."""
        centres, sd, bound = self._towards(fraction), math.sqrt(fraction - self.fraction), z * math.sqrt(fraction)
        above, below = ndtr((centres - bound) / sd), ndtr((-bound - centres) / sd)
        return float(above @ self.mass), float(below @ self.mass)

    def within(self, fraction: float, z: float) -> "_Walk":
        """Those who go on at a later fraction, at Gauss-Legendre nodes in even panels between the bounds."""
        centres, sd = self._towards(fraction), math.sqrt(fraction - self.fraction)
        bound = z * math.sqrt(fraction)
        panels = math.ceil(2 * bound / (PANEL * self.finest))
        half = bound / panels
        edges = 2 * half * np.arange(panels) - bound
        nodes = (edges[:, None] + half * (1 + _UNIT[None, :])).ravel()
        away = (nodes[:, None] - centres[None, :]) / sd
        density = np.exp(-away * away / 2) @ self.mass / (sd * math.sqrt(2 * math.pi))
        return _Walk(fraction, self.drift, self.finest, nodes, density * np.tile(_WEIGHTS, panels) * half)

    def _towards(self, fraction: float) -> Floats:
        """Where the nodes drift to."""
        moved: Floats = self.nodes + self.drift * (fraction - self.fraction)
        return moved
