"""Two proportions by score methods: interval, lift and p are dual to one another at every sample size.

Sources: Miettinen & Nurminen 1985; Koopman 1984; statsmodels' own score interval of the difference is wrong up
to 0.15 (its issue 10269), so these are solved here.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, ndtri

from abimpact.estimate.estimate import Estimate, Interval, Kind, NotEstimated
from abimpact.estimate.welch import SMALLEST_PVALUE
from abimpact.summarise.summary import Floats

SMALL_CELL = 5.0
BISECTIONS = 200
# Risk ratios are searched between these.
SMALLEST_RATIO, LARGEST_RATIO = 1e-12, 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Successes and units of both arms."""

    x_t: int
    n_t: int
    x_c: int
    n_c: int

    @property
    def p_t(self) -> float:
        """The proposed variant's proportion."""
        return self.x_t / self.n_t

    @property
    def p_c(self) -> float:
        """The incumbent's proportion."""
        return self.x_c / self.n_c

    @property
    def difference(self) -> float:
        """The observed difference of proportions."""
        return self.p_t - self.p_c

    @property
    def se(self) -> float:
        """The unpooled standard error of the difference; 0 where neither arm varies."""
        return math.sqrt(self.p_t * (1 - self.p_t) / self.n_t + self.p_c * (1 - self.p_c) / self.n_c)

    @property
    def correction(self) -> float:
        """N / (N - 1)."""
        n = self.n_t + self.n_c
        return n / (n - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedCounts:
    """Successes and units of both arms by stratum, and the strata's shares of all units.

    The score statistic is that of the weighted sum, its variance the weighted strata's under one difference (or ratio)
    for all (Miettinen & Nurminen 1985, with post-stratification weights) and that of the random shares.
    """

    strata: tuple[Counts, ...]
    shares: tuple[float, ...]

    @property
    def p_t(self) -> float:
        """The proposed variant's proportion under the weights of all units."""
        return self._sum([k.p_t for k in self.strata])

    @property
    def p_c(self) -> float:
        """The incumbent's, likewise."""
        return self._sum([k.p_c for k in self.strata])

    @property
    def x_t(self) -> int:
        """Successes of the proposed variant."""
        return sum(k.x_t for k in self.strata)

    @property
    def x_c(self) -> int:
        """Successes of the incumbent."""
        return sum(k.x_c for k in self.strata)

    @property
    def n_t(self) -> int:
        """Units of the proposed variant."""
        return sum(k.n_t for k in self.strata)

    @property
    def n_c(self) -> int:
        """Units of the incumbent."""
        return sum(k.n_c for k in self.strata)

    @property
    def difference(self) -> float:
        """The post-stratified difference."""
        return self.p_t - self.p_c

    @property
    def se(self) -> float:
        """Its standard error from unpooled variances."""
        within = math.fsum(w * w * k.se**2 for w, k in zip(self.shares, self.strata, strict=True))
        return math.sqrt(within + self.of_shares(1.0))

    def of_shares(self, ratio: float) -> float:
        """The variance that random shares give to p_t - ratio p_c."""
        gaps = [k.p_t - ratio * k.p_c for k in self.strata]
        centre = self._sum(gaps)
        return self._sum([(gap - centre) ** 2 for gap in gaps]) / (self.n_t + self.n_c)

    def _sum(self, values: Sequence[float]) -> float:
        return math.fsum(w * v for w, v in zip(self.shares, values, strict=True))


def _restricted_for_difference(k: Counts, delta: float) -> float:
    """The maximum-likelihood p_c under p_t - p_c = delta: a root of a cubic, in closed form and polished."""
    n = k.n_t + k.n_c
    l3, l2 = float(n), (k.n_t + 2 * k.n_c) * delta - n - k.x_t - k.x_c
    l1 = (k.n_c * delta - n - 2 * k.x_c) * delta + k.x_t + k.x_c
    l0 = k.x_c * delta * (1 - delta)
    q = l2**3 / (27 * l3**3) - l1 * l2 / (6 * l3**2) + l0 / (2 * l3)
    p = math.copysign(math.sqrt(max(l2**2 / (9 * l3**2) - l1 / (3 * l3), 0.0)), q)
    angle = (math.pi + math.acos(min(max(q / p**3, -1.0), 1.0))) / 3 if p else 0.0
    root = 2 * p * math.cos(angle) - l2 / (3 * l3)
    low, high = max(0.0, -delta), min(1.0, 1 - delta)
    return min(max(root, low), high)


def score_z(k: Counts | StratifiedCounts, delta: float = 0.0) -> float:
    """The score statistic of p_t - p_c = delta, with the N / (N - 1) factor; infinite where delta is impossible."""
    return _standardised(k.difference - delta, _weighted(k, lambda s: _variance_at_difference(s, delta), 1.0))


def score_ratio_z(k: Counts | StratifiedCounts, ratio: float) -> float:
    """The score statistic of p_t / p_c = ratio (Koopman 1984), likewise."""
    return _standardised(k.p_t - ratio * k.p_c, _weighted(k, lambda s: _variance_at_ratio(s, ratio), ratio))


def _weighted(k: Counts | StratifiedCounts, variance: Callable[[Counts], float], ratio: float) -> float:
    """The variance of p_t - ratio p_c from that of each stratum."""
    if isinstance(k, Counts):
        return variance(k)
    within = math.fsum(w * w * variance(s) for w, s in zip(k.shares, k.strata, strict=True))
    return within + k.of_shares(ratio)


def _variance_at_difference(k: Counts, delta: float) -> float:
    p_c = _restricted_for_difference(k, delta)
    p_t = min(max(p_c + delta, 0.0), 1.0)
    return (p_t * (1 - p_t) / k.n_t + p_c * (1 - p_c) / k.n_c) * k.correction


def _variance_at_ratio(k: Counts, ratio: float) -> float:
    n = k.n_t + k.n_c
    b = k.n_t * ratio + k.x_t + k.n_c + k.x_c * ratio
    root = math.sqrt(max(b * b - 4 * n * ratio * (k.x_t + k.x_c), 0.0))
    # The smaller root of N R p^2 - b p + (x_t + x_c), in the form that does not cancel.
    p_c = min(2 * (k.x_t + k.x_c) / (b + root), 1.0)
    p_t = min(p_c * ratio, 1.0)
    return (p_t * (1 - p_t) / k.n_t + ratio**2 * p_c * (1 - p_c) / k.n_c) * k.correction


def _standardised(gap: float, variance: float) -> float:
    if variance > 0:
        return gap / math.sqrt(variance)
    return math.copysign(math.inf, gap) if gap else 0.0


def _boundary(z: Callable[[float], float], inside: float, outside: float, limit: float) -> float:
    """Where |z| crosses `limit` between a point in the set and one beyond it; `outside` if it never does."""
    if abs(z(outside)) <= limit:
        return outside
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        if abs(z(middle)) <= limit:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2


def difference_interval(k: Counts | StratifiedCounts, level: float) -> Interval:
    """Miettinen and Nurminen's interval of the difference of proportions."""
    limit = float(ndtri(0.5 + level / 2))
    d = k.difference
    low = _boundary(lambda x: score_z(k, x), d, -1.0, limit)
    high = _boundary(lambda x: score_z(k, x), d, 1.0, limit)
    return Interval(estimate=d, low=low, high=high, level=level)


def lift_interval(k: Counts | StratifiedCounts, level: float) -> Interval:
    """The score interval of the risk ratio, less 1; unbounded above without a success of the incumbent."""
    limit = float(ndtri(0.5 + level / 2))

    def z(log_ratio: float) -> float:
        return score_ratio_z(k, math.exp(log_ratio))

    floor, ceiling = math.log(SMALLEST_RATIO), math.log(LARGEST_RATIO)
    if k.x_c == 0:
        low = math.expm1(_boundary(z, ceiling, floor, limit))
        return Interval(estimate=None, low=low, high=None, level=level, kind=Kind.BELOW)
    estimate = k.x_t * k.n_c / (k.n_t * k.x_c) if isinstance(k, Counts) else k.p_t / k.p_c
    centre = math.log(estimate) if estimate else floor
    low = -1.0 if k.x_t == 0 else math.expm1(_boundary(z, centre, floor, limit))
    high = math.expm1(_boundary(z, centre, ceiling, limit))
    return Interval(estimate=estimate - 1, low=low, high=high, level=level)


def exact_pvalues(k: Counts) -> tuple[float, float]:
    """Fisher's exact two-sided p, and mid-p by doubling the smaller tail, over the whole support."""
    successes, n = k.x_t + k.x_c, k.n_t + k.n_c
    support = np.arange(max(0, successes - k.n_c), min(k.n_t, successes) + 1, dtype=float)

    def log_choose(total: float, chosen: Floats | float) -> Floats:
        return np.asarray(gammaln(total + 1) - gammaln(chosen + 1) - gammaln(total - chosen + 1))

    mass = np.exp(log_choose(k.n_t, support) + log_choose(k.n_c, successes - support) - log_choose(n, successes))
    mass /= mass.sum()
    at = int(k.x_t - support[0])
    # Probabilities that are equal in exact arithmetic differ in their last digits; scipy allows the same slack.
    fisher = float(mass[mass <= mass[at] * (1 + 1e-7)].sum())
    mid = 2 * min(float(mass[: at + 1].sum()), float(mass[at:].sum())) - float(mass[at])
    return min(fisher, 1.0), min(mid, 1.0)


def score(k: Counts | StratifiedCounts, level: float) -> Estimate | NotEstimated:
    """The score estimate of two proportions; with small cells the notes carry mid-p and Fisher's p (methods.md b)."""
    successes, n = k.x_t + k.x_c, k.n_t + k.n_c
    if successes in (0, n):
        which = "none" if successes == 0 else "all"
        return NotEstimated(
            reason="constant_metric", message=f"{which} of the {n:,} units are successes, in both variants"
        )
    z = score_z(k)
    notes: tuple[str, ...] = ()
    if isinstance(k, Counts) and min(k.n_t, k.n_c) * min(successes, n - successes) / n < SMALL_CELL:
        fisher, mid = exact_pvalues(k)
        notes = (f"few successes: mid-p {mid:.3g}, Fisher's exact p {fisher:.3g}",)
    absolute, relative = difference_interval(k, level), lift_interval(k, level)
    if relative.estimate is None:
        notes = (*notes, "no lift: the incumbent's value is 0")
    return Estimate(
        method="score",
        absolute=absolute,
        relative=relative,
        statistic=z,
        df=None,
        pvalue=max(float(2 * ndtr(-abs(z))), SMALLEST_PVALUE),
        se=k.se or ((absolute.high or 1.0) - (absolute.low or -1.0)) / 2 / float(ndtri(0.5 + level / 2)),
        notes=notes,
    )
