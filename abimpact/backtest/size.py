"""What a test of the effect takes: hands a backtest's effect and variances to the planning of a test."""

import math
from dataclasses import dataclass

from scipy.special import ndtri

from abimpact.backtest.gains import Mode
from abimpact.backtest.result import BacktestReport
from abimpact.estimate.estimate import Interval

POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Units an arm that show the effect with `POWER`, and those that show the low end of its interval.

    `sd` is the root of the mean of both variances of what a unit earns. None: nothing above 0 is there to be shown.
    """

    effect: Interval
    incumbent: tuple[float, float]
    proposed: tuple[float, float]
    sd: float
    units_per_arm: int | None
    units_per_arm_at_low: int | None


def size_of(report: BacktestReport) -> Size | None:
    """N = (z_(1 - alpha/2) + z_power)^2 (variance_i + variance_p) / effect^2 for equal arms (methods.md l).

    None where rows are weighted, since the variance of what a test would see is not that of weighted rows.
    """
    outcome, incumbent, proposed = report.deciding, report.incumbent, report.deciding.confusion
    if report.mode != Mode.LABELLED.value or incumbent.variance is None or proposed.variance is None:
        return None
    z = float(ndtri(0.5 + report.asked.level / 2) + ndtri(POWER))
    both = incumbent.variance + proposed.variance

    def units(effect: float | None) -> int | None:
        return math.ceil(z**2 * both / effect**2) if effect else None

    interval = outcome.chosen.interval
    return Size(
        effect=interval,
        incumbent=(incumbent.mean, incumbent.variance),
        proposed=(proposed.mean, proposed.variance),
        sd=math.sqrt(both / 2),
        units_per_arm=units(interval.estimate),
        units_per_arm_at_low=units(interval.low if interval.low and interval.low > 0 else None),
    )
