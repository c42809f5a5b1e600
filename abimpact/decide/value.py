"""The values of money: what an effect is worth, without the formulas that make them (`money`)."""

from collections.abc import Mapping
from dataclasses import dataclass

from abimpact.estimate.estimate import Interval
from abimpact.spec.value import Costs

# Further units whose worth is listed, as multiples of those seen; the decision looks at one more period like this.
MORE = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An absolute effect per unit, positive if better, with its standard error.

    `incumbent` is the incumbent's value (None if zero or unknown), `sign` -1 where lower is better; `resampled` is the
    bootstrap's interval of the effect, if there is one.
    """

    estimate: float
    se: float
    incumbent: float | None = None
    sign: int = 1
    resampled: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How the test was run: `units` in all, the `share` of all traffic with the proposed variant, `years` it took."""

    units: int
    share: float
    years: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreData:
    """The worth of testing `more_units` further units (in all), and what waiting for them costs."""

    more_units: int
    worth: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The net value over the horizon at another volume and another effect; `lift` None without a relative effect."""

    units_per_year: float
    effect: float
    lift: float | None
    npv: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What shipping one proposed variant is worth, in the terms' currency.

    `metric` is the one that was valued. `break_even_absolute` is the effect in its unit at which the net value is 0,
    the relative one a fraction of the incumbent's value. `payback_months` is None if it never pays back.
    `per_effect` is the discounted money over the horizon for one unit of effect, `fixed` the discounted costs, of which
    `spent` has each item, and
    `mean`, `sd` the posterior of the effect: the net value is normal with per_effect * mean - fixed, per_effect * sd.
    `weight` is the data's share in that posterior, 1 without a prior; `resampled` is the net value's interval by the
    bootstrap.
    `probability_best` is the chance that no other variant, the incumbent included, has a higher net value.
    """

    proposed: str
    metric: str
    costs: Costs
    units_per_year: float
    annual: Interval
    annual_net: Interval
    npv: Interval
    resampled: Interval | None
    break_even_absolute: float
    break_even_relative: float | None
    payback_months: float | None
    probability_pays: float
    loss_if_ship: float
    loss_if_keep: float
    per_effect: float
    fixed: float
    spent: Mapping[str, float]
    mean: float
    sd: float
    weight: float
    more: tuple[MoreData, ...] = ()
    sensitivity: tuple[Scenario, ...] = ()
    probability_best: float | None = None

    @property
    def gross(self) -> float:
        """The discounted money over the horizon before costs."""
        return self.per_effect * self.mean

    @property
    def evpi(self) -> float:
        """The expected value of perfect information."""
        return min(self.loss_if_ship, self.loss_if_keep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """The net value of `proposed` less that of `other`, both proposed variants, and the chance that it is positive."""

    proposed: str
    other: str
    npv: Interval
    probability_better: float
