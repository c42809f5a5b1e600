"""Reference cases of tests/golden/methods.json and the summaries they stand for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abimpact.estimate.arm import ArmMean
from abimpact.spec.expression import column
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.summarise.summary import Bins, MetricSummary, Moments

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "methods.json").read_text())["cases"]


def cases(kind: str) -> Any:
    """All cases of a kind, as a parametrisation."""
    found = [c for c in GOLDEN if c["kind"] == kind]
    assert found
    return pytest.mark.parametrize("case", found, ids=[c["id"] for c in found])


def arm(n: int, mean: float, variance: float, third: float = 0.0) -> ArmMean:
    return ArmMean(n=n, value=mean, variance=variance, third=third)


def moments(n: int, mean: Any, covariance: Any) -> Moments:
    """Moments without skewness from a mean vector and a sample covariance matrix."""
    mean = np.atleast_1d(np.asarray(mean, dtype=float))
    d = len(mean)
    return Moments(n, mean, np.reshape(covariance, (d, d)) * (n - 1), np.zeros((d, d, d)))


def moments_of(rows: Any) -> Moments:
    """Moments of an (n, d) array of rows."""
    x = np.asarray(rows, dtype=float)
    x = x if x.ndim == 2 else x[:, None]
    mean = x.mean(axis=0) if len(x) else np.zeros(x.shape[1])
    away = x - mean
    return Moments(len(x), mean, away.T @ away, np.einsum("ni,nj,nk->ijk", away, away, away))


def bins_of(rows: Any) -> Bins:
    """One bin for each distinct row, so that resampling is exact."""
    x = np.asarray(rows, dtype=float)
    x = x if x.ndim == 2 else x[:, None]
    values, counts = np.unique(x, axis=0, return_counts=True)
    d = x.shape[1]
    return Bins(counts.astype(np.int64), values, np.zeros((len(counts), d, d)), np.zeros(len(counts)))


def summary(
    kind: MetricKind, incumbent: Moments, proposed: Moments, *, covariates: tuple[str, ...] = (), bins: Any = None
) -> MetricSummary:
    metric = Metric(
        name="metric", kind=kind, role=Role.PRIMARY, better=Better.HIGHER, value=column("x"), covariates=covariates
    )
    return MetricSummary(
        metric=metric,
        variants=("rules", "ml"),
        covariates=covariates,
        moments=(incumbent, proposed),
        bins=bins,
        ranks=None,
        extremes=(np.zeros(0), np.zeros(0)),
    )
