"""The summary of a log: a few kB of moments, bins and ranks per variant and metric, whatever the rows.

Everything to the right of this room is computed from these values alone.
"""

from dataclasses import dataclass, replace
from operator import add

import numpy as np
from numpy.typing import NDArray

from abimpact.spec.metric import Metric

Floats = NDArray[np.float64]
# Below this the powers that are taken of a variance are 0 to a computer: such values count as constant.
SMALLEST_VARIANCE = 1e-180


@dataclass(frozen=True, slots=True)
class Moments:
    """Joint moments of d columns over n units, merged by `+` (Chan, Golub & LeVeque 1983; Pébay 2008).

    `mean` has shape (d,); `second` (d, d) and `third` (d, d, d) are sums of products of deviations from
    the mean (not divided by n).
    """

    n: int
    mean: Floats
    second: Floats
    third: Floats

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both sets of units together."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        gap = other.mean - self.mean
        a, b = self.n, other.n
        lean = other.second / b - self.second / a
        return Moments(
            n,
            self.mean + gap * (b / n),
            self.second + other.second + np.multiply.outer(gap, gap) * (a * b / n),
            self.third
            + other.third
            + (a * b * (a - b) / n**2) * np.einsum("i,j,k->ijk", gap, gap, gap)
            + (a * b / n) * symmetric(gap, lean),
        )

    @property
    def covariance(self) -> Floats:
        """Sample covariance matrix (divisor n - 1); 0 for a single unit, as on a quiet day."""
        return self.second / max(self.n - 1, 1)


def symmetric(vector: Floats, matrix: Floats) -> Floats:
    """v_i M_jk + v_j M_ik + v_k M_ij for a symmetric M."""
    product: Floats = np.multiply.outer(vector, matrix)
    return product + product.transpose(1, 0, 2) + product.transpose(1, 2, 0)


@dataclass(frozen=True, slots=True)
class Bins:
    """One variant's units grouped by the value that is resampled (design.md §5).

    `count` (b,) units per bin; `mean` (b, d) the mean of d columns in the bin; `second` (b, d, d) centred
    sums of products within the bin; `spread` (b,) the range of the binned value within the bin.
    """

    count: NDArray[np.int64]
    mean: Floats
    second: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class Ranks:
    """Order statistics of one variant: `n` units and the values at the 1-based ranks asked for."""

    n: int
    values: dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSums:
    """One metric's moments over the clusters of each variant, where these were randomised.

    Columns: the sum of the value (or numerator), the number of units (or the sum of the denominator), then for each
    covariate its sum less its mean times the number of units, over the mean number of units; of a quantile the units at
    or below their variant's quantile, and all. `bins` group the clusters.
    `cross` has for each pair of variants (the smaller number first) the sums (d, d) of products of deviations from the
    variants' means, over the `both` clusters that hold the two.
    """

    moments: tuple[Moments, ...]
    bins: tuple[Bins, ...] | None
    cross: dict[tuple[int, int], Floats]
    both: dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """One metric's moments by stratum `by` (what the strata are: "phase", "country"), K of them with their `names`.

    `moments` has for each stratum those of every variant. `phases` (K,) numbers the part of the test, with a planned
    split of its own, that a stratum belongs to: all 0 without a schedule.
    """

    by: str
    names: tuple[str, ...]
    phases: tuple[int, ...]
    moments: tuple[tuple[Moments, ...], ...]

    def __add__(self, other: "Strata") -> "Strata":
        """The same strata of both sets of units together."""
        pairs = zip(self.moments, other.moments, strict=True)
        return replace(self, moments=tuple(tuple(map(add, one, more)) for one, more in pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """One metric over all `variants`, incumbent first; its kind is resolved.

    Columns of `moments`: value (mean, proportion, quantile), or numerator and denominator (ratio), then the
    covariates in `covariates`; a covariate with nulls is zero there and followed by its missing indicator.
    `bins` is None without resampling, `ranks` None except for quantiles. `extremes` has for each variant the values
    of a mean that each hold at least 1 % of the variant's centred sum of squares. `nonzero` counts units whose first
    column is not 0, where a sequential analysis asks for it. `strata` is None where effects are not stratified,
    `clusters` where units were randomised.
    """

    metric: Metric
    variants: tuple[str, ...]
    covariates: tuple[str, ...]
    moments: tuple[Moments, ...]
    bins: tuple[Bins, ...] | None
    ranks: tuple[Ranks, ...] | None
    extremes: tuple[Floats, ...]
    nonzero: tuple[int, ...] | None = None
    strata: Strata | None = None
    clusters: ClusterSums | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped:
    """A metric's summary with values beyond `cap` counted as `cap`, and how many units of each variant lay beyond.

    The cap is a quantile of all units, whatever their variant, so that it cannot follow an effect.
    """

    cap: float
    units: tuple[int, ...]
    summary: MetricSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All metrics of an experiment. `variants` has the incumbent first; `units` are counts per variant.

    `by_day` has, where one scan gave them too, the moments of each metric among the units of each span of days.
    """

    variants: tuple[str, ...]
    units: tuple[int, ...]
    metrics: tuple[MetricSummary, ...]
    by_day: tuple[tuple[tuple[Moments, ...], ...], ...] | None = None
