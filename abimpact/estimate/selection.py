"""Winner's curse: an estimate that is read because it is significant is too large on average (methods.md m).

Given that |d| exceeds c standard errors, the mean of d lies beyond the true effect. The effect for which that mean is
the estimate seen is the maximum of the likelihood given selection (Zhong & Prentice 2008).
"""

import math

from scipy.special import ndtr

STEPS = 60


def expected_if_selected(effect: float, se: float, critical: float) -> float:
    """The mean of estimates of `effect` that exceed `critical` standard errors: effect + se phi(a) / (1 - Phi(a))."""
    a = critical - effect / se
    return effect + se * _density(a) / float(ndtr(-a))


def shrunken(z: float, critical: float) -> float:
    """The true effect in standard errors for which a significant estimate is `z` on average, |z| above `critical`."""
    low, high = 0.0, abs(z)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _mean_beyond(middle, critical) < abs(z) else (low, middle)
    return math.copysign(low, z)


def _mean_beyond(effect: float, critical: float) -> float:
    """The mean of a normal value around `effect` that lies beyond `critical` on either side."""
    both = float(ndtr(effect - critical) + ndtr(-effect - critical))
    return effect + (_density(critical - effect) - _density(critical + effect)) / both


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
