"""A skewed KPI in a small variant, from the log to the report."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_ind

from abimpact import analyze


def skewed_log(negative: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    variant = np.where(np.arange(5_000) % 10 == 0, "ml", "rules")
    revenue = np.where(rng.random(5_000) < 0.1, rng.lognormal(3.0, 1.0, 5_000).round(2), 0.0)
    return pd.DataFrame({"variant": variant, "revenue": -revenue if negative else revenue})


def told(log: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    report = analyze(log, variant="variant", incumbent="rules", metrics=["revenue"], split="90:10", resamples=0)
    found = report.to_dict()
    metric = found["metrics"][0]
    assert metric["chosen_method"] == "skewed"
    finding = next(c for c in found["checks"] if c["code"] == "skewed_metric")
    return {e["method"]: e for e in metric["estimates"]}, finding


def arms(log: pd.DataFrame) -> tuple[Any, Any]:
    return (log.loc[log["variant"] == v, "revenue"].to_numpy() for v in ("rules", "ml"))  # type: ignore[return-value]


@pytest.mark.parametrize("negative", [False, True])
def test_the_far_limit_is_moved_out_as_the_formula_says(negative: bool) -> None:
    log = skewed_log(negative)
    c, t = arms(log)
    estimates, finding = told(log)
    n_c, n_t, n = len(c), len(t), len(log)
    pooled = ((n_t - 1) * t.var(ddof=1) + (n_c - 1) * c.var(ddof=1)) / (n - 2)
    third = (((t - t.mean()) ** 3).sum() + ((c - c.mean()) ** 3).sum()) / n
    gamma = third * (1 / n_t**2 - 1 / n_c**2) / (pooled * (1 / n_t + 1 / n_c)) ** 1.5
    assert finding["data"]["gamma"] == pytest.approx(gamma, rel=1e-9)
    welch = ttest_ind(t, c, equal_var=False)
    q, v_c = student.ppf(0.975, welch.df), c.var(ddof=1) / n_c
    cap, floor = (np.sqrt(bound(t.var(ddof=1), pooled) / n_t + v_c) for bound in (min, max))
    far = max((q + min(abs(gamma), 1) * (2 * q * q + 1) / 6) * cap, q * floor)
    limits = welch.confidence_interval(0.95)
    skewed, d = estimates["skewed"]["absolute"], t.mean() - c.mean()
    expected = (d - far, limits.high) if negative else (limits.low, d + far)
    assert (skewed["low"], skewed["high"]) == pytest.approx(expected, rel=1e-9)
    assert estimates["skewed"]["pvalue"] >= estimates["welch"]["pvalue"] * (1 - 1e-12)


def test_capped_and_trimmed_effects_stand_beside_it() -> None:
    log = skewed_log()
    c, t = arms(log)
    _, finding = told(log)
    capped = finding["data"]["capped"]
    cap = np.sort(log["revenue"])[int(np.ceil(0.999 * len(log))) - 1]
    assert capped["cap"] == cap
    assert capped["units"] == {"rules": int((c > cap).sum()), "ml": int((t > cap).sum())}
    assert capped["estimate"] == pytest.approx(np.minimum(t, cap).mean() - np.minimum(c, cap).mean(), rel=1e-9)
    assert capped["low"] < capped["estimate"] < capped["high"]
    assert 1 <= finding["data"]["without_top"]["units"] <= 10
    assert "Capped at" in finding["message"]
