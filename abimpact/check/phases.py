"""The phases of a test whose planned split changed, by its days."""

import numpy as np
from numpy.typing import NDArray

from abimpact.read.log import Days, Log


def phase_of_days(log: Log, days: Days) -> NDArray[np.int64]:
    """The number of each day's phase, from 1 on; 0 for days before the schedule (all, if there is none)."""
    starts = [p.start for p in log.experiment.calendar.phases]
    return np.array([sum(day >= start for start in starts) for day in days.days], dtype=np.int64)


def expected_shares(log: Log) -> NDArray[np.float64]:
    """For each day, the variants' shares of all units of its phase, (days, variants)."""
    counts, phases = np.array(log.days.counts, dtype=float), phase_of_days(log, log.days)
    shares = np.empty_like(counts)
    for phase in set(phases.tolist()):
        total = counts[phases == phase].sum(axis=0)
        shares[phases == phase] = total / total.sum()
    return shares
