"""Do segments differ, and by how much once luck is allowed for (methods.md o)?

Sources: Cochran 1954 (Q); DerSimonian & Laird 1986 (variance between segments); Efron & Morris 1975, Morris 1983
(shrinkage, and its price for not knowing that variance).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtri

from abimpact.estimate.estimate import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Effects of K segments taken together.

    `statistic` is Cochran's Q with `df` = K - 1; `i2` is the share of the spread that is more than luck, `tau2` the
    variance between segments. `shrunken` and `shrunken_se` (K,) are the effects drawn towards their mean.
    """

    statistic: float
    df: int
    pvalue: float
    i2: float
    tau2: float
    shrunken: tuple[float, ...]
    shrunken_se: tuple[float, ...]

    def interval(self, segment: int, level: float) -> Interval:
        """A segment's shrunken effect with its interval."""
        effect = self.shrunken[segment]
        half = float(ndtri(0.5 + level / 2)) * self.shrunken_se[segment]
        return Interval(estimate=effect, low=effect - half, high=effect + half, level=level)


def pool(effects: Sequence[float], standard_errors: Sequence[float]) -> Pooled:
    """Heterogeneity and shrunken effects of at least two segments."""
    d, se = np.asarray(effects, dtype=float), np.asarray(standard_errors, dtype=float)
    k, w = len(d), 1 / np.asarray(standard_errors, dtype=float) ** 2
    q = float(w @ (d - (w @ d) / w.sum()) ** 2)
    excess = max(q - (k - 1), 0.0)
    tau2 = excess / float(w.sum() - (w @ w) / w.sum())
    random = 1 / (se**2 + tau2)
    mean, variance = float(random @ d / random.sum()), 1 / float(random.sum())
    b = tau2 / (tau2 + se**2)
    spread = b * se**2 + (1 - b) ** 2 * variance + 2 / max(k - 3, 1) * (1 - b) ** 2 * (d - mean) ** 2
    return Pooled(
        statistic=q,
        df=k - 1,
        pvalue=float(chdtrc(k - 1, q)),
        i2=excess / q if q else 0.0,
        tau2=tau2,
        shrunken=tuple(map(float, b * d + (1 - b) * mean)),
        shrunken_se=tuple(map(float, np.sqrt(spread))),
    )


def can_be_pooled(standard_errors: Sequence[float | None]) -> bool:
    """Whether there are two segments at least, and every one has a standard error."""
    return len(standard_errors) > 1 and all(se and math.isfinite(se) for se in standard_errors)
