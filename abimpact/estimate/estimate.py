"""The values that every method returns: an interval, an estimate, or the reason there is none."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The shape of a confidence set; all but `BOUNDED` come from Fieller and score sets.

    `EXCLUSIVE` is everything but a bounded gap, `WHOLE` excludes nothing, `UNDEFINED` has no estimate either.
    """

    BOUNDED = "bounded"
    BELOW = "bounded_below"
    ABOVE = "bounded_above"
    EXCLUSIVE = "exclusive"
    WHOLE = "whole"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A point estimate with its confidence limits; a limit that does not exist is None.

    `level` is the two-sided confidence level as a fraction. Never holds NaN or infinity.
    """

    estimate: float | None
    low: float | None
    high: float | None
    level: float
    kind: Kind = Kind.BOUNDED


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bins of equal width; `edges` has one number more."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one method says of proposed minus incumbent.

    `absolute` is in the metric's unit, `relative` a fraction of the incumbent's value.
    `pvalue` is two-sided and dual to both intervals; `df` is None for normal-based methods.
    `se` is the standard error of the absolute effect, where the method has one.
    `notes` are caveats that travel with the number. `histogram` has the resampled effects, of a primary metric's
    bootstrap.
    """

    method: str
    absolute: Interval
    relative: Interval
    statistic: float | None
    df: float | None
    pvalue: float | None
    pvalue_adjusted: float | None = None
    se: float | None = None
    notes: tuple[str, ...] = ()
    histogram: Histogram | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simultaneous:
    """Intervals by the chosen method that hold for all proposed variants together (Dunnett).

    `critical` is the common critical value, `each` the level that every single interval has by itself.
    """

    critical: float
    each: float
    absolute: Interval
    relative: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEstimated:
    """Why there is no estimate: a stable `reason` code and a sentence with the numbers that would do."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """A non-inferiority or equivalence test of one metric against a declared margin.

    `margin` is the tolerated change: a fraction of the incumbent's value if `is_relative`, else in the
    metric's unit.
    `bound` is the one-sided confidence limit towards the worse side, in the same unit as `margin` and
    signed as a change (proposed minus incumbent); None where it does not exist.
    `pvalue_safe` tests that the worsening is at least the margin (small: shown safe); `pvalue_worse` the
    opposite (small: shown worse than the margin). `pvalue_equivalent` is the larger of the two one-sided p
    (TOST).
    """

    margin: float
    is_relative: bool
    level: float
    bound: float | None
    pvalue_safe: float
    pvalue_worse: float
    pvalue_equivalent: float

    @property
    def is_safe(self) -> bool:
        """Whether the worsening is shown to be less than the margin (one-sided, Schuirmann 1987)."""
        return self.pvalue_safe < 1 - self.level

    @property
    def is_worse(self) -> bool:
        """Whether the two-sided interval lies wholly beyond the margin: shown worse than tolerated."""
        return self.pvalue_worse < (1 - self.level) / 2

    @property
    def is_equivalent(self) -> bool:
        """Whether the change is shown to lie within the margin on both sides (TOST)."""
        return self.pvalue_equivalent < 1 - self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """One metric where decisions differ.

    `units` are those of the incumbent and the proposed variant on which they do, `share` theirs of all. `alone` is the
    effect on them, `diluted` that on all units, whose variance is `variance_ratio` times smaller than that of the usual
    analysis.
    """

    units: tuple[int, int]
    share: float
    alone: Estimate
    diluted: Estimate
    variance_ratio: float
