"""What there is only so much of: reviews a day. Acts beyond a limit are left undone, whichever come first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from abimpact.errors import ConfigError
from abimpact.spec.limit import Limit
from abimpact.summarise.summary import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a variant's acts need of a limit: on an average period, on the busiest one, and periods beyond the limit."""

    limit: Limit
    average: float
    peak: float
    peak_day: date
    periods: int
    periods_over: int

    @property
    def is_exceeded(self) -> bool:
        """Whether an average period needs more than there is."""
        return self.average > self.limit.at_most


@dataclass(frozen=True, slots=True)
class Capacity:
    """The limits over the days of a log."""

    limits: tuple[Limit, ...]
    days: tuple[date, ...]

    def check(self) -> None:
        """ConfigError where there are limits and no days to hold them against."""
        if self.limits and not self.days:
            raise ConfigError(
                f"[[limit]] {self.limits[0].name!r}: a limit needs dates.", "Name their column with --time."
            )

    def done(self, needed: Sequence[Floats]) -> Floats:
        """The share of acts that is done on each day: (days, …) from what they need of each limit, (days, …) too."""
        shape = needed[0].shape if needed else (max(len(self.days), 1),)
        share = np.ones(shape)
        for limit, load in zip(self.limits, needed, strict=True):
            period, length = self._periods(limit)
            total = np.zeros((len(length), *load.shape[1:]))
            np.add.at(total, period, load)
            most = (limit.at_most * length / limit.days).reshape(-1, *[1] * (total.ndim - 1))
            fits = np.divide(most, total, out=np.ones_like(total), where=total > most)
            share = np.minimum(share, fits[period])
        return share

    def loads(self, needed: Sequence[Floats]) -> tuple[Load, ...]:
        """How what the acts of one variant need (days,) compares with each limit."""
        found = []
        for limit, load in zip(self.limits, needed, strict=True):
            period, length = self._periods(limit)
            total = np.bincount(period, weights=load, minlength=len(length))
            scaled = total * limit.days / length
            most = int(np.argmax(scaled))
            found.append(
                Load(
                    limit=limit,
                    average=float(total.sum() * limit.days / length.sum()),
                    peak=float(scaled[most]),
                    peak_day=self.days[int(np.argmax(period == most))],
                    periods=len(length),
                    periods_over=int((scaled > limit.at_most).sum()),
                )
            )
        return tuple(found)

    def _periods(self, limit: Limit) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
        """The period of each day, and how many days of the calendar each period has within the log."""
        first, last = self.days[0], self.days[-1]
        start = first - timedelta(days=first.weekday() if limit.days > 1 else 0)
        numbers = np.array([(day - start).days // limit.days for day in self.days])
        known, period = np.unique(numbers, return_inverse=True)
        starts = [start + timedelta(days=int(k) * limit.days) for k in known]
        ends = [day + timedelta(days=limit.days - 1) for day in starts]
        length = [(min(end, last) - max(day, first)).days + 1 for day, end in zip(starts, ends, strict=True)]
        return period.astype(np.int64), np.array(length, dtype=float)


def days_table(shares: Mapping[str, Floats], days: Sequence[date]) -> str:
    """SQL of a table with the share of acts that is done on each day, by name; one row without days."""
    if not days:
        return "SELECT NULL::DATE AS day, " + ", ".join(
            f"{float(x[0])!r}::DOUBLE AS {name}" for name, x in shares.items()
        )
    rows = ", ".join(
        f"(DATE '{day.isoformat()}', {', '.join(repr(float(x[i])) for x in shares.values())})"
        for i, day in enumerate(days)
    )
    return f"SELECT * FROM (VALUES {rows}) AS d(day, {', '.join(shares)})"
