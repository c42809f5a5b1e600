"""From an effect to money: value, break-even, chance that it pays, and what more testing is worth (methods.md m).

Closed forms for a normal posterior of the effect per unit. Source: Raiffa & Schlaifer 1961.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from abimpact.estimate.estimate import Interval
from abimpact.spec.value import Costs, Prior, ValueTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An absolute effect per unit with its standard error, and the incumbent's value (None if zero or unknown)."""

    estimate: float
    se: float
    incumbent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreData:
    """The worth of testing `more_units` further units (in all), before its price."""

    more_units: int
    worth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What shipping is worth. Money is in the terms' currency; `payback_months` is None if it never pays back.

    `per_effect` is the discounted money over the horizon for one unit of effect, `fixed` the discounted costs, and
    `mean`, `sd` the posterior of the effect: the net value is normal with per_effect * mean - fixed, per_effect * sd.
    """

    currency: str
    annual: Interval
    annual_net: Interval
    npv: Interval
    break_even_absolute: float
    break_even_relative: float | None
    payback_months: float | None
    probability_pays: float
    loss_if_ship: float
    loss_if_keep: float
    per_effect: float
    fixed: float
    mean: float
    sd: float

    @property
    def evpi(self) -> float:
        """The expected value of perfect information."""
        return min(self.loss_if_ship, self.loss_if_keep)


def annuity(years: float, rate: float) -> float:
    """The discounted number of years: (1 - (1 + r)^-H) / r, or H without discounting."""
    return years if rate == 0 else float(-np.expm1(-years * np.log1p(rate)) / rate)


def fading_annuity(years: float, rate: float, half_life: float | None) -> float:
    """The annuity of an advantage that halves every `half_life` years; each year counts its own average."""
    if half_life is None:
        return annuity(years, rate)
    decay = np.log(2) / half_life
    starts = np.arange(np.ceil(years))
    ends = np.minimum(starts + 1, years)
    advantage = (np.exp(-decay * starts) - np.exp(-decay * ends)) / decay
    return float((advantage * (1 + rate) ** -ends).sum())


def posterior(effect: Effect, prior: Prior | None) -> tuple[float, float]:
    """Mean and standard deviation of the effect after the test; the estimate itself without a prior."""
    if prior is None:
        return effect.estimate, effect.se
    scale = abs(effect.incumbent or 0.0) if prior.is_relative else 1.0
    mean, variance = prior.mean * scale, (prior.sd * scale) ** 2
    weight = variance / (variance + effect.se**2)
    return mean + weight * (effect.estimate - mean), float(np.sqrt(weight)) * effect.se


def value(effect: Effect, terms: ValueTerms, costs: Costs, level: float) -> Value:
    """The value of shipping a variant with `effect` per unit at `costs`; every formula is methods.md m."""
    mean, sd = posterior(effect, terms.prior)
    volume = terms.units_per_year * terms.worth
    years = annuity(terms.horizon_years, terms.discount_rate)
    running = costs.per_year + costs.cost_per_unit * terms.units_per_year
    per_effect = fading_annuity(terms.horizon_years, terms.discount_rate, terms.advantage_half_life) * volume
    fixed = years * running + costs.build_cost
    break_even = fixed / per_effect
    z = float(ndtri(0.5 + level / 2))

    def money(scale: float, less: float) -> Interval:
        low, high = sorted((scale * (mean - z * sd) - less, scale * (mean + z * sd) - less))
        return Interval(estimate=scale * mean - less, low=low, high=high, level=level)

    net = money(volume, running)
    u = (mean - break_even) / sd
    density = float(np.exp(-u * u / 2) / np.sqrt(2 * np.pi))
    return Value(
        currency=terms.currency,
        annual=money(volume, 0.0),
        annual_net=net,
        npv=money(per_effect, fixed),
        break_even_absolute=break_even,
        break_even_relative=break_even / abs(effect.incumbent) if effect.incumbent else None,
        payback_months=12 * costs.build_cost / net.estimate if net.estimate and net.estimate > 0 else None,
        probability_pays=float(ndtr(u)),
        loss_if_ship=per_effect * sd * (density - u * float(ndtr(-u))),
        loss_if_keep=per_effect * sd * (density + u * float(ndtr(u))),
        per_effect=per_effect,
        fixed=fixed,
        mean=mean,
        sd=sd,
    )


def evsi(worth: Value, variance: float) -> float:
    """The expected value of sample information from data that would estimate the effect with `variance`.

    With s the posterior sd, the preposterior sd is s~ = s^2 / sqrt(s^2 + variance), and
    EVSI = K s~ [phi(u) - |u| Phi(-|u|)] at u = (mean - break-even) / s~.
    """
    spread = worth.sd**2 / float(np.sqrt(worth.sd**2 + variance))
    u = abs(worth.mean - worth.break_even_absolute) / spread
    density = float(np.exp(-u * u / 2) / np.sqrt(2 * np.pi))
    return worth.per_effect * spread * max(density - u * float(ndtr(-u)), 0.0)
