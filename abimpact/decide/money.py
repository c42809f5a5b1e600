"""From an effect to money: value, break-even, chance that it pays, and what more testing is worth (methods.md m).

Closed forms for a normal posterior of the effect per unit. Source: Raiffa & Schlaifer 1961.
"""

import math
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from abimpact.decide.value import MORE, Effect, MoreData, Scenario, Trial, Value
from abimpact.estimate.estimate import Interval
from abimpact.spec.value import Costs, Prior, ValueTerms

VOLUMES = (0.5, 1.0, 2.0)
DAYS_PER_YEAR = 365


def annuity(years: float, rate: float) -> float:
    """The discounted number of years: (1 - (1 + r)^-H) / r, or H without discounting."""
    return years if rate == 0 else float(-np.expm1(-years * np.log1p(rate)) / rate)


def fading_annuity(years: float, rate: float, half_life: float | None) -> float:
    """The annuity of an advantage that halves every `half_life` years; each year counts its own average."""
    if half_life is None:
        return annuity(years, rate)
    decay = math.log(2) / half_life
    starts = np.arange(math.ceil(years))
    ends = np.minimum(starts + 1, years)
    advantage = (np.exp(-decay * starts) - np.exp(-decay * ends)) / decay
    return float((advantage * (1 + rate) ** -ends).sum())


def posterior(effect: Effect, prior: Prior | None) -> tuple[float, float, float]:
    """Mean and standard deviation of the effect after the test, and the data's weight in them (1 without a prior)."""
    if prior is None:
        return effect.estimate, effect.se, 1.0
    scale = abs(effect.incumbent or 0.0) if prior.is_relative else 1.0
    mean, variance = prior.mean * effect.sign * scale, (prior.sd * scale) ** 2
    weight = variance / (variance + effect.se**2)
    return mean + weight * (effect.estimate - mean), math.sqrt(weight) * effect.se, weight


def value(
    effect: Effect, terms: ValueTerms, proposed: str, units_per_year: float, level: float, trial: Trial | None = None
) -> Value:
    """The value of shipping `proposed` with `effect` per unit; every formula is methods.md m.

    With `trial`, also what further units like its own would be worth and cost.
    """
    costs = terms.costs_of(proposed)
    worth = terms.worth if costs.varying is None else 1.0
    mean, sd, weight = posterior(effect, terms.prior)
    volume = units_per_year * worth
    years = annuity(terms.horizon_years, terms.discount_rate)
    yearly = {**costs.per_year, "cost_per_unit": costs.per_unit * units_per_year}
    fading = fading_annuity(terms.horizon_years, terms.discount_rate, terms.advantage_half_life)
    spent = {**costs.once, **{item: years * amount for item, amount in yearly.items()}}
    fixed = math.fsum(spent.values())
    per_effect = fading * volume
    break_even = fixed / per_effect
    z = float(ndtri(0.5 + level / 2))

    def money(scale: float, less: float) -> Interval:
        low, high = sorted((scale * (mean - z * sd) - less, scale * (mean + z * sd) - less))
        return Interval(estimate=scale * mean - less, low=low, high=high, level=level)

    net = money(volume, math.fsum(yearly.values()))
    u = (mean - break_even) / sd
    density = math.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    relative = effect.sign * break_even / abs(effect.incumbent) if effect.incumbent else None
    worth_it = Value(
        proposed=proposed,
        metric=costs.metric,
        costs=costs,
        units_per_year=units_per_year,
        annual=money(volume, 0.0),
        annual_net=net,
        npv=money(per_effect, fixed),
        resampled=None if terms.prior else _resampled(effect, per_effect, fixed),
        break_even_absolute=effect.sign * break_even,
        break_even_relative=relative,
        payback_months=_payback(costs, net.estimate or 0.0),
        probability_pays=float(ndtr(u)),
        loss_if_ship=per_effect * sd * max(density - u * float(ndtr(-u)), 0.0),
        loss_if_keep=per_effect * sd * max(density + u * float(ndtr(u)), 0.0),
        per_effect=per_effect,
        fixed=fixed,
        spent=spent,
        mean=mean,
        sd=sd,
        weight=weight,
    )
    return replace(
        worth_it,
        more=tuple(
            _more(worth_it, effect, trial, volume, factor, terms.test_cost_per_day * DAYS_PER_YEAR) for factor in MORE
        )
        if trial
        else (),
        sensitivity=_sensitivity(worth_it, effect, fixed - years * costs.per_unit * units_per_year, years),
    )


def evsi(worth: Value, variance: float) -> float:
    """The expected value of sample information from data that would estimate the effect with `variance`.

    With s the posterior sd, the preposterior sd is s~ = s^2 / sqrt(s^2 + variance), and
    EVSI = K s~ [phi(u) - |u| Phi(-|u|)] at u = (mean - break-even) / s~.
    """
    spread = worth.sd**2 / math.sqrt(worth.sd**2 + variance)
    u = abs(worth.mean - worth.fixed / worth.per_effect) / spread
    density = math.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    return worth.per_effect * spread * max(density - u * float(ndtr(-u)), 0.0)


def _payback(costs: Costs, net: float) -> float | None:
    once = math.fsum(costs.once.values())
    return 12 * once / net if net > 0 else None


def _resampled(effect: Effect, per_effect: float, fixed: float) -> Interval | None:
    seen = effect.resampled
    if seen is None or seen.low is None or seen.high is None:
        return None
    low, high = sorted(per_effect * effect.sign * x - fixed for x in (seen.low, seen.high))
    return Interval(estimate=per_effect * effect.estimate - fixed, low=low, high=high, level=seen.level)


def _more(worth: Value, effect: Effect, trial: Trial, volume: float, factor: float, test_cost: float) -> MoreData:
    """What `factor` times the units seen would tell (their variance is se^2 / factor), and what the time costs.

    Who would ship forgoes the gain on the units that keep the incumbent; who would keep pays for running what he does
    not want, and for the harm that it is expected to do. `test_cost` is what testing costs a year in itself.
    """
    years = trial.years * factor
    earned = volume * worth.mean - worth.costs.per_unit * worth.units_per_year
    running = math.fsum(worth.costs.per_year.values())
    is_shipping = (worth.npv.estimate or 0.0) > 0
    rate = (1 - trial.share) * earned if is_shipping else running + trial.share * max(-earned, 0.0)
    return MoreData(
        more_units=round(trial.units * factor),
        worth=evsi(worth, effect.se**2 / factor),
        cost=(max(rate, 0.0) + test_cost) * years,
    )


def _sensitivity(worth: Value, effect: Effect, fixed: float, years: float) -> tuple[Scenario, ...]:
    """The net value at half and twice the volume, for the effect's limits and its estimate."""
    spread = (worth.npv.high or 0.0) - (worth.npv.low or 0.0)
    half = spread / 2 / worth.per_effect
    return tuple(
        Scenario(
            units_per_year=worth.units_per_year * times,
            effect=effect.sign * d,
            lift=effect.sign * d / abs(effect.incumbent) if effect.incumbent else None,
            npv=times * worth.per_effect * d - fixed - years * worth.costs.per_unit * worth.units_per_year * times,
        )
        for times in VOLUMES
        for d in (worth.mean - half, worth.mean, worth.mean + half)
    )
