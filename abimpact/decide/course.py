"""How an effect developed, as values: day by day, over the days of the week, and where its trend leads."""

from dataclasses import dataclass
from datetime import date

from abimpact.estimate.estimate import Estimate, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """The effect among the units of `length` days from `start` on, and among all until their end.

    Units are those of the incumbent and the proposed variant with a value of the metric.
    """

    start: date
    length: int
    units: tuple[int, int]
    alone: Estimate | None
    units_so_far: tuple[int, int]
    so_far: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """The trend of the effect over days: the line's height on the first and the last day, and if it went on.

    `slope` and `se` are per day, in the metric's unit. `pvalue` tests that neither the effect nor, where it is known on
    every day, the lift has a trend: the larger p of the two. `if_it_went_on` extrapolates the line to `until`, as many
    days beyond the last as were seen; `zero_on` is where it would cross zero, if that lies ahead.
    """

    days: int
    slope: float
    se: float
    df: int
    pvalue: float
    first: Interval
    last: Interval
    until: date
    if_it_went_on: Interval
    zero_on: date | None

    @property
    def is_fading(self) -> bool:
        """Whether the line leads from the effect on average towards zero, or beyond."""
        return self.slope * self._middle < 0

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left on the last day of an effect that fades."""
        return self.is_fading and (self.last.estimate or 0.0) * self._middle <= 0

    @property
    def _middle(self) -> float:
        return ((self.first.estimate or 0.0) + (self.last.estimate or 0.0)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekdayResult:
    """The effect among the units of one day of the week."""

    weekday: str
    units: tuple[int, int]
    estimate: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All that is known of how one effect developed.

    `weekday_pvalue` tests whether the effect differs by the day of the week (Cochran's Q).
    """

    days: tuple[DayResult, ...]
    development: Development | None
    weekdays: tuple[WeekdayResult, ...]
    weekday_pvalue: float | None
