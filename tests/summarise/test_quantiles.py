"""Order statistics against a sort, also where one bin holds too many values to fetch."""

from typing import Any

import numpy as np
import pytest

from abimpact.summarise import quantiles
from abimpact.summarise.quantiles import ranks
from tests.logs import frame, opened

N = 4000


def values(name: str) -> Any:
    rng = np.random.default_rng(1)
    return {
        "smooth": rng.lognormal(4.0, 0.5, N),
        "heavy": np.exp(rng.normal(0.0, 6.0, N)),
        "negative": -np.exp(rng.normal(0.0, 6.0, N)),
        "outlier": np.append(rng.normal(size=N - 1), 1e69),
        "tied": rng.choice([-1.5, 0.0, 2.25, 1e6], N),
        "huge": rng.uniform(-1e69, 1e69, N),
        "tiny": rng.integers(0, 40, N) * 1e-300,
        "with nulls": np.where(rng.random(N) < 0.5, np.nan, rng.normal(size=N)),
    }[name]


@pytest.mark.parametrize(("n_bins", "fetched"), [(quantiles.BINS, quantiles.FETCHED), (16, 50), (2, 0)])
@pytest.mark.parametrize("name", ["smooth", "heavy", "negative", "outlier", "tied", "huge", "tiny", "with nulls"])
def test_ranks_are_those_of_the_sorted_values(
    name: str, n_bins: int, fetched: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantiles, "BINS", n_bins)
    monkeypatch.setattr(quantiles, "FETCHED", fetched)
    data = frame(N, value=values(name))
    by_variant = [np.sort(data.value[data.variant == v].dropna()) for v in ("rules", "ml")]
    wanted = [sorted({1, 7, len(x) // 2, len(x) // 2 + 1, len(x)}) for x in by_variant]
    with opened(data, ("value:p50",)) as log:
        found = ranks(log.engine, log.relation, log.columns["value:p50"][0], wanted)
    for its_ranks, x, its_wanted in zip(found, by_variant, wanted, strict=True):
        assert its_ranks.n == len(x)
        assert its_ranks.values == {r: float(x[r - 1]) for r in its_wanted}


def test_no_rank_is_looked_up_where_none_is_wanted() -> None:
    with opened(frame(N, value=values("smooth"))) as log:
        found = ranks(log.engine, log.relation, log.columns["value"][0], [[], []])
    assert [(r.n, r.values) for r in found] == [(N // 2, {}), (N // 2, {})]
