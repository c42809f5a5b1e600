"""What is said of skewed metrics and of arms whose shapes differ, and the numbers beside a skewed effect."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abimpact.estimate.shape import shape_findings
from abimpact.estimate.table import estimate
from abimpact.findings import Finding, Severity
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Capped, MetricSummary
from tests.estimate.cases import moments_of, summary


def whole(c: Any, t: Any, kind: MetricKind = MetricKind.MEAN, covariates: tuple[str, ...] = ()) -> MetricSummary:
    """A summary with the values that hold 1 % of their arm's sum of squares, and how many are not 0."""
    found = summary(kind, moments_of(c), moments_of(t), covariates=covariates)
    columns = [np.asarray(x, dtype=float).reshape(len(x), -1)[:, 0] for x in (c, t)]
    away = [(x - x.mean()) ** 2 for x in columns]
    extremes = tuple(x[a >= 0.01 * a.sum()] for x, a in zip(columns, away, strict=True))
    return replace(found, extremes=extremes, nonzero=tuple(int((x != 0).sum()) for x in columns))


def by_code(metric: MetricSummary, capped: Capped | None = None) -> dict[str, Finding]:
    return {f.code: f for f in shape_findings(metric, capped)}


def tailed(rng: np.random.Generator, n: int, sigma: float = 1.2) -> Any:
    return np.where(rng.random(n) < 0.2, rng.lognormal(3.0, sigma, n), 0.0)


def test_the_effect_without_the_farthest_units_is_that_of_the_other_rows() -> None:
    rng = np.random.default_rng(5)
    c, t = tailed(rng, 4_000), tailed(rng, 400)
    metric = whole(c, t)
    finding = by_code(metric)["skewed_metric"]
    data = finding.data["without_top"]
    away = [(abs(x - a.mean()), side, x) for side, a in enumerate((c, t)) for x in a]
    known = 0.1 * max(a.std() * len(a) ** 0.5 for a in (c, t))
    dropped = [unit for unit in sorted(away, reverse=True)[:10] if unit[0] >= known]
    assert len(dropped) > 1
    assert data["units"] == len(dropped)
    kept = [np.setdiff1d(a, [x for _, its, x in dropped if its == side]) for side, a in enumerate((c, t))]
    # setdiff1d drops repeated zeros, which are put back.
    kept = [np.append(k[k != 0], np.zeros(int((a == 0).sum()))) for k, a in zip(kept, (c, t), strict=True)]
    reference = estimate(summary(MetricKind.MEAN, *map(moments_of, kept)), 1, level=0.95, n_resamples=0, seed=0)
    expected = reference.estimates[-1].absolute
    assert (data["estimate"], data["low"], data["high"]) == pytest.approx(
        (expected.estimate, expected.low, expected.high), rel=1e-9
    )
    assert f"Without the {len(dropped)} units farthest from the mean" in finding.message


def test_the_capped_effect_stands_beside_the_skewed_one() -> None:
    rng = np.random.default_rng(6)
    c, t = tailed(rng, 4_000), tailed(rng, 400)
    cap = 400.0
    limited = summary(MetricKind.MEAN, moments_of(np.minimum(c, cap)), moments_of(np.minimum(t, cap)))
    finding = by_code(whole(c, t), Capped(cap=cap, units=(7, 1), summary=limited))["skewed_metric"]
    data = finding.data["capped"]
    assert data["estimate"] == pytest.approx(np.minimum(t, cap).mean() - np.minimum(c, cap).mean(), rel=1e-12)
    assert data["share"] == {"rules": 7 / 4_000, "ml": 1 / 400}
    assert "Capped at 400 (7 in rules, 1 in ml lie beyond)" in finding.message


def test_ratios_and_adjusted_means_are_judged_by_their_residuals() -> None:
    rng = np.random.default_rng(7)

    def ratio(n: int) -> Any:
        sessions = 1 + rng.poisson(2.0, n)
        return np.stack([sessions * tailed(rng, n), sessions], axis=1)

    assert by_code(whole(ratio(4_000), ratio(200), MetricKind.RATIO))["skewed_metric"].severity is Severity.WARN

    def explained(n: int) -> Any:
        before = tailed(rng, n)
        return np.stack([before + rng.normal(0.0, 1.0, n), before], axis=1)

    c, t = explained(4_000), explained(200)
    # The tail is known before, so nothing of it is left in the residuals.
    assert "skewed_metric" not in by_code(whole(c, t, covariates=("before",)))
    assert "skewed_metric" in by_code(whole(c[:, :1], t[:, :1]))


def test_shapes_that_differ_are_named() -> None:
    rng = np.random.default_rng(8)
    long, even = rng.exponential(1.0, 400), rng.normal(0.0, 1.0, 400)
    assert not by_code(whole(even, rng.normal(0.0, 1.0, 400)))
    opposite = by_code(whole(long, 5 - rng.exponential(1.0, 400)))["shapes_differ"]
    assert "opposite signs" in opposite.message
    whale = by_code(whole(long, np.append(even, 40.0)))["shapes_differ"]
    assert "one unit makes" in whale.message
    assert "in ml" in whale.message
    rare = np.where(np.arange(400) < 30, long, 0.0)
    assert "only 30 units of rules are not 0" in by_code(whole(rare, long))["shapes_differ"].message
    assert "may be too narrow" in opposite.why


def test_a_few_normal_units_are_no_sign() -> None:
    rng = np.random.default_rng(9)
    said = [by_code(whole(rng.normal(5.0, 1.0, 20), rng.normal(5.0, 1.0, 20))) for _ in range(200)]
    # Of 20 normal values one makes 15/20 of the spread once in millions, and skewness beyond 3 standard errors on both
    # sides, of opposite signs, comes once in 300,000 pairs.
    assert not any("shapes_differ" in found for found in said)
