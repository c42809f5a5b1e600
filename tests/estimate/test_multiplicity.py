"""Families of p-values against statsmodels, with what is missing left out."""

import pytest
from statsmodels.stats.multitest import multipletests

from abimpact.estimate.multiplicity import adjusted, benjamini_hochberg, holm
from abimpact.spec.corrections import Correction

FAMILIES = ([0.01, 0.04, 0.03], [0.9, 0.8, 0.7], [0.5], [0.001, 0.001, 0.2, 0.6], [0.02, 1.0, 0.04, 0.5, 0.0])


@pytest.mark.parametrize("family", FAMILIES)
def test_they_are_those_of_statsmodels_and_what_is_missing_is_no_part_of_it(family: list[float]) -> None:
    for ours, theirs in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        expected = multipletests(family, method=theirs)[1]
        assert ours(family) == pytest.approx(list(expected))
        found = ours([None, *family, None])
        assert (found[0], found[-1]) == (None, None)
        assert found[1:-1] == pytest.approx(list(expected))


def test_each_family_is_adjusted_as_declared() -> None:
    family = [0.01, None, 0.04]
    assert adjusted(family, Correction.NONE) == family
    assert adjusted(family, Correction.HOLM) == [pytest.approx(0.02), None, pytest.approx(0.04)]
    assert adjusted([0.03, None, 0.04], Correction.BENJAMINI_HOCHBERG) == [
        pytest.approx(0.04),
        None,
        pytest.approx(0.04),
    ]
    assert adjusted([], Correction.HOLM) == adjusted([], Correction.BENJAMINI_HOCHBERG) == []
    assert holm([None]) == [None]
