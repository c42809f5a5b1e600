"""Where decisions differ: the reference cases of methods.md n, and what a simulation of ratios gives."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abimpact.estimate.estimate import NotEstimated
from abimpact.estimate.triggered import agreeing_pvalue, balance_pvalue, triggered
from abimpact.spec.expression import column
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.summarise.summary import MetricSummary, Moments

CASES = [
    case
    for case in json.loads((Path(__file__).parents[1] / "golden" / "methods.json").read_text())["cases"]
    if case["section"] == "n"
]
METRIC = Metric(name="m", kind=MetricKind.MEAN, role=Role.PRIMARY, better=Better.HIGHER, value=column("m"))


def of_moments(given: dict[str, float]) -> Moments:
    n = int(given["n"])
    return Moments(n, np.array([given["mean"]]), np.array([[given["var"] * (n - 1)]]), np.zeros((1, 1, 1)))


def of_rows(values: np.ndarray) -> Moments:
    d = values - values.mean(axis=0)
    return Moments(len(d), values.mean(axis=0), np.einsum("ni,nj->ij", d, d), np.einsum("ni,nj,nk->ijk", d, d, d))


def summary(c: Moments, t: Moments, kind: MetricKind = MetricKind.MEAN) -> MetricSummary:
    return MetricSummary(
        metric=replace(METRIC, kind=kind),
        variants=("rules", "ml"),
        covariates=(),
        moments=(c, t),
        bins=None,
        ranks=None,
        extremes=(),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference_cases(case: dict[str, Any]) -> None:
    c, t, expected = case["inputs"]["control"], case["inputs"]["treatment"], case["expected"]
    parts = {part: summary(of_moments(c[part]), of_moments(t[part])) for part in ("disagree", "agree")}
    found = triggered(parts["disagree"], parts["agree"], 1, 0.95)
    assert not isinstance(found, NotEstimated)
    close = {name: pytest.approx(value, rel=1e-8, abs=1e-10) for name, value in expected.items()}
    assert found.share == close["trigger_rate"]
    assert found.alone.absolute.estimate == close["effect_triggered"]
    assert found.alone.se == close["se_triggered"]
    assert found.diluted.absolute.estimate == close["effect_overall_diluted"]
    assert found.diluted.se == close["se_overall_diluted"]
    assert found.diluted.relative.estimate == close["lift_overall_diluted"]
    assert found.variance_ratio == close["variance_ratio"]
    assert agreeing_pvalue(parts["agree"], 1) == close["falsification_p"]
    differing = (c["disagree"]["n"], t["disagree"]["n"])
    assert balance_pvalue(differing, (c["n"], t["n"])) == close["trigger_rate_balance_p"]
    table = [differing, (c["agree"]["n"], t["agree"]["n"])]
    assert balance_pvalue(differing, (c["n"], t["n"])) == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9
    )


def draw(rng: np.random.Generator, n: int, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """Orders and sessions of n units, and on which of them decisions differ: the busier ones more often."""
    sessions = 1.0 + rng.poisson(3.0, n)
    differs = rng.random(n) < 0.05 * sessions
    orders = rng.poisson(0.3 * sessions * np.where(differs, 1.5 * (1 + lift), 1.0))
    return np.column_stack([orders, sessions]).astype(float), differs


def test_a_ratio_is_diluted_by_numerator_and_denominator() -> None:
    rng, found = np.random.default_rng(7), []
    for _ in range(600):
        (c, in_c), (t, in_t) = draw(rng, 3_000, 0.0), draw(rng, 3_000, 0.2)
        parts = [summary(of_rows(c[a]), of_rows(t[b]), MetricKind.RATIO) for a, b in ((in_c, in_t), (~in_c, ~in_t))]
        result = triggered(parts[0], parts[1], 1, 0.95)
        assert not isinstance(result, NotEstimated)
        usual = t[:, 0].sum() / t[:, 1].sum() - c[:, 0].sum() / c[:, 1].sum()
        found.append((result.diluted.absolute.estimate, result.diluted.se, usual, result.variance_ratio))
    effects, errors, usual, gains = np.array(found).T
    # Standard errors over 600 draws: of a mean 0.041 deviations, of a deviation 2.9 %; four of each.
    assert abs(effects.mean() - usual.mean()) < 4 * usual.std() / np.sqrt(600)
    assert effects.std() == pytest.approx(errors.mean(), rel=0.12)
    assert usual.var() / effects.var() == pytest.approx(gains.mean(), rel=0.25)
    assert gains.mean() > 1.5


def test_quantiles_and_skewed_parts_are_refused() -> None:
    rng = np.random.default_rng(0)
    flat = of_rows(rng.normal(10, 1, (500, 1)))
    heavy = of_rows(rng.lognormal(0, 2.5, (60, 1)))
    large = of_rows(rng.lognormal(0, 2.5, (6_000, 1)))
    kinds = {
        "quantile": summary(flat, flat, MetricKind.QUANTILE),
        "skewed": summary(large, heavy),
        "constant_metric": summary(of_rows(np.ones((50, 1))), of_rows(np.ones((50, 1)))),
        "too_few_units": summary(of_rows(np.ones((1, 1))), flat),
    }
    for reason, differing in kinds.items():
        found = triggered(differing, summary(flat, flat), 1, 0.95)
        assert isinstance(found, NotEstimated)
        assert found.reason == reason


def test_without_agreeing_units_it_is_the_usual_analysis() -> None:
    rng = np.random.default_rng(1)
    c, t = of_rows(rng.normal(10, 2, (400, 1))), of_rows(rng.normal(11, 2, (500, 1)))
    nobody = Moments(0, np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1, 1)))
    found = triggered(summary(c, t), summary(nobody, nobody), 1, 0.95)
    assert not isinstance(found, NotEstimated)
    assert found.share == 1
    assert found.diluted.absolute == found.alone.absolute
    assert found.variance_ratio == pytest.approx(1)


def test_one_side_may_be_flat_and_agreeing_units_that_never_vary_tell_nothing() -> None:
    rng = np.random.default_rng(2)
    varied, flat = of_rows(rng.normal(10, 1, (300, 1))), of_rows(np.full((300, 1), 9.0))
    agree = summary(of_rows(rng.normal(10, 1, (900, 1))), of_rows(rng.normal(10, 1, (900, 1))))
    for c, t in ((varied, flat), (flat, varied)):
        found = triggered(summary(c, t), agree, 1, 0.95)
        assert not isinstance(found, NotEstimated)
        assert found.units == (300, 300)
        assert found.alone.absolute.estimate == pytest.approx(float(t.mean[0] - c.mean[0]))
    few = summary(of_rows(np.ones((1, 1))), varied)
    assert agreeing_pvalue(few, 1) is None
    assert agreeing_pvalue(summary(flat, flat), 1) is None
    one_flat = agreeing_pvalue(summary(flat, varied), 1)
    assert one_flat is not None
    assert one_flat < 1e-6
    same = triggered(summary(flat, flat), agree, 1, 0.95)
    assert isinstance(same, NotEstimated)
    assert "same value" in same.message
    skewed = summary(of_rows(rng.lognormal(0, 2.5, (6_000, 1))), of_rows(rng.lognormal(0, 2.5, (60, 1))))
    refused = triggered(skewed, agree, 1, 0.95)
    assert isinstance(refused, NotEstimated)
    assert "too skewed" in refused.message


def test_decisions_that_nowhere_differ_or_everywhere_are_balanced() -> None:
    assert balance_pvalue((0, 0), (100, 200)) == 1.0
    assert balance_pvalue((100, 200), (100, 200)) == 1.0


@pytest.mark.parametrize("kind", [MetricKind.MEAN, MetricKind.RATIO])
def test_the_diluted_variance_is_that_of_the_delta_method(kind: MetricKind) -> None:
    """The value over all units is a function of three independent means and the share; its gradient numerically."""
    rng = np.random.default_rng(3)
    sizes = {"c": 150, "t": 170, "a": 500}
    rows = {k: np.column_stack([rng.gamma(3, 1, n), 2 + rng.gamma(2, 1, n)]) for k, n in sizes.items()}
    other = np.column_stack([rng.gamma(3, 1, 480), 2 + rng.gamma(2, 1, 480)])
    d = 2 if kind is MetricKind.RATIO else 1
    m = {k: of_rows(r[:, :d]) for k, r in rows.items()}
    found = triggered(summary(m["c"], m["t"], kind), summary(m["a"], of_rows(other[:, :d]), kind), 1, 0.95)
    assert not isinstance(found, NotEstimated)
    n = 150 + 170 + 500 + 480
    share = 320 / n

    def values(x: np.ndarray) -> np.ndarray:
        c, t, a, r = x[:d], x[d : 2 * d], x[2 * d : 3 * d], x[-1]
        arms = [r * own + (1 - r) * a for own in (c, t)]
        return np.array([arm[0] / arm[1] if d == 2 else arm[0] for arm in arms])

    at = np.concatenate([m["c"].mean, m["t"].mean, m["a"].mean, [share]])
    spread = np.zeros((len(at), len(at)))
    for i, k in enumerate("cta"):
        spread[i * d : (i + 1) * d, i * d : (i + 1) * d] = m[k].covariance / m[k].n
    spread[-1, -1] = share * (1 - share) / n
    steps = 1e-6 * np.eye(len(at))
    gradient = np.stack([(values(at + s) - values(at - s)) / 2e-6 for s in steps], axis=1)
    covariance = gradient @ spread @ gradient.T
    old, new = values(at)
    assert found.share == pytest.approx(share)
    assert found.diluted.absolute.estimate == pytest.approx(new - old, rel=1e-9)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found.diluted.se == pytest.approx(np.sqrt(variance), rel=1e-6)
    lift = found.diluted.relative
    assert lift.estimate == pytest.approx(new / old - 1, rel=1e-9)
    # Fieller's limits R solve (new - R old)^2 = q^2 Var(new - R old).
    q = stats.t.ppf(0.975, found.diluted.df)
    for limit in (lift.low, lift.high):
        assert limit is not None
        turn = np.array([-(1 + limit), 1.0])
        assert (new - (1 + limit) * old) ** 2 == pytest.approx(q**2 * turn @ covariance @ turn, rel=1e-5)
