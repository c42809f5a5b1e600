"""What a test is to show of a KPI, as a claim whose power is known (methods.md i, l).

`baseline` is the incumbent's value, `sd` the standard deviation of a unit (of its influence, for a ratio). Power is
that of the test which the report makes: Welch or delta, the score test for proportions, the linear form for margins.
"""

import math
from dataclasses import dataclass

from abimpact.estimate.power import Claim, Looking, smallest
from abimpact.estimate.proportion import Counts, score_ratio_z, score_z
from abimpact.spec.metric import Better, Tolerance

# Units for which a proportion's score test is that of its expectation.
MANY = 10**12
# The largest effect looked for, in standard deviations of a unit.
FARTHEST = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """A KPI as far as planning needs it; `sd` is after adjustment by covariates."""

    baseline: float
    sd: float
    is_proportion: bool
    better: Better

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.better is Better.HIGHER else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a claim is tested: `alpha` is its error rate (one-sided for margins), `ratio` proposed per incumbent unit."""

    alpha: float
    ratio: float
    looking: Looking


def better(kpi: Kpi, effect: float, terms: Terms) -> Claim:
    """That the KPI changes, if it truly does by `effect` (signed, in its unit)."""
    r = terms.ratio
    null = alternative = kpi.sd * math.sqrt(1 + 1 / r)
    if kpi.is_proportion:
        p_c, p_t = kpi.baseline, kpi.baseline + effect
        pooled = (p_c + r * p_t) / (1 + r)
        null = math.sqrt(pooled * (1 - pooled) * (1 + 1 / r))
        alternative = math.sqrt(p_c * (1 - p_c) + p_t * (1 - p_t) / r)
    return Claim(
        distance=abs(effect), null=null, alternative=alternative, ratio=r, alpha=terms.alpha, looking=terms.looking
    )


def safe(kpi: Kpi, margin: Tolerance, terms: Terms) -> Claim:
    """That the KPI is not worse by the margin, if it truly does not change: one-sided at `terms.alpha`."""
    distance, null, alternative = _beyond(kpi, margin, terms.ratio, -kpi.sign)
    return Claim(
        distance=distance,
        null=null,
        alternative=alternative,
        ratio=terms.ratio,
        alpha=2 * terms.alpha,
        looking=terms.looking,
        is_two_sided=False,
    )


def equivalent(kpi: Kpi, margin: Tolerance, terms: Terms) -> Claim:
    """That the KPI changes by less than the margin either way, if it truly does not: two one-sided tests (TOST)."""
    distance, null, alternative = _beyond(kpi, margin, terms.ratio, -1)
    other, other_null, _ = _beyond(kpi, margin, terms.ratio, 1)
    return Claim(
        distance=distance,
        null=null,
        alternative=alternative,
        ratio=terms.ratio,
        alpha=2 * terms.alpha,
        looking=terms.looking,
        is_two_sided=False,
        other=(other, other_null),
    )


def _beyond(kpi: Kpi, margin: Tolerance, r: float, side: int) -> tuple[float, float, float]:
    """The distance from the margin on one side, and the deviations of the form that is tested against it."""
    size = margin.amount * (abs(kpi.baseline) if margin.is_relative else 1.0)
    factor = 1 + side * margin.amount if margin.is_relative else 1.0
    deviation = kpi.sd * math.sqrt(factor**2 + 1 / r)
    if kpi.is_proportion:
        counts = Counts(
            x_t=round(kpi.baseline * r * MANY), n_t=round(r * MANY), x_c=round(kpi.baseline * MANY), n_c=MANY
        )
        z = score_ratio_z(counts, factor) if margin.is_relative else score_z(counts, side * size)
        return size, size / abs(z) * math.sqrt(MANY), deviation
    return size, deviation, deviation


def detectable(kpi: Kpi, n: float, power: float, terms: Terms) -> float | None:
    """The smallest effect in the wanted direction (signed) that `n` units of the incumbent show."""
    if kpi.is_proportion:
        room = 1 - kpi.baseline if kpi.sign > 0 else kpi.baseline
        most, least = room * (1 - 1e-9), room * 1e-9
    else:
        most, least = kpi.sd * FARTHEST, 0.0
    found = smallest(lambda d: better(kpi, kpi.sign * d, terms), n, power, least, most)
    return None if found is None else kpi.sign * found


def joint(powers: list[float]) -> tuple[float, float, float]:
    """The chance that all hold: at least, if they are independent, and at most (Bonferroni, Fréchet)."""
    return max(math.fsum(powers) - (len(powers) - 1), 0.0), math.prod(powers), min(powers, default=1.0)
