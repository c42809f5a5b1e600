"""Numbers of two other tools, gbstats (tests/golden/gbstats.json) and tea-tasting (tests/golden/tea_tasting.json).

Tested is what they define as abimpact does: differences of means and ratios with their p and degrees of freedom,
one-sided p-values, confidence sequences, sample ratio, corrections for several comparisons. Not tested, because defined
otherwise (docs/methods says why): their relative intervals (delta method, log-ratio), proportions as means of 0 and 1
with Wald's variance, CUPED with one slope for both arms joined, one-sided sequential p by bisection, power by the
noncentral t, and errors that they give back as an effect of 0 with p 1.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scipy.special import ndtr, ndtri

from abimpact import analyze
from abimpact.check.split import sample_ratio_pvalue
from abimpact.estimate.margin import mean_thresholds
from abimpact.estimate.monitor import AlwaysValid
from abimpact.estimate.multiplicity import benjamini_hochberg, holm
from abimpact.estimate.table import estimate
from abimpact.estimate.welch import Difference, compare_looked_at, difference
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Moments
from tests.estimate.cases import arm, moments, summary

ROOT = Path(__file__).parents[2]
GBSTATS, TEA = (
    json.loads((ROOT / "tests" / "golden" / f"{name}.json").read_text())["cases"] for name in ("gbstats", "tea_tasting")
)
# They sum raw squares, which costs digits where means are large beside spreads.
NEAR: dict[str, float] = {"rel": 1e-8, "abs": 1e-10}


def gbstats(family: str, **where: Any) -> Any:
    found = [
        c for c in GBSTATS if c["inputs"]["family"] == family and all(c["inputs"].get(k) == v for k, v in where.items())
    ]
    assert found
    return pytest.mark.parametrize("case", found, ids=[c["id"] for c in found])


def tea(*kinds: str) -> Any:
    found = [c for c in TEA if c["id"].split("/")[1] in kinds]
    assert found
    return pytest.mark.parametrize("case", found, ids=[c["id"] for c in found])


def of(given: dict[str, Any]) -> tuple[MetricKind, Moments]:
    """Moments from raw sums; a proportion is a mean with the variance p (1 - p), as gbstats has it."""
    n = given["n"]
    if given["kind"] == "ratio":
        y, x = given["numerator"], given["denominator"]
        means = [y["sum"] / n, x["sum"] / n]
        cross = given["sum_of_products"] - n * means[0] * means[1]
        own = [part["sum_squares"] - n * m**2 for part, m in zip((y, x), means, strict=True)]
        spread = [[own[0], cross], [cross, own[1]]]
        return MetricKind.RATIO, moments(n, means, [[v / (n - 1) for v in row] for row in spread])
    mean = given["sum"] / n if n else 0.0
    if given["kind"] == "proportion":
        return MetricKind.MEAN, moments(n, mean, mean * (1 - mean))
    return MetricKind.MEAN, moments(n, mean, (given["sum_squares"] - n * mean**2) / (n - 1) if n > 1 else 0.0)


def compared(case: dict[str, Any]) -> tuple[MetricKind, Moments, Moments]:
    stratum = case["inputs"]["strata"][0]
    (kind, c), (_, t) = (of(stratum[a]) for a in ("control", "treatment"))
    return kind, c, t


def difference_of(c: Moments, t: Moments) -> Difference:
    arms = (arm(m.n, float(m.mean[0]), float(m.covariance[0, 0])) for m in (t, c))
    return difference(*arms)


@gbstats("frequentist", method="two_sided_t", difference="absolute")
def test_gbstats_differences(case: dict[str, Any]) -> None:
    kind, c, t = compared(case)
    expected = case["expected"]
    found = estimate(summary(kind, c, t), 1, level=1 - case["inputs"]["alpha"], n_resamples=0, seed=0)
    if expected["error"]:
        # There an effect of 0 with p 1; here a reason.
        assert found.not_estimated is not None
        return
    e = found.estimates[0]
    assert (e.absolute.estimate, e.absolute.low, e.absolute.high) == pytest.approx(
        (expected["point"], expected["ci_low"], expected["ci_high"]), **NEAR
    )
    # Theirs is 1 - cdf, which rounds to 0 below 1e-16.
    assert e.pvalue == pytest.approx(expected["p_value"], rel=1e-6, abs=1e-13)
    assert e.df == pytest.approx(expected["dof"], rel=1e-8)


@gbstats("frequentist", method="two_sided_t", difference="relative")
def test_gbstats_lifts_have_the_same_estimate(case: dict[str, Any]) -> None:
    kind, c, t = compared(case)
    if min(c.second[0, 0], t.second[0, 0]) < 0:
        pytest.skip("sums that no data have; tables of aggregates with a negative variance are refused when read")
    found = estimate(summary(kind, c, t), 1, level=0.95, n_resamples=0, seed=0)
    if case["expected"]["error"]:
        assert found.not_estimated is not None
        return
    assert found.estimates[0].relative.estimate == pytest.approx(case["expected"]["point"], rel=1e-9)


@pytest.mark.parametrize("side", [1, -1])
def test_gbstats_one_sided_pvalues(side: int) -> None:
    method = "one_sided_greater_t" if side > 0 else "one_sided_lesser_t"
    cases = [c for c in GBSTATS if (c["inputs"].get("method"), c["inputs"].get("difference")) == (method, "absolute")]
    assert len(cases) == 2
    for case in cases:
        _, c, t = compared(case)
        thresholds = mean_thresholds(difference_of(c, t), is_relative=False, is_skewed=False, inflation=1.0)
        assert thresholds is not None
        assert thresholds.pvalue(0.0, side) == pytest.approx(case["expected"]["p_value"], rel=1e-6, abs=1e-13)
        limits = thresholds.interval(1 - 2 * case["inputs"]["alpha"])
        bound = "ci_low" if side > 0 else "ci_high"
        assert (limits.low if side > 0 else limits.high) == pytest.approx(case["expected"][bound], **NEAR)


@gbstats("frequentist", method="sequential_two_sided", difference="absolute")
def test_gbstats_confidence_sequences(case: dict[str, Any]) -> None:
    kind, c, t = compared(case)
    if kind is MetricKind.RATIO:
        found = estimate(summary(kind, c, t), 1, level=0.95, n_resamples=0, seed=0).estimates[0]
        assert found.se is not None
        diff = difference(
            arm(t.n, found.absolute.estimate or 0.0, found.se**2 * t.n / 2), arm(c.n, 0.0, found.se**2 * c.n / 2)
        )
    else:
        diff = difference_of(c, t)
    monitor = AlwaysValid(float(case["inputs"]["sequential_tuning_parameter"]))
    e = compare_looked_at(diff, monitor, 1 - case["inputs"]["alpha"], ())
    expected = case["expected"]
    assert (e.absolute.low, e.absolute.high) == pytest.approx((expected["ci_low"], expected["ci_high"]), **NEAR)
    assert e.pvalue == pytest.approx(expected["p_value"], rel=1e-6, abs=1e-13)


@gbstats("srm")
def test_gbstats_sample_ratio(case: dict[str, Any]) -> None:
    counts, weights = case["inputs"]["counts"], case["inputs"]["weights"]
    _, pvalue = sample_ratio_pvalue(counts, weights)
    # Two arms of a small log are tested exactly here, by chi-square there.
    is_exact = len(counts) == 2 and sum(counts) < 1000
    assert pvalue == pytest.approx(case["expected"]["p_value"], rel=0.15 if is_exact else 1e-8)


@gbstats("p_value_correction")
def test_corrections_are_statsmodels(case: dict[str, Any]) -> None:
    adjust = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}[case["inputs"]["method"]]
    assert adjust(case["inputs"]["p_values"]) == pytest.approx(case["expected"]["adjusted"], rel=1e-12)


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The logs that tea-tasting was run on, made again by their generator (the cases name the command)."""
    folder = tmp_path_factory.mktemp("users")
    wanted = {
        "users_4k": ["--units", "4000", "--seed", "11", "--lift-conversion", "0.10", "--lift-revenue", "0.05"],
        "users_20k": ["--units", "20000", "--seed", "12"],
    }
    for name, asked in wanted.items():
        script = str(ROOT / "benchmarks" / "gen_users.py")
        subprocess.run([sys.executable, script, *asked, "--out", str(folder / f"{name}.parquet")], check=True)
    return {name: folder / f"{name}.parquet" for name in wanted}


def told(users: dict[str, Path], case: dict[str, Any], spec: str, **asked: Any) -> dict[str, Any]:
    """The metric of a report on the case's log."""
    asked = {"resamples": 0, "level": 0.95, **asked}
    log = users[case["data"]]
    report = analyze(log, unit="user_id", variant="variant", incumbent="rules", metrics=[spec], **asked)
    return next(m for m in report.to_dict()["metrics"] if m["name"] == spec)


def method(metric: dict[str, Any], *names: str) -> dict[str, Any]:
    return next(e for e in metric["estimates"] if e["method"] in names)


@tea("welch", "welch90", "ratio_delta")
def test_tea_tasting_differences(users: dict[str, Path], case: dict[str, Any]) -> None:
    params, expected = case["call"]["params"], case["result"]
    if params.get("column") == "converted":
        pytest.skip("a 0/1 column is a proportion here, compared by score methods")
    spec = params.get("column") or f"{params['numer']}/{params['denom']}"
    metric = told(users, case, spec, level=params.get("confidence_level", 0.95))
    e = method(metric, "welch", "delta")
    assert (metric["incumbent"]["value"], metric["proposed"]["value"]) == pytest.approx(
        (expected["control"], expected["treatment"]), rel=1e-9
    )
    absolute = e["absolute"]
    assert (absolute["estimate"], absolute["low"], absolute["high"]) == pytest.approx(
        tuple(expected[k] for k in ("effect_size", "effect_size_ci_lower", "effect_size_ci_upper")), rel=1e-8
    )
    assert (e["statistic"], e["pvalue"]) == pytest.approx((expected["statistic"], expected["pvalue"]), rel=1e-8)
    assert e["relative"]["estimate"] == pytest.approx(expected["rel_effect_size"], rel=1e-9)
    # Fieller's interval and their log-ratio one are of the same data: they part by a tenth of their width.
    width = expected["rel_effect_size_ci_upper"] - expected["rel_effect_size_ci_lower"]
    assert e["relative"]["low"] == pytest.approx(expected["rel_effect_size_ci_lower"], abs=0.1 * width)


@tea("proportion_z")
def test_tea_tasting_proportions(users: dict[str, Path], case: dict[str, Any]) -> None:
    params = case["call"]["params"]
    if params["correction"] or not params["equal_var"]:
        pytest.skip("a continuity correction and the unpooled variance are not offered")
    e = method(told(users, case, "converted"), "score")
    n = {"users_4k": 4_000, "users_20k": 20_000}[case["data"]]
    # Their pooled z is the score statistic without the factor N / (N - 1) in its variance.
    z = float(ndtri(case["result"]["pvalue"] / 2)) * math.sqrt((n - 1) / n)
    assert e["pvalue"] == pytest.approx(float(2 * ndtr(z)), rel=1e-8)
    assert e["absolute"]["estimate"] == pytest.approx(case["result"]["effect_size"], rel=1e-9)


@tea("cuped")
def test_tea_tasting_cuped_is_near(users: dict[str, Path], case: dict[str, Any]) -> None:
    params, expected = case["call"]["params"], case["result"]
    found = told(users, case, params["column"], covariates=[params["covariate"]])
    adjusted = method(found, "adjusted")["absolute"]
    half = (expected["effect_size_ci_upper"] - expected["effect_size_ci_lower"]) / 2
    # At an even split the slopes agree to first order: effects within a hundredth of the half-width, widths within 1 %.
    assert adjusted["estimate"] == pytest.approx(expected["effect_size"], abs=0.02 * half)
    assert (adjusted["high"] - adjusted["low"]) / 2 == pytest.approx(half, rel=0.01)


@tea("srm")
def test_tea_tasting_sample_ratio(case: dict[str, Any]) -> None:
    counts = [case["result"]["control"], case["result"]["treatment"]]
    n, pvalue = sum(counts), sample_ratio_pvalue(counts, [1, 1])[1]
    # Theirs takes half a unit off the distance; without that it is the chi-square test.
    distance = abs(counts[0] - n / 2)
    assert 2 * float(ndtr(-(distance - 0.5) / math.sqrt(n / 4))) == pytest.approx(case["result"]["pvalue"], rel=1e-8)
    assert pvalue == pytest.approx(2 * float(ndtr(-distance / math.sqrt(n / 4))), rel=1e-8)


@tea("bootstrap_mean")
def test_tea_tasting_bootstrap(users: dict[str, Path], case: dict[str, Any]) -> None:
    if case["call"]["params"]["method"] != "percentile":
        pytest.skip("only percentile intervals are offered")
    spec, expected = case["call"]["params"]["columns"], case["result"]
    found = method(told(users, case, spec, resamples=9_999), "bootstrap")["absolute"]
    # A 2.5 % quantile of their 2,000 resamples has a standard error of 0.06 of theirs: four of them.
    error = 0.06 * (expected["effect_size_ci_upper"] - expected["effect_size_ci_lower"]) / 3.92
    assert found["low"] == pytest.approx(expected["effect_size_ci_lower"], abs=4 * error)
    assert found["high"] == pytest.approx(expected["effect_size_ci_upper"], abs=4 * error)


@tea("multiplicity")
def test_tea_tasting_false_discovery_rate(case: dict[str, Any]) -> None:
    if not case["id"].endswith("/bh"):
        pytest.skip("only Holm's step-down and Benjamini and Hochberg's procedure are offered")
    pvalues, adjusted = ([row[k] for row in case["result"]] for k in ("pvalue", "pvalue_adj"))
    assert benjamini_hochberg(pvalues) == pytest.approx(adjusted, rel=1e-9)
