"""Several comparisons: families as declared, intervals that hold together, and wholes that contradict their parts."""

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from scipy.stats import dunnett, false_discovery_control, multivariate_t, t
from statsmodels.stats.multitest import multipletests

from abimpact import analyze
from abimpact.errors import ConfigError
from abimpact.estimate.dunnett import critical_value, level_of_each
from tests.decide.test_verdict import SCHEMA
from tests.logs import frame


def log(units: int = 3_000, seed: int = 9, variants: tuple[str, ...] = ("rules", "a", "b", "c")) -> pd.DataFrame:
    data = frame(units, seed=seed)
    names = np.array(variants)
    data["variant"] = np.random.default_rng(seed).permutation(names[np.arange(units) % len(names)])
    data["value"] += 0.6 * (data["variant"] == "b")
    return data


def told(data: Any, folder: Path | None = None, toml: str = "", **more: Any) -> dict[str, Any]:
    if folder:
        (folder / "abimpact.toml").write_text(toml, encoding="utf-8")
        more["config"] = folder / "abimpact.toml"
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "resamples": 0, "metrics": ["value"], **more}
    found = analyze(data, **asked).to_dict()
    jsonschema.validate(found, SCHEMA)
    return found


def chosen(metric: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in metric["estimates"] if e["method"] == metric["chosen_method"])
    return found


# Two-sided 5 % points of Dunnett's table (Dunnett 1964, Biometrics 20, table II; equal groups).
@pytest.mark.parametrize(
    ("comparisons", "df", "expected"),
    [(2, np.inf, 2.21), (3, np.inf, 2.35), (5, np.inf, 2.51), (2, 20, 2.38), (4, 10, 2.89)],
)
def test_critical_values_of_the_published_table(comparisons: int, df: float, expected: float) -> None:
    assert critical_value([np.sqrt(0.5)] * comparisons, df, 0.95) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("shares", [(0.7, 0.7), (0.9, 0.5, 0.3), (0.0, 0.0)])
def test_critical_values_cover_the_multivariate_t(shares: tuple[float, ...]) -> None:
    df = 12
    q = critical_value(shares, df, 0.95)
    b = np.array(shares)
    corr = np.outer(b, b) + np.diag(1 - b**2)
    drawn = multivariate_t(np.zeros(len(b)), corr, df, seed=1).rvs(200_000)
    inside = float((np.abs(drawn) <= q).all(axis=1).mean())
    # Within four standard errors of the simulation.
    assert inside == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / len(drawn)))
    assert level_of_each(q, df) == pytest.approx(1 - 2 * t.sf(q, df), rel=1e-12)
    assert critical_value(shares[:1], df, 0.95) == pytest.approx(t.ppf(0.975, df), rel=1e-9)


def test_with_equal_spreads_they_are_dunnetts() -> None:
    data = log(8_000)
    metrics = told(data)["metrics"]
    groups = {v: data.loc[data["variant"] == v, "value"].to_numpy() for v in ("rules", "a", "b", "c")}
    reference = dunnett(groups["a"], groups["b"], groups["c"], control=groups["rules"], rng=3)
    intervals = reference.confidence_interval(0.95)
    for k, metric in enumerate(metrics):
        found = metric["simultaneous"]["absolute"]
        width = intervals.high[k] - intervals.low[k]
        # scipy pools the variance and integrates by quasi-Monte-Carlo: a hundredth of the width.
        assert (found["low"], found["high"]) == pytest.approx((intervals.low[k], intervals.high[k]), abs=0.01 * width)
        single = chosen(metric)["absolute"]
        assert found["low"] < single["low"] < single["high"] < found["high"]
        assert found["level"] == 0.95
        assert metric["simultaneous"]["each_level"] == pytest.approx(0.98, abs=0.005)


def test_intervals_hold_together_where_spreads_differ() -> None:
    rng = np.random.default_rng(12)
    runs, n, sd = 2_000, np.array([200, 60, 120]), np.array([1.0, 3.0, 0.5])
    held = 0
    for _ in range(runs):
        # Sample means and variances of normal arms, without an effect.
        mean = rng.normal(0, sd / np.sqrt(n))
        var = sd**2 * rng.chisquare(n - 1) / (n - 1) / n
        se = np.sqrt(var[1:] + var[0])
        df = (var[1:] + var[0]) ** 2 / (var[1:] ** 2 / (n[1:] - 1) + var[0] ** 2 / (n[0] - 1))
        q = _critical(float(np.sqrt(var[0]) / se[0]), float(np.sqrt(var[0]) / se[1]), df.min())
        held += bool((np.abs(mean[1:] - mean[0]) <= q * se).all())
    assert held / runs == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / runs))


def _critical(first: float, second: float, df: float) -> float:
    """Rounded, so that most runs share a value that is computed once."""
    key = (round(first, 1), round(second, 1), round(df, -1))
    if key not in _KNOWN:
        _KNOWN[key] = critical_value(key[:2], key[2], 0.95)
    return _KNOWN[key]


_KNOWN: dict[tuple[float, float, float], float] = {}


def test_all_kinds_of_metric_have_them_and_single_variants_none(tmp_path: Path) -> None:
    toml = '[[metric]]\nname = "converted"\nrole = "primary"\n[[metric]]\nname = "v"\nkind = "ratio"\n'
    toml += 'numerator = "value"\ndenominator = "sessions"\nrole = "primary"\n'
    toml += '[[metric]]\nname = "value"\nkind = "quantile"\nquantile = 0.5\nrole = "primary"\n'
    metrics = told(log(), tmp_path, toml, metrics=[])["metrics"]
    assert len(metrics) == 9
    for metric in metrics:
        wide, single = metric["simultaneous"]["absolute"], chosen(metric)["absolute"]
        assert wide["low"] < single["low"] < single["high"] < wide["high"]
        assert wide["estimate"] == pytest.approx(single["estimate"])
    two = told(log(variants=("rules", "a")))["metrics"]
    assert [m["simultaneous"] for m in two] == [None]


def test_the_report_shows_them() -> None:
    page = analyze(
        log(), unit="unit", variant="variant", incumbent="rules", metrics=["value"], resamples=0
    ).to_markdown()
    assert page.count("for all variants together: ") == 3
    assert "p adjusted for several comparisons (Holm)" in page


@pytest.mark.parametrize(("rule", "method"), [("holm", "holm"), ("benjamini_hochberg", "fdr_bh"), ("none", None)])
def test_families_are_adjusted_as_declared(rule: str, method: str | None, tmp_path: Path) -> None:
    families = "\n".join(f'{family} = "{rule}"' for family in ("primary", "secondary", "guardrail", "segment"))
    asked: dict[str, Any] = {
        "metrics": ["value", "converted", "sessions"],
        "guardrails": ["value:p90", "value/sessions"],
        "segments": ["country"],
    }
    metrics = told(log(), tmp_path, f"[analysis.corrections]\n{families}\n", **asked)["metrics"]
    for role in ("primary", "secondary", "guardrail"):
        family = [chosen(m) for m in metrics if m["role"] == role]
        raw = [e["pvalue"] for e in family]
        expected = multipletests(raw, method=method)[1] if method else raw
        assert [e["pvalue_adjusted"] for e in family] == pytest.approx(list(expected), rel=1e-9)
    assert {m["correction"] for m in metrics} == {rule}
    segments = [s["estimates"][-1] for m in metrics for s in m["segments"]]
    raw = [e["pvalue"] for e in segments]
    expected = multipletests(raw, method=method)[1] if method else raw
    assert [e["pvalue_adjusted"] for e in segments] == pytest.approx(list(expected), rel=1e-9)


def test_the_usual_families() -> None:
    metrics = told(log(), metrics=["value", "converted"], guardrails=["sessions"], segments=["country"])["metrics"]
    assert [m["correction"] for m in metrics[:3]] == ["holm", "holm", "none"]
    segments = [s["estimates"][-1] for m in metrics for s in m["segments"]]
    adjusted = false_discovery_control([e["pvalue"] for e in segments])
    assert [e["pvalue_adjusted"] for e in segments] == pytest.approx(list(adjusted), rel=1e-9)


def test_an_unknown_correction_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"corrections\.primary"):
        told(log(), tmp_path, '[analysis.corrections]\nprimary = "bonferoni"\n')


def mixed(better: float) -> pd.DataFrame:
    """Better by `better` in each country, but with more units where values are low."""
    rng = np.random.default_rng(3)
    n = 6_000
    is_ml = np.arange(n) % 2 == 1
    is_low = rng.random(n) < np.where(is_ml, 0.7, 0.3)
    value = np.where(is_low, 5.0, 20.0) + better * is_ml + rng.normal(0, 2, n)
    return pd.DataFrame(
        {
            "unit": np.arange(n),
            "variant": np.where(is_ml, "ml", "rules"),
            "country": np.where(is_low, "NL", "CH"),
            "value": value,
        }
    )


def test_a_whole_that_contradicts_all_its_parts_is_told_with_the_mix() -> None:
    data = mixed(1.0)
    (found,) = [c for c in told(data, segments=["country"])["checks"] if c["code"] == "mix_shift"]
    assert found["severity"] == "warn"
    assert found["data"]["effect"] < 0
    for value, part in found["data"]["segments"].items():
        mine = data[data["country"] == value]
        means = mine.groupby("variant")["value"].mean()
        assert part["effect"] == pytest.approx(means["ml"] - means["rules"], rel=1e-9)
        for key, variant in (("share_incumbent", "rules"), ("share_proposed", "ml")):
            of = data[data["variant"] == variant]
            assert part[key] == pytest.approx((of["country"] == value).mean(), rel=1e-12)
    assert "higher in every country" in found["message"]


def test_parts_that_disagree_or_agree_with_the_whole_are_no_paradox() -> None:
    data = mixed(-1.0)
    (found,) = [c for c in told(data, segments=["country"])["checks"] if c["code"] == "mix_shift"]
    assert found["severity"] == "pass"
    assert [c for c in told(data)["checks"] if c["code"] == "mix_shift"] == []
