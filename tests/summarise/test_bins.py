"""Bins against the row-by-row bootstrap, whose distribution is computed without a draw."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import bins, bins_by, cdf_error_bound
from abimpact.summarise.exact import exact_sum
from abimpact.summarise.scan import scan_moments, scan_moments_by
from abimpact.summarise.summary import Bins
from tests.estimate.cases import cases
from tests.logs import frame, opened
from tests.resampled import distribution, of_rows

ERROR = 0.001


def binned(data: Any, spec: str = "value") -> tuple[Bins, ...]:
    with opened(data, [spec]) as log:
        columns = log.columns[spec]
        moments = scan_moments(log.engine, log.relation, [columns], len(log.variants))[0]
        return bins(log.engine, log.relation, log.metrics[0].kind or MetricKind.MEAN, columns, moments)


def error(found: Bins, rows: Any) -> float:
    """The largest difference in the distribution of a resampled mean or ratio of (n, 2) `rows`."""
    ratio = rows[:, 0].sum() / rows[:, 1].sum()
    se = (rows @ [1.0, -ratio]).std() / rows[:, 1].mean() / np.sqrt(len(rows))
    thresholds = ratio + np.linspace(-2.5, 2.5, 11) * se
    mean, per_unit = found.mean, found.second / found.count[:, None, None]
    if mean.shape[1] == 1:
        mean = np.column_stack([mean, np.ones(len(mean))])
        per_unit = np.pad(per_unit, ((0, 0), (0, 1), (0, 1)))
    drawn = distribution(found.count, mean, per_unit, thresholds)
    return float(np.abs(drawn - of_rows(rows, thresholds)).max())


def rows_of(data: Any, variant: str, *, is_ratio: bool) -> Any:
    mine = data.loc[data.variant == variant, ["value", "sessions"]].to_numpy(float)
    return mine if is_ratio else np.column_stack([mine[:, 0], np.ones(len(mine))])


def values(name: str, n: int) -> Any:
    rng = np.random.default_rng(1)
    buys = rng.random(n) < 0.2
    return {
        "revenue": np.where(buys, rng.lognormal(3.0, 1.5, n), 0.0),
        "lognormal": rng.lognormal(0.0, 2.5, n),
        "far from zero": 1000.0 + rng.exponential(1.0, n),
        "profit": np.where(buys, -rng.lognormal(4.0, 1.0, n), rng.gamma(2.0, 5.0, n)),
        "tied": rng.choice([0.0, 9.99, 19.99, 249.0], n, p=[0.8, 0.1, 0.07, 0.03]),
    }[name]


@pytest.mark.parametrize("spec", ["value", "value/sessions"])
@pytest.mark.parametrize("name", ["revenue", "lognormal", "far from zero", "profit", "tied"])
def test_the_resampled_distribution_is_that_of_the_rows(name: str, spec: str) -> None:
    data = frame(1000, value=values(name, 1000))
    for found, variant in zip(binned(data, spec), ("rules", "ml"), strict=True):
        assert error(found, rows_of(data, variant, is_ratio="/" in spec)) <= ERROR


@pytest.mark.parametrize("spec", ["value", "value/sessions"])
def test_parts_have_bins_of_their_own(spec: str) -> None:
    data = frame(
        3_000, value=values("lognormal", 3_000), segment=np.repeat(["large", "small", "calm"], [2_000, 700, 300])
    )
    data.loc[data.segment == "calm", "value"] /= 1000
    names, part = ["large", "small", "calm"], "CASE s0 WHEN 'large' THEN 0 WHEN 'small' THEN 1 ELSE 2 END"
    with opened(data, [spec], segments=["segment"]) as log:
        columns, kind = log.columns[spec], log.metrics[0].kind or MetricKind.MEAN
        (moments,) = zip(*scan_moments_by(log.engine, log.relation, [columns], 2, part, range(3)), strict=True)
        found = bins_by(log.engine, log.relation, kind, columns, moments, part)
    for name, its in zip(names, found, strict=True):
        for variant, arm in zip(("rules", "ml"), its, strict=True):
            rows = rows_of(data[data.segment == name], variant, is_ratio="/" in spec)
            assert arm.count.sum() == len(rows)
            assert error(arm, rows) < ERROR, (name, variant)


@pytest.mark.parametrize("whale", [1e4, 1e7])
def test_a_whale_in_one_variant_leaves_the_other_ones_bins_fine(whale: float) -> None:
    data = frame(1000, value=np.random.default_rng(2).exponential(1.0, 1000))
    data.loc[data.index[data.variant == "ml"][0], "value"] = whale
    incumbent, proposed = binned(data)
    assert error(incumbent, rows_of(data, "rules", is_ratio=False)) <= ERROR
    assert cdf_error_bound(incumbent, np.ones(1)) <= ERROR
    largest = np.argmax(proposed.mean)
    assert (proposed.count[largest], proposed.mean[largest, 0]) == (1, whale)


@pytest.mark.parametrize("power", [-250, -40, 40, 190])
def test_bins_do_not_depend_on_the_currency(power: int) -> None:
    data = frame(2000, value=values("revenue", 2000))
    scale = 2.0**power
    for found, scaled in zip(binned(data), binned(data.assign(value=data.value * scale)), strict=True):
        np.testing.assert_array_equal(scaled.count, found.count)
        np.testing.assert_array_equal(scaled.mean, found.mean * scale)
        np.testing.assert_allclose(scaled.spread, found.spread * scale, rtol=1e-12)


def test_empty_constant_and_single_unit_variants_have_bins() -> None:
    data = frame(200, value=np.zeros(200))
    for found in binned(data):
        assert (found.count.tolist(), found.mean.tolist(), found.second.tolist()) == ([100], [[0.0]], [[[0.0]]])
    data.loc[data.variant == "ml", "value"] = np.nan
    data.loc[data.index[data.variant == "ml"][0], "value"] = 3.5
    incumbent, proposed = binned(data)
    assert incumbent.count.tolist() == [100]
    assert (proposed.count.tolist(), proposed.mean.tolist()) == ([1], [[3.5]])


@cases("compressed_bootstrap_moments")
def test_the_error_bound(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    n, singletons = given["n"], given["singletons_top"]
    x = np.exp(given["sigma"] * ndtri((np.arange(n) + 0.5) / n))
    edges = np.floor(np.linspace(0, n - singletons, given["equal_count_bins"] + 1)).astype(int)
    parts = [*(x[a:b] for a, b in pairwise(edges)), *(x[i : i + 1] for i in range(edges[-1], n))]
    found = Bins(
        np.array([len(p) for p in parts]),
        np.array([[p.mean()] for p in parts]),
        np.array([[[((p - p.mean()) ** 2).sum()]] for p in parts]),
        np.array([np.ptp(p) for p in parts]),
    )
    assert cdf_error_bound(found, np.ones(1)) == pytest.approx(expected["cdf_error_bound"], rel=1e-8)


@pytest.mark.parametrize("bound", [5e-324, 1e-300, 1e-5, 1.0, 3.0, 1e300])
def test_the_largest_term_of_an_exact_sum_fits_and_keeps_its_digits(bound: float) -> None:
    sql, factor = exact_sum("x", bound)
    scale = float(sql.split("* ")[1].split(" AS")[0])
    assert scale * factor == 1.0
    assert bound * scale <= 2.0**62
    assert bound < 1e-290 or bound * scale >= 2.0**60
