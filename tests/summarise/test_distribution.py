"""Counts for the picture of a metric's values, held against numpy's."""

import numpy as np
import pytest

from abimpact.summarise.distribution import Distribution, scan_distribution
from abimpact.summarise.scan import scan_moments
from tests.logs import frame, opened


def scanned(**columns: object) -> tuple[Distribution | None, np.ndarray, np.ndarray]:
    data = frame(2_000, **columns)
    with opened(data, ["value"]) as log:
        column = log.columns["value"][0]
        (moments,) = scan_moments(log.engine, log.relation, [(column,)], 2)
        found = scan_distribution(log.engine, log.relation, column, moments)
    values = data["value"].to_numpy(dtype=float)
    is_rules = (data["variant"] == "rules").to_numpy()
    return found, values[is_rules], values[~is_rules]


def test_even_bins_are_numpy_histograms() -> None:
    found, *arms = scanned(value=np.random.default_rng(1).normal(10.0, 2.0, 2_000))
    assert found is not None
    assert not found.is_log
    for counts, values in zip(found.counts, arms, strict=True):
        inside = np.clip(values, found.edges[0], found.edges[-1])
        expected, _ = np.histogram(inside, bins=np.array(found.edges))
        # A value within rounding of an edge may fall on either side of it.
        assert np.abs(np.array(counts) - expected).sum() <= 2
        assert sum(counts) == len(values)


def test_skewed_values_are_counted_on_a_logarithmic_scale_with_zeros_apart() -> None:
    rng = np.random.default_rng(2)
    found, *arms = scanned(value=np.where(rng.random(2_000) < 0.5, 0.0, rng.lognormal(0.0, 1.5, 2_000)))
    assert found is not None
    assert found.is_log
    for counts, zeros, values in zip(found.counts, found.zeros, arms, strict=True):
        expected, _ = np.histogram(np.log(values[values > 0]), bins=np.log(found.edges))
        assert np.abs(np.array(counts) - expected).sum() <= 2
        assert zeros == (values == 0).sum()
        assert sum(counts) + zeros == len(values)


def test_outliers_do_not_flatten_the_rest() -> None:
    values = np.random.default_rng(3).normal(0.0, 1.0, 2_000)
    values[0] = -1e6
    found, *_ = scanned(value=values)
    assert found is not None
    assert sum(map(sum, found.counts)) == 2_000


@pytest.mark.parametrize("value", [np.zeros(2_000), np.full(2_000, 7.5)])
def test_what_does_not_vary_has_no_picture(value: np.ndarray) -> None:
    with opened(frame(2_000, value=value), ["value"]) as log:
        column = log.columns["value"][0]
        (moments,) = scan_moments(log.engine, log.relation, [(column,)], 2)
        assert scan_distribution(log.engine, log.relation, column, moments) is None
