"""What a test is worth before it starts: the expected net value by its length (methods.md l, m).

Before the test the effect is believed to be normal, by the declared prior. A test of T years will leave a posterior
mean m ~ N(mean, s~^2), after which one ships or keeps, whatever earns more. With the proposed variant on a share q of
all traffic during the test, volume V of money a year for one unit of effect, price p a year of all units and running
cost R,

    ship: K m - F - (1 - q) T (V m - p)        (the others wait)
    keep: q T (V m - p) - R T                  (it was run for nothing, for better or worse)

both less T times what testing costs in itself. Source: Raiffa & Schlaifer 1961, chapter 5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtr

from abimpact.decide.money import DAYS_PER_YEAR, value
from abimpact.decide.value import Effect, Value
from abimpact.spec.value import ValueTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A test of so many `days` and `units` (in all): its expected net value, decisions after it included.

    `net` is in money over the horizon; `worth` is what the data are worth by themselves (EVSI), `ships` the chance that
    one will ship after it.
    """

    days: int
    units: int
    net: float
    worth: float
    ships: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What is known of the money before the test: the value by the prior alone, and the lengths looked at.

    `now` is the expected net value of deciding without a test, `best` the length that earns most; None where deciding
    now earns as much.
    """

    worth: Value
    now: float
    lengths: tuple[Length, ...]
    best: Length | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """How tests would be run: `units_per_day` in all, `share` of all traffic with the proposed variant.

    A test of n units in all estimates the effect with `variance` / n.
    """

    units_per_day: float
    share: float
    variance: float


def before_test(
    terms: ValueTerms, proposed: str, baseline: float, sign: int, units_per_year: float, level: float
) -> Value | None:
    """The value of shipping by the prior alone; None without a prior."""
    prior = terms.prior
    if prior is None:
        return None
    scale = abs(baseline) if prior.is_relative else 1.0
    effect = Effect(estimate=sign * prior.mean * scale, se=prior.sd * scale, incumbent=baseline or None, sign=sign)
    return value(effect, replace(terms, prior=None), proposed, units_per_year, level)


def prospect(worth: Value, terms: ValueTerms, trials: Trials, days: Sequence[int]) -> Prospect:
    """The expected net value of tests of so many `days`, against deciding now."""
    now = max(worth.npv.estimate or 0.0, 0.0)
    lengths = tuple(length(worth, terms, trials, d) for d in days)
    best = max(lengths, key=lambda x: x.net, default=None)
    return Prospect(worth=worth, now=now, lengths=lengths, best=best if best and best.net > now else None)


def length(worth: Value, terms: ValueTerms, trials: Trials, days: int) -> Length:
    """A test of so many days."""
    units, years = trials.units_per_day * days, days / DAYS_PER_YEAR
    volume = worth.units_per_year * (1.0 if worth.costs.varying else terms.worth)
    price = worth.costs.per_unit * worth.units_per_year
    running = math.fsum(worth.costs.per_year.values())
    q = trials.share
    spread = worth.sd**2 / math.sqrt(worth.sd**2 + trials.variance / units)
    # Ship and keep as lines in m, and the better of the two.
    ship = worth.per_effect - (1 - q) * years * volume, -worth.fixed + (1 - q) * years * price
    keep = q * years * volume, -q * years * price - running * years
    gain, ships = _better(ship[0] - keep[0], ship[1] - keep[1], worth.mean, spread)
    test = terms.test_cost_per_day * days
    plain, _ = _better(worth.per_effect, -worth.fixed, worth.mean, spread)
    return Length(
        days=days,
        units=round(units),
        net=keep[0] * worth.mean + keep[1] + gain - test,
        worth=plain - max(worth.per_effect * worth.mean - worth.fixed, 0.0),
        ships=ships,
    )


def _better(slope: float, intercept: float, mean: float, sd: float) -> tuple[float, float]:
    """E max(0, slope m + intercept) for m ~ N(mean, sd^2), and the chance that it is positive."""
    centre, spread = slope * mean + intercept, abs(slope) * sd
    u = centre / spread
    density = math.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    return centre * float(ndtr(u)) + spread * density, float(ndtr(u))
