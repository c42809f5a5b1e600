"""Metrics as declared: what is measured, in which role, with which margin."""

from dataclasses import dataclass
from enum import StrEnum

from abimpact.spec.expression import Expression


class MetricKind(StrEnum):
    """How a metric is made of its units' values."""

    MEAN = "mean"
    PROPORTION = "proportion"
    RATIO = "ratio"
    QUANTILE = "quantile"


class Role(StrEnum):
    """What a metric is for: primaries decide, guardrails can stop, secondaries inform."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


class Better(StrEnum):
    """The direction that the business wants."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A margin as declared: `amount` > 0, a fraction of the incumbent's value or in the metric's own unit."""

    amount: float
    is_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One KPI. `kind` None means a mean, or a proportion if every value turns out to be 0 or 1.

    `value` is the numerator of a ratio; `denominator` and `quantile` belong to their kinds alone.
    `margin` is the worsening a guardrail tolerates, `equivalence_margin` the change too small to matter.
    Values beyond the pooled `cap_quantile` count as that quantile.
    Outcomes of units younger than `matures_after` days are not known yet and not counted.
    """

    name: str
    kind: MetricKind | None
    role: Role
    better: Better
    value: Expression
    denominator: Expression | None = None
    quantile: float | None = None
    margin: Tolerance | None = None
    equivalence_margin: Tolerance | None = None
    covariates: tuple[str, ...] = ()
    missing_is_zero: bool = False
    matures_after: int | None = None
    cap_quantile: float | None = None
