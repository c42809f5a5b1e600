"""Numbers of base R, kept in tests/golden/r.json with the script that made them; where R is installed, it is asked."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from abimpact.check.split import sample_ratio_pvalue
from abimpact.estimate.margin import mean_thresholds
from abimpact.estimate.multiplicity import benjamini_hochberg, holm
from abimpact.estimate.proportion import Counts, exact_pvalues, score_z
from abimpact.estimate.table import estimate
from abimpact.estimate.welch import difference
from abimpact.spec.metric import MetricKind
from tests.estimate.cases import arm, moments_of, summary

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = json.loads((GOLDEN / "r.json").read_text())["cases"]
EXACT = 1e-9


def kept(kind: str) -> Any:
    found = [c for c in CASES if c["kind"] == kind]
    assert found
    return pytest.mark.parametrize("case", found)


@kept("t.test")
def test_welch_is_t_test(case: dict[str, Any]) -> None:
    c, t = (np.array(case[a]) for a in ("control", "treatment"))
    whole = summary(MetricKind.MEAN, moments_of(c), moments_of(t))
    found = estimate(whole, 1, level=0.95, n_resamples=0, seed=0).estimates[0]
    assert (found.statistic, found.df, found.pvalue) == pytest.approx(
        (case["statistic"], case["df"], case["pvalue"]), rel=EXACT
    )
    assert (found.absolute.low, found.absolute.high) == pytest.approx(tuple(case["interval"]), rel=EXACT)
    wider = estimate(whole, 1, level=0.9, n_resamples=0, seed=0).estimates[0].absolute
    assert (wider.low, wider.high) == pytest.approx(tuple(case["interval_90"]), rel=EXACT)


@kept("t.test")
def test_margins_are_shifted_and_scaled_t_tests(case: dict[str, Any]) -> None:
    t, c = (arm(len(x), float(np.mean(x)), float(np.var(x, ddof=1))) for x in (case["treatment"], case["control"]))
    absolute, relative = (
        mean_thresholds(difference(t, c), is_relative=is_relative, is_skewed=False, inflation=1.0)
        for is_relative in (False, True)
    )
    assert absolute
    assert absolute.pvalue(-case["margin"], 1) == pytest.approx(case["pvalue_above"], rel=EXACT)
    assert absolute.pvalue(case["margin"], -1) == pytest.approx(case["pvalue_below"], rel=EXACT)
    assert relative
    assert relative.pvalue(-0.05, 1) == pytest.approx(case["pvalue_within_5_percent"], rel=EXACT)


@kept("proportions")
def test_the_score_test_is_prop_test_and_fisher_is_fisher(case: dict[str, Any]) -> None:
    x_t, n_t, x_c, n_c = case["counts"]
    k = Counts(x_t=x_t, n_t=n_t, x_c=x_c, n_c=n_c)
    # R's chi-square has no factor N / (N - 1).
    z = score_z(k) * k.correction**0.5
    assert z**2 == pytest.approx(case["chisq"], rel=EXACT)
    assert 2 * float(ndtr(-abs(z))) == pytest.approx(case["pvalue"], rel=EXACT)
    assert exact_pvalues(k)[0] == pytest.approx(case["fisher"], rel=1e-7)


@kept("binom.test")
def test_a_small_split_is_binom_test(case: dict[str, Any]) -> None:
    share = case["share"]
    assert sample_ratio_pvalue(case["counts"], [share, 1 - share])[1] == pytest.approx(case["pvalue"], rel=1e-7)


@kept("chisq.test")
def test_a_large_split_is_chisq_test(case: dict[str, Any]) -> None:
    found = sample_ratio_pvalue(case["counts"], [1.0] * len(case["counts"]))
    assert found == pytest.approx((case["statistic"], case["pvalue"]), rel=EXACT)


@kept("p.adjust")
def test_corrections_are_p_adjust(case: dict[str, Any]) -> None:
    assert holm(case["pvalues"]) == pytest.approx(case["holm"], rel=EXACT)
    assert benjamini_hochberg(case["pvalues"]) == pytest.approx(case["bh"], rel=EXACT)


@kept("ratio")
def test_ratios_are_t_tests_of_linearised_units(case: dict[str, Any]) -> None:
    rows = np.stack([case["numerator"], case["denominator"]], axis=1)
    t, c = np.split(rows, [int(case["clusters"])])
    whole = summary(MetricKind.RATIO, moments_of(c), moments_of(t))
    found = estimate(whole, 1, level=0.95, n_resamples=0, seed=0)
    e = found.estimates[0]
    assert (found.values[1], found.values[0]) == pytest.approx(tuple(case["values"]), rel=EXACT)
    assert (e.df, e.pvalue) == pytest.approx((case["df"], case["pvalue"]), rel=EXACT)
    assert (e.absolute.low, e.absolute.high) == pytest.approx(tuple(case["interval"]), rel=EXACT)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_still_says_what_is_kept() -> None:
    made = subprocess.run(["Rscript", str(GOLDEN / "r.R")], capture_output=True, text=True, check=True).stdout
    for kept_case, case in zip(CASES, json.loads(made)["cases"], strict=True):
        for key, value in case.items():
            # Another version of R may differ in the last digits.
            assert kept_case[key] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-10))
