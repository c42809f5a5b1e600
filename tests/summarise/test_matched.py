"""Bins made of moments alone, against the units and the bootstrap of their rows."""

from typing import Any

import numpy as np
import pytest

from abimpact.read.log import Column
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import LARGEST_ERROR, bins
from abimpact.summarise.matched import _fourth, matched, matched_error
from abimpact.summarise.scan import scan_moments
from abimpact.summarise.summary import Bins, Moments
from tests.logs import frame, opened
from tests.resampled import distribution, of_rows


def moments_of(rows: Any) -> Moments:
    """The moments of (n, d) `rows`."""
    away = rows - rows.mean(axis=0)
    third = np.einsum("ni,nj,nk->ijk", away, away, away)
    return Moments(len(rows), rows.mean(axis=0), away.T @ away, third)


def columns_of(rows: Any) -> tuple[Column, ...]:
    return tuple(
        Column(
            name=f"v{i}",
            text="",
            missing=(0,),
            nonfinite=(0,),
            low=float(x.min()),
            high=float(x.max()),
            centre=0.0,
            is_binary=False,
            is_whole=False,
        )
        for i, x in enumerate(rows.T)
    )


def logs(rng: np.random.Generator, n: int) -> dict[str, Any]:
    revenue = np.where(rng.random(n) < 0.1, rng.lognormal(3.0, 1.0, n), 0.0)
    before = np.where(rng.random(n) < 0.1, 0.5 * revenue + rng.lognormal(3.0, 1.0, n), 0.0)
    return {
        "one": revenue[:, None],
        "left tail": -revenue[:, None],
        "two": np.column_stack([revenue, before]),
        "mixed": np.column_stack([rng.normal(5.0, 1.0, n), -revenue, rng.random(n) < 0.3]).astype(float),
    }


@pytest.mark.parametrize("name", ["one", "left tail", "two", "mixed"])
def test_matched_bins_have_the_mean_the_covariance_and_the_skewness(name: str) -> None:
    rows = logs(np.random.default_rng(1), 50_000)[name]
    weights = np.array([1.0, -0.6, 3.0])[: rows.shape[1]]
    moments = moments_of(rows)
    found = matched(moments, weights)
    assert found.count.sum() == len(rows)
    mean = found.count @ found.mean / len(rows)
    np.testing.assert_allclose(mean, moments.mean, rtol=1e-12)
    gap = found.mean - mean
    second = found.second.sum(axis=0) + np.einsum("k,ki,kj->ij", found.count, gap, gap)
    np.testing.assert_allclose(second, moments.second, rtol=1e-10, atol=1e-10 * np.abs(moments.second).max())
    third = found.count @ (gap @ weights) ** 3
    wanted = float(np.einsum("ijk,i,j,k->", moments.third, weights, weights, weights))
    # The count of the rarer atom is a whole number, and so the skewness is as near as that allows.
    assert third == pytest.approx(wanted, rel=1 / found.count.min())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["one", "left tail", "two", "mixed"])
def test_the_fourth_moment_is_below_its_bound(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = logs(rng, 2_000)[name]
    weights = rng.normal(size=rows.shape[1])
    actual = float((((rows - rows.mean(axis=0)) @ weights) ** 4).mean())
    bound = _fourth(columns_of(rows), moments_of(rows), weights)
    assert actual <= bound <= 1_000 * actual


def binned(data: Any, spec: str) -> tuple[tuple[Bins, ...], float]:
    """What bins are used, and the error that matched ones would have."""
    with opened(data, [spec]) as log:
        columns, kind = log.columns[spec], log.metrics[0].kind or MetricKind.MEAN
        moments = scan_moments(log.engine, log.relation, [columns], 2)[0]
        weights = np.array([1.0, -moments[0].mean[0] / moments[0].mean[-1]])[: len(columns)]
        return bins(log.engine, log.relation, kind, columns, moments), matched_error(columns, moments[0], weights)


@pytest.mark.parametrize(
    ("spec", "n"), [("value", 10_000), pytest.param("value/sessions", 40_000, marks=pytest.mark.slow)]
)
def test_a_large_log_is_not_scanned_and_resampled_alike(spec: str, n: int) -> None:
    data = frame(n, value=np.random.default_rng(2).gamma(1.0, 30.0, n))
    (found, _), bound = binned(data, spec)
    assert len(found.count) == 2
    rows = data.loc[data.variant == "rules", ["value", "sessions"]].to_numpy(float)
    mean, second = found.mean, found.second / found.count[:, None, None]
    if spec == "value":
        rows[:, 1] = 1.0
        mean, second = np.column_stack([mean, np.ones(2)]), np.pad(second, ((0, 0), (0, 1), (0, 1)))
    ratio = rows[:, 0].sum() / rows[:, 1].sum()
    se = (rows @ [1.0, -ratio]).std() / rows[:, 1].mean() / np.sqrt(len(rows))
    places = ratio + np.array([-2.0, -0.7, 0.0, 2.0]) * se
    error = np.abs(distribution(found.count, mean, second, places) - of_rows(rows, places)).max()
    assert error <= bound <= LARGEST_ERROR


@pytest.mark.parametrize("n", [200, 20_000])
def test_a_small_or_wild_log_is_scanned(n: int) -> None:
    rng = np.random.default_rng(3)
    value = rng.gamma(1.0, 30.0, n) if n == 200 else rng.lognormal(0.0, 3.0, n)
    (found, _), bound = binned(frame(n, value=value), "value")
    assert bound > LARGEST_ERROR
    assert len(found.count) > 10


def test_a_constant_is_scanned() -> None:
    (found, _), bound = binned(frame(5_000, value=np.full(5_000, 7.0)), "value")
    assert bound == np.inf
    assert found.count.tolist() == [2_500]


@pytest.mark.parametrize("power", [-280, -160, 160, 180])
def test_no_currency_is_too_small_or_too_large(power: int) -> None:
    """Whether bins are matched may then depend on it; that they are right, not."""
    n = 12_000
    data = frame(n, value=np.random.default_rng(4).gamma(1.0, 30.0, n))
    (found, _), _ = binned(data, "value")
    data["value"] *= 2.0**power
    (scaled, _), bound = binned(data, "value")
    assert bound > 0
    mean = [float(b.count @ b.mean[:, 0]) / b.count.sum() for b in (found, scaled)]
    assert mean[1] == pytest.approx(mean[0] * 2.0**power, rel=1e-12)
