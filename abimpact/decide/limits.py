"""Does what works in a test fit at full roll-out? Totals per day scaled to all units, held against a limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from abimpact.estimate.estimate import Interval
from abimpact.spec.limit import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A limit held against one proposed variant at full roll-out.

    `total` is what it would need in the limit's `days` on average, `peak` on the busiest day of the test (times
    `days`). `share_that_fits` is the largest share of all units that the proposed variant can have while the rest stays
    with the incumbent.
    """

    limit: Limit
    proposed: str
    total: Interval
    incumbent_total: float
    peak: float | None
    peak_day: date | None
    share_that_fits: float

    @property
    def is_exceeded(self) -> bool:
        """Whether an average day needs more than there is."""
        return (self.total.estimate or 0.0) > self.limit.at_most


def capacities(
    limits: Sequence[Limit],
    means: Mapping[str, Sequence[Interval]],
    variants: Sequence[str],
    units_per_day: float,
    busiest: tuple[date, float] | None,
) -> tuple[Capacity, ...]:
    """Every limit held against every proposed variant.

    `means` are those per unit by limit, in the order of `variants` (incumbent first); `units_per_day` are all units at
    full roll-out, `busiest` is the day of the test with most units and how many these would be at full roll-out.
    """
    return tuple(
        _capacity(limit, name, means[limit.name][0], mean, units_per_day, busiest)
        for limit in limits
        for name, mean in zip(variants[1:], means[limit.name][1:], strict=True)
    )


def _capacity(
    limit: Limit,
    proposed: str,
    incumbent: Interval,
    mean: Interval,
    units_per_day: float,
    busiest: tuple[date, float] | None,
) -> Capacity:
    units, old, new = units_per_day * limit.days, incumbent.estimate or 0.0, mean.estimate or 0.0
    low, high = (None if x is None else x * units for x in (mean.low, mean.high))
    return Capacity(
        limit=limit,
        proposed=proposed,
        total=Interval(estimate=new * units, low=low, high=high, level=mean.level),
        incumbent_total=old * units,
        peak=new * busiest[1] * limit.days if busiest else None,
        peak_day=busiest[0] if busiest else None,
        share_that_fits=_share_that_fits(limit.at_most / units, old, new),
    )


def _share_that_fits(room: float, incumbent: float, proposed: float) -> float:
    """The largest share q with q * proposed + (1 - q) * incumbent <= room, all per unit."""
    if proposed <= room:
        return 1.0
    return max((room - incumbent) / (proposed - incumbent), 0.0) if incumbent < room else 0.0
