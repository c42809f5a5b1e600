"""Moments, bins, ranks and extremes from an engine against numpy, and independent of order, threads and splits."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact.read.log import Log
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import bins, cdf_error_bound
from abimpact.summarise.extremes import extremes
from abimpact.summarise.quantiles import ranks
from abimpact.summarise.scan import scan_moments
from abimpact.summarise.summary import Moments
from tests.estimate.cases import moments_of
from tests.logs import frame, opened


def rows(data: pd.DataFrame, variant: str, *columns: str) -> Any:
    return data.loc[data.variant == variant, list(columns)].dropna().to_numpy(dtype=float)


def moments(log: Log) -> list[tuple[Moments, ...]]:
    return scan_moments(log.engine, log.relation, [log.columns[m.name] for m in log.metrics], len(log.variants))


def assert_equal(found: Moments, expected: Moments) -> None:
    assert found.n == expected.n
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    scale = np.abs(expected.second).max()
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-11, atol=1e-12 * scale)
    np.testing.assert_allclose(found.third, expected.third, rtol=1e-8, atol=1e-9 * np.abs(expected.third).max())


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e6])
def test_moments_are_those_of_the_rows_wherever_the_values_lie(shift: float) -> None:
    data = frame(value=np.random.default_rng(1).lognormal(1.0, 1.0, 2000) + shift)
    with opened(data, ["value/sessions", "value", "converted"]) as log:
        found = moments(log)
    for arm, variant in enumerate(("rules", "ml")):
        assert_equal(found[0][arm], moments_of(rows(data, variant, "value", "sessions")))
        assert_equal(found[1][arm], moments_of(rows(data, variant, "value")))
        assert_equal(found[2][arm], moments_of(rows(data, variant, "converted")))


@pytest.mark.parametrize("whale", [1e5, 1e7, 1e8])
def test_a_whale_in_one_variant_costs_the_other_no_digits(whale: float) -> None:
    data = frame()
    data.loc[data.index[data.variant == "ml"][0], "value"] = whale
    with opened(data, ["value", "value/sessions"]) as log:
        found = moments(log)
        binned = bins(log.engine, log.relation, MetricKind.MEAN, log.columns["value"], found[0])
    assert_equal(found[0][0], moments_of(rows(data, "rules", "value")))
    assert_equal(found[1][0], moments_of(rows(data, "rules", "value", "sessions")))
    gap = binned[0].mean - found[0][0].mean
    second = binned[0].second.sum() + float(binned[0].count @ gap[:, 0] ** 2)
    assert second == pytest.approx(found[0][0].second[0, 0], rel=1e-9)


def test_a_unit_counts_for_a_metric_only_with_all_its_outcomes() -> None:
    data = frame()
    data.loc[::7, "value"] = np.nan
    data["pre"] = np.where(np.arange(len(data)) % 5 == 0, np.nan, data.sessions + 0.5)
    with opened(data, ["value/sessions", "sessions"], covariates=("pre",)) as log:
        found = moments(log)
    for arm, variant in enumerate(("rules", "ml")):
        mine = data[data.variant == variant].assign(missing=data.pre.isna().astype(float), pre=data.pre.fillna(0.0))
        assert_equal(found[0][arm], moments_of(mine[["value", "sessions", "pre", "missing"]].dropna().to_numpy(float)))
        assert_equal(found[1][arm], moments_of(mine[["sessions", "pre", "missing"]].to_numpy(float)))


def test_merged_moments_are_those_of_all_rows() -> None:
    x = np.random.default_rng(3).lognormal(size=(300, 3))
    parts = [moments_of(part) for part in np.split(x, [5, 5, 100, 299])]
    whole = sum(parts[1:], start=parts[0])
    assert_equal(whole, moments_of(x))
    assert_equal(sum(parts[::-1][1:], start=parts[-1]), whole)


@pytest.mark.parametrize("spec", ["value", "converted", "sessions", "value/sessions"])
def test_bins_hold_every_unit_once(spec: str) -> None:
    data = frame(value=np.where(np.arange(2000) % 3 == 0, 0.0, np.random.default_rng(2).lognormal(1.0, 2.0, 2000)))
    with opened(data, [spec]) as log:
        columns, metric = log.columns[spec], log.metrics[0]
        its_moments = moments(log)[0]
        found = bins(log.engine, log.relation, metric.kind or MetricKind.MEAN, columns, its_moments)
    for b, m in zip(found, its_moments, strict=True):
        assert b.count.sum() == m.n
        np.testing.assert_allclose(b.count @ b.mean / m.n, m.mean, rtol=1e-12)
        gap = b.mean - m.mean
        second = b.second.sum(axis=0) + np.einsum("k,ki,kj->ij", b.count, gap, gap)
        np.testing.assert_allclose(second, m.second, rtol=1e-9)
        weights = np.eye(len(m.mean))[0]
        assert cdf_error_bound(b, weights) <= 0.001
    if spec in ("converted", "sessions"):
        for b, variant in zip(found, ("rules", "ml"), strict=True):
            values, counts = np.unique(rows(data, variant, spec), return_counts=True)
            np.testing.assert_array_equal(b.mean[:, 0], values)
            np.testing.assert_array_equal(b.count, counts)


@pytest.mark.parametrize("sigma", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_bins_are_few_and_fine_for_any_tail_and_place(sigma: float, offset: float) -> None:
    values = np.random.default_rng(4).lognormal(0.0, sigma, 20_000) + offset
    with opened(frame(20_000, value=values)) as log:
        found = bins(log.engine, log.relation, MetricKind.MEAN, log.columns["value"], moments(log)[0])
    for b in found:
        assert len(b.count) < 400
        assert cdf_error_bound(b, np.ones(1)) <= 0.001


def test_order_threads_and_splits_change_no_bit() -> None:
    data = frame(5000, value=np.random.default_rng(6).lognormal(2.0, 1.5, 5000))
    specs = ["value", "value/sessions", "converted"]

    def summary(frame: pd.DataFrame, threads: int) -> list[bytes]:
        with opened(frame, specs, threads=threads) as log:
            found = moments(log)
            binned = bins(log.engine, log.relation, MetricKind.RATIO, log.columns["value/sessions"], found[1])
            arrays = [a for m in found for x in m for a in (x.mean, x.second, x.third)]
            return [a.tobytes() for a in [*arrays, *(b.mean for b in binned), *(b.second for b in binned)]]

    first = summary(data, 1)
    assert summary(data.sample(frac=1.0, random_state=1), 2) == first
    assert summary(pd.concat([data[3000:], data[:3000]]), 2) == first


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(7).lognormal(4.0, 0.5, 3000),
        np.round(np.random.default_rng(8).exponential(3.0, 3000)),
        np.full(3000, 7.5),
        np.concatenate([np.zeros(2999), [1e9]]),
    ],
    ids=["smooth", "tied", "constant", "outlier"],
)
def test_ranks_are_exact_order_statistics(values: Any) -> None:
    data = frame(3000, value=values)
    wanted = [[1, 10, 700, 1499, 1500], [3, 750, 1500]]
    with opened(data) as log:
        found = ranks(log.engine, log.relation, log.columns["value"][0], wanted)
    for its_ranks, arm, variant in zip(found, wanted, ("rules", "ml"), strict=True):
        ordered = np.sort(rows(data, variant, "value")[:, 0])
        assert its_ranks.n == len(ordered)
        assert its_ranks.values == {r: float(ordered[r - 1]) for r in arm}


def test_extremes_are_the_units_with_a_hundredth_of_the_squares() -> None:
    values = np.random.default_rng(9).normal(10.0, 1.0, 2000)
    values[:3] = 300.0, -250.0, 90.0
    data = frame(value=values)
    with opened(data) as log:
        its_moments = moments(log)[0]
        found = extremes(log.engine, log.relation, log.columns["value"][0], its_moments)
    for its, m, variant in zip(found, its_moments, ("rules", "ml"), strict=True):
        x = rows(data, variant, "value")[:, 0]
        heavy = x[(x - x.mean()) ** 2 >= 0.01 * m.second[0, 0]]
        np.testing.assert_array_equal(np.sort(its), np.sort(heavy))
