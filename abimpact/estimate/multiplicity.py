"""P-values adjusted for a family of tests (methods.md j). A missing p is not part of the family."""

from collections.abc import Iterable, Sequence

import numpy as np

from abimpact.spec.corrections import Correction
from abimpact.summarise.summary import Floats


def adjusted(pvalues: Sequence[float | None], correction: Correction) -> list[float | None]:
    """The p-values of one family, adjusted as declared."""
    if correction is Correction.NONE:
        return list(pvalues)
    return holm(pvalues) if correction is Correction.HOLM else benjamini_hochberg(pvalues)


def holm(pvalues: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down p-values: max over j <= i of min(1, (K - j + 1) p_(j)) (Holm 1979)."""
    places, ordered = _sorted(pvalues)
    k = len(ordered)
    adjusted = np.maximum.accumulate(np.minimum(1.0, (k - np.arange(k)) * ordered))
    return _back(len(pvalues), places, adjusted)


def benjamini_hochberg(pvalues: Sequence[float | None]) -> list[float | None]:
    """Step-up p-values that control the false discovery rate: min over j >= i of min(1, K p_(j) / j) (1995)."""
    places, ordered = _sorted(pvalues)
    k = len(ordered)
    scaled = np.minimum(1.0, k * ordered / np.arange(1, k + 1))
    return _back(len(pvalues), places, np.minimum.accumulate(scaled[::-1])[::-1])


def _sorted(pvalues: Sequence[float | None]) -> tuple[list[int], Floats]:
    places = sorted((i for i, p in enumerate(pvalues) if p is not None), key=lambda i: pvalues[i] or 0.0)
    return places, np.array([pvalues[i] for i in places], dtype=float)


def _back(size: int, places: Sequence[int], adjusted: Iterable[float]) -> list[float | None]:
    result: list[float | None] = [None] * size
    for place, pvalue in zip(places, adjusted, strict=True):
        result[place] = float(pvalue)
    return result
