"""What the user says an effect is worth and what the proposed variant costs. Nothing here is ever guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The cost of one proposed variant beyond the incumbent's, in the currency of the report.

    `items` are further yearly costs by name, as the user itemised them.
    """

    build_cost: float
    run_cost_per_year: float
    cost_per_unit: float = 0.0
    items: Mapping[str, float] = field(default_factory=dict)

    @property
    def per_year(self) -> float:
        """All yearly costs that do not depend on the number of units."""
        return self.run_cost_per_year + sum(self.items.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What past tests say of the effect before this one, in the metric's unit or as a lift."""

    mean: float
    sd: float
    is_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTerms:
    """Everything that turns an effect on `metric` into money.

    `worth` is money per unit of the metric; the horizon is in years, the discount rate a yearly fraction, the
    half-life of an advantage that fades in years. `costs` has one entry a proposed variant.
    """

    metric: str
    worth: float
    currency: str
    units_per_year: float
    horizon_years: float
    discount_rate: float
    costs: Mapping[str, Costs]
    prior: Prior | None = None
    advantage_half_life: float | None = None
    ship_probability: float = 0.95
    keep_probability: float = 0.05
