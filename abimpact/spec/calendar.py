"""When a test ran, in which time zone its days begin, and how its planned split changed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from abimpact.errors import ConfigError, UsageError, short

# The least share of a split, as a part of the largest, and how many shares there may be.
SMALLEST, MOST_PARTS = 1e-9, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the test: from the day `start` until the next phase, `split` was planned (shares of any scale).

    A share may be 0 where a variant did not run yet.
    """

    start: date
    split: tuple[float, ...]

    @property
    def name(self) -> str:
        """What the phase is called in a report."""
        return f"from {self.start.isoformat()} ({':'.join(f'{s:g}' for s in self.split)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The days `first`…`last` that count (None: all), the zone whose days they are, and the phases of a ramp.

    Without a `timezone`, days are those of the times as they are written (of UTC, where these have a zone).
    """

    timezone: str | None = None
    first: date | None = None
    last: date | None = None
    phases: tuple[Phase, ...] = ()


def resolve_calendar(
    timezone: str | None, first: date | None, last: date | None, schedule: Sequence[Mapping[str, Any]], time: str | None
) -> Calendar:
    """The calendar that the keys of `[data]` declare; a ConfigError says what contradicts what."""
    if first and last and first > last:
        raise ConfigError(f"[data] from = {first} is after to = {last}.", "Swap them.")
    asked = {"from": first, "to": last, "timezone": timezone, "split_schedule": schedule or None}
    if time is None and (keys := [key for key, value in asked.items() if value is not None]):
        raise ConfigError(
            f"[data] {', '.join(keys)} needs the day of each row.", "Name the column of dates or times: time = …"
        )
    phases = tuple(
        Phase(start=row["start"], split=parse_split(row["split"], "[[data.split_schedule]] split", is_ramp=True))
        for row in schedule
    )
    for one, other in pairwise(phases):
        if one.start >= other.start:
            raise ConfigError(
                f"[[data.split_schedule]] from = {other.start} does not follow {one.start}.",
                "Give the phases in order of time.",
            )
        if len(one.split) != len(other.split):
            raise ConfigError(
                f"[[data.split_schedule]] from = {other.start} has {len(other.split)} shares, the phase before "
                f"{len(one.split)}.",
                "Give one number a variant in every phase, 0 where one did not run.",
            )
    return Calendar(timezone=timezone, first=first, last=last, phases=phases)


def parse_split(text: str, what: str = "--split", *, is_ramp: bool = False) -> tuple[float, ...]:
    """A planned split, "50:50" or "2:1", the incumbent's share first; `is_ramp` allows shares of 0, but not all."""
    try:
        shares = tuple(float(part) for part in text.replace("/", ":").split(":"))
    except ValueError:
        shares = ()
    least = SMALLEST * max(shares, default=0.0)
    if len(shares) > MOST_PARTS or not all(s == 0 or s >= least for s in shares):
        shares = ()
    is_least = all(s > 0 or (is_ramp and s == 0) for s in shares) and sum(shares) > 0
    if len(shares) < 2 or not is_least or not all(map(math.isfinite, shares)):
        raise UsageError(
            f"{what} {short(text)!r} is no split.", "Write it like 50:50 or 2:1, the incumbent's share first."
        )
    return shares
