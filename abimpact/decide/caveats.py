"""Caveats that estimates cannot know themselves: the test goes on, or they are read for being significant."""

from collections.abc import Sequence
from dataclasses import replace

from scipy.special import ndtri

from abimpact.decide.report import MetricResult
from abimpact.estimate.estimate import Estimate, Kind
from abimpact.estimate.selection import shrunken
from abimpact.spec.metric import Role

SO_FAR = "so far: not final before the planned end"
# An effect as large as estimated would have been found with less than this power.
POWER = 0.8


def with_caveats(
    results: Sequence[MetricResult], level: float, *, is_unfinished: bool, is_sequential: bool
) -> tuple[MetricResult, ...]:
    """`results` with notes on what is chosen: that it is not final, that it is likely too large."""
    told = []
    for result in results:
        notes = (SO_FAR,) if is_unfinished and not is_sequential else ()
        if result.metric.role is Role.PRIMARY and result.chosen and not is_sequential:
            notes = (*notes, *_winner(result.chosen, level))
        told.append(_noted(result, notes) if notes else result)
    return tuple(told)


def _noted(result: MetricResult, notes: tuple[str, ...]) -> MetricResult:
    return replace(
        result,
        estimates=tuple(
            replace(e, notes=(*e.notes, *notes)) if e.method == result.chosen_method else e for e in result.estimates
        ),
    )


def _winner(chosen: Estimate, level: float) -> tuple[str, ...]:
    """What a just significant effect is worth once it is allowed for that only significant ones are read."""
    critical = float(ndtri(0.5 + level / 2))
    z, effect = chosen.statistic, chosen.absolute.estimate
    if z is None or not effect or chosen.pvalue is None or chosen.pvalue >= 1 - level:
        return ()
    if not critical < abs(z) < critical + float(ndtri(POWER)):
        return ()
    share = shrunken(z, critical) / z
    is_lift = chosen.relative.kind is Kind.BOUNDED and chosen.relative.estimate is not None
    size = (chosen.relative.estimate or 0.0) * 100 * share if is_lift else effect * share
    printed = f"{size:+.2g}{' %' if is_lift else ''}".replace("-", "−")
    return (f"just significant effects are estimated too large on average: {printed} if that is allowed for",)
