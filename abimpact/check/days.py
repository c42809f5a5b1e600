"""Did units arrive as planned, day by day?"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from abimpact.check.phases import expected_shares
from abimpact.check.split import SMALLEST_EXPECTED, SMALLEST_PVALUE
from abimpact.findings import Finding, Severity, by_chance
from abimpact.read.log import Log

SPLIT_MOVES_BELOW = 0.001
# A variant without a unit on a day on which it should have had this many did not run.
EXPECTED_ON_A_DAY = 10
# Days without a unit are a gap if chance leaves such a run in fewer logs than this.
GAP_BELOW = 0.05
MOST_LISTED = 5


def sample_ratio_over_time(log: Log) -> list[Finding]:
    """Days whose split differs from that of all days together, adjusted for their number (Benjamini & Hochberg)."""
    from scipy.special import chdtrc

    counts = np.array(log.days.counts, dtype=float)
    # Units of one cluster come together, on a day as in a variant.
    if len(counts) < 2 or log.clusters:
        return []
    expected = counts.sum(axis=1, keepdims=True) * expected_shares(log)
    usable = np.flatnonzero(expected.min(axis=1) >= SMALLEST_EXPECTED)
    if not len(usable):
        return []
    statistic = ((counts - expected)[usable] ** 2 / expected[usable]).sum(axis=1)
    pvalues = np.maximum(chdtrc(counts.shape[1] - 1, statistic), SMALLEST_PVALUE)
    adjusted = _adjusted(pvalues)
    moved = [int(usable[i]) for i in np.flatnonzero(adjusted < SPLIT_MOVES_BELOW)]
    least = float(adjusted.min())
    days = [
        {"day": log.days.days[i].isoformat(), "counts": dict(zip(log.variants, log.days.counts[i], strict=True))}
        for i in moved
    ]
    data = {"days": days, "looked_at": len(usable), "pvalue_adjusted": least}
    if not moved:
        message = f"The split is the same on all {len(usable)} days."
        return [Finding(code="sample_ratio_over_time", severity=Severity.PASS, message=message, data=data)]
    listed = "; ".join(f"{d['day']}: {_listed(d['counts'])}" for d in days[:MOST_LISTED])
    more = f" and {len(days) - MOST_LISTED} more" if len(days) > MOST_LISTED else ""
    return [
        Finding(
            code="sample_ratio_over_time",
            severity=Severity.WARN,
            message=f"The split of {len(days)} of {len(usable)} days differs from that of the whole test "
            f"({by_chance(least)}): {listed}{more}.",
            why="Units were lost or added on those days, or the split was changed: pooled over a change, the calendar "
            "looks like an effect.",
            do="Find out what happened; if the split was changed on purpose, declare it in [[data.split_schedule]].",
            data=data,
        )
    ]


def exposure_gaps(log: Log) -> list[Finding]:
    """Days inside the test without any unit, or without one of a variant that should have had some."""
    days, counts = log.days.days, np.array(log.days.counts, dtype=float)
    if len(days) < 2:
        return []
    empty = _empty(days, counts.sum())
    expected = counts.sum(axis=1, keepdims=True) * expected_shares(log)
    is_silent = (counts == 0) & (expected >= EXPECTED_ON_A_DAY) & (log.clusters is None)
    silent = {
        variant: [days[i].isoformat() for i in np.flatnonzero(is_silent[:, arm])]
        for arm, variant in enumerate(log.variants)
        if is_silent[:, arm].any()
    }
    data = {"days": [d.isoformat() for d in empty], "variants": silent}
    if not empty and not silent:
        return [Finding(code="exposure_gaps", severity=Severity.PASS, message="Units came in on every day.", data=data)]
    parts = [f"no unit on {_some([d.isoformat() for d in empty])}"] if empty else []
    parts += [f"none of {variant} on {_some(found)}" for variant, found in silent.items()]
    return [
        Finding(
            code="exposure_gaps",
            severity=Severity.WARN,
            message=f"Between {days[0]} and {days[-1]}: {'; '.join(parts)}.",
            why="The test stood still or its log is incomplete; what is missing may not be like the rest.",
            do="Look for the missing days in the source, or say from when to when the test ran.",
            data=data,
        )
    ]


def _empty(days: Sequence[date], units: float) -> list[date]:
    """Days without a unit, in runs longer than chance (at a steady pace) leaves in a log like this."""
    span = (days[-1] - days[0]).days + 1
    empty: list[date] = []
    for before, after in pairwise(days):
        run = (after - before).days - 1
        if run and span * np.exp(-units / span * run) < GAP_BELOW:
            empty += [before + timedelta(days=i + 1) for i in range(run)]
    return empty


def peeking(log: Log) -> list[Finding]:
    """A test with a planned end that has not come, read as if it had."""
    experiment, units = log.experiment, sum(log.units)
    today = experiment.as_of or log.days.end
    is_early = experiment.planned_end is not None and today is not None and today < experiment.planned_end
    is_small = experiment.planned_units is not None and units < experiment.planned_units
    if experiment.planned_end is None and experiment.planned_units is None:
        return []
    data = {
        "planned_end": experiment.planned_end and experiment.planned_end.isoformat(),
        "planned_units": experiment.planned_units,
        "as_of": today and today.isoformat(),
        "units": units,
        "sequential": experiment.sequential,
    }
    done = not (is_early or is_small) or (is_small and experiment.planned_end is not None and not is_early)
    if done or experiment.sequential != "none":
        said = "The test has reached its planned end." if done else "The test is still running, and analysed as such."
        return [Finding(code="peeking", severity=Severity.PASS, message=said, data=data)]
    planned = (
        f"it is planned until {experiment.planned_end}" if is_early else f"{experiment.planned_units:,} are planned"
    )
    return [
        Finding(
            code="peeking",
            severity=Severity.WARN,
            message=f"The test is still running: {units:,} units are in, {planned}.",
            why="Intervals and p-values hold for one look at the planned end; who looks earlier and stops when it "
            "looks good is misled more often than they say.",
            do='Wait for the end, or set sequential = "group" or "always-valid" in [analysis].',
            data=data,
        )
    ]


def _adjusted(pvalues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini and Hochberg's adjusted p."""
    order = np.argsort(pvalues)
    n = len(pvalues)
    stepped = np.minimum.accumulate((pvalues[order] * n / np.arange(1, n + 1))[::-1])[::-1]
    back = np.empty(n)
    back[order] = np.minimum(stepped, 1.0)
    return back


def _listed(counts: object) -> str:
    assert isinstance(counts, dict)
    return ", ".join(f"{n:,} {v}" for v, n in counts.items())


def _some(days: Sequence[str]) -> str:
    more = f" and {len(days) - MOST_LISTED} more days" if len(days) > MOST_LISTED else ""
    return ", ".join(days[:MOST_LISTED]) + more
