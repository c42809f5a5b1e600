"""Effects by segment: each as its own units give it, pooled where small, drawn together and adjusted."""

from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, ttest_ind
from statsmodels.stats.meta_analysis import combine_effects

from abimpact import analyze
from abimpact.estimate.segments import pool
from tests.decide.test_verdict import SCHEMA
from tests.estimate.cases import cases
from tests.logs import frame


@cases("segments")
def test_pooled_effects(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    found = pool(given["effects"], given["se"])
    close = {"rel": 1e-8, "abs": 1e-12}
    assert found.statistic == pytest.approx(expected["Q"], **close)
    assert (found.df, found.pvalue) == (expected["df"], pytest.approx(expected["p_heterogeneity"], **close))
    assert (found.i2, found.tau2) == pytest.approx((expected["I2"], expected["tau2_dl"]), **close)
    assert found.shrunken == pytest.approx(expected["shrunk"], **close)
    assert found.shrunken_se == pytest.approx(expected["shrunk_se_morris"], **close)


def log(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    made = frame(6_000, seed=5, shop=rng.choice(["a", "b", "c"], 6_000), **columns)
    made.loc[(made["variant"] == "ml") & (made["country"] == "DE"), "value"] += 3.0
    made.loc[:59, "country"] = "LU"
    made.loc[60:99, "country"] = "MT"
    made.loc[100:399, "country"] = None
    return made


def report(data: pd.DataFrame, segments: tuple[str, ...] = ("country",), **more: Any) -> dict[str, Any]:
    asked = {"metrics": ["value", "converted", "value/sessions", "value:p50"], "resamples": 0, **more}
    told = analyze(data, unit="unit", variant="variant", incumbent="rules", segments=segments, **asked).to_dict()
    jsonschema.validate(told, SCHEMA)
    return told


def test_every_segment_is_that_of_its_own_units_and_small_ones_are_pooled() -> None:
    data = log()
    metric = report(data)["metrics"][0]
    assert [s["value"] for s in metric["segments"]] == ["DE", "FR", "NL", None, "(other)"]
    known = data["country"].fillna("?").replace({"LU": "(other)", "MT": "(other)"})
    for segment in metric["segments"]:
        mine = data[known == (segment["value"] or "?")]
        arms = {v: mine.loc[mine["variant"] == v, "value"] for v in ("rules", "ml")}
        assert segment["units"] == {v: len(x) for v, x in arms.items()}
        welch = segment["estimates"][0]
        test = ttest_ind(arms["ml"], arms["rules"], equal_var=False)
        assert (welch["statistic"], welch["df"]) == pytest.approx((test.statistic, test.df), rel=1e-9)
    everywhere = [s["estimates"][-1] for m in report(data)["metrics"] for s in m["segments"] if s["estimates"]]
    adjusted = false_discovery_control([e["pvalue"] for e in everywhere])
    assert [e["pvalue_adjusted"] for e in everywhere] == pytest.approx(list(adjusted))


def test_heterogeneity_agrees_with_statsmodels() -> None:
    for metric in report(log())["metrics"][:3]:
        effects = np.array([s["estimates"][-1]["absolute"]["estimate"] for s in metric["segments"]])
        se = np.array([s["estimates"][-1]["se"] for s in metric["segments"]])
        reference = combine_effects(effects, se**2, method_re="dl")
        (found,) = metric["heterogeneity"]
        assert (found["by"], found["df"]) == ("country", len(effects) - 1)
        assert (found["statistic"], found["tau2"]) == pytest.approx((reference.q, max(reference.tau2, 0)), rel=1e-9)


def test_several_columns_each_have_their_own_and_quantiles_have_none() -> None:
    told = report(log(), ("country", "shop"))
    assert [h["by"] for h in told["metrics"][0]["heterogeneity"]] == ["country", "shop"]
    assert {s["value"] for s in told["metrics"][0]["segments"] if s["by"] == "shop"} == {"a", "b", "c"}
    assert told["metrics"][3]["segments"] == []


def test_a_segment_with_one_variant_or_value_has_no_estimate() -> None:
    data = log()
    data.loc[data["shop"] == "c", "value"] = 7.0
    segments = report(data, ("shop",))["metrics"][0]["segments"]
    assert [bool(s["estimates"]) for s in segments] == [True, True, False]
    assert [s["shrunken"] is None for s in segments] == [False, False, True]


def test_covariates_adjust_segments_too() -> None:
    data = frame(6_000)
    data["before"] = data["value"] + np.random.default_rng(1).normal(0, 1, len(data))
    told = report(data, metrics=["value"], covariates=["before"])["metrics"][0]
    assert all(s["estimates"][-1]["method"] == "adjusted" for s in told["segments"])


@pytest.mark.parametrize(("effect", "said"), [(0.0, "No evidence that"), (3.0, "differs by country")])
def test_the_sentence_says_whether_segments_differ(effect: float, said: str) -> None:
    data = frame(6_000, seed=3)
    data.loc[(data["variant"] == "ml") & (data["country"] == "DE"), "value"] += effect
    page = analyze(
        data, unit="unit", variant="variant", incumbent="rules", segments=["country"], metrics=["value"], resamples=0
    ).to_markdown()
    assert said in page
    assert "<summary>For whom</summary>" in page
    if effect:
        assert "for DE, luck allowed for" in page


def test_hostile_segment_names_are_values_like_others() -> None:
    names = np.array(["a'b", 'c"d', "<script>", "(other)"])
    data = frame(4_000, country=names[np.arange(4_000) % 4])
    found = report(data)["metrics"][0]["segments"]
    assert sorted(s["value"] for s in found) == sorted(names)


def test_a_column_without_a_large_value_is_one_pool() -> None:
    data = frame(2_000, country=[f"c{i}" for i in range(2_000)])
    (only,) = report(data)["metrics"][0]["segments"]
    assert (only["value"], sum(only["units"].values())) == ("(other)", 2_000)


@pytest.mark.parametrize(
    ("metric", "more"), [("value", {}), ("value/sessions", {}), ("value", {"covariates": ["before"]})]
)
def test_a_segment_is_resampled_as_if_it_were_alone(metric: str, more: dict[str, Any]) -> None:
    data = log()
    data["before"] = data["value"] + np.random.default_rng(1).normal(0, 1, len(data))
    asked = {"metrics": [metric], "resamples": 9999, "studentized": True, **more}
    segments = report(data, ("shop",), **asked)["metrics"][0]["segments"]
    assert [s["value"] for s in segments] == ["a", "b", "c"]
    for segment in segments:
        alone = report(data[data["shop"] == segment["value"]], (), **asked)["metrics"][0]
        found, known = ({e["method"]: e for e in x["estimates"]} for x in (segment, alone))
        assert [*found][-1] == alone["chosen_method"]
        for method in ("bootstrap", "bootstrap_t"):
            for side in ("low", "high"):
                # Monte-Carlo errors of the two quantiles: each some 0.027 standard errors.
                off = found[method]["absolute"][side] - known[method]["absolute"][side]
                assert abs(off) < 0.15 * segment["estimates"][-1]["se"]
            assert found[method]["pvalue"] == pytest.approx(known[method]["pvalue"], abs=0.04)


def test_what_is_resampled_by_segment() -> None:
    data = log(few=np.arange(6_000).astype(str), many=np.arange(6_000) % 21)
    data["few"] = data["many"] % 20
    asked = {"metrics": ["value", "converted"], "resamples": 99}
    primary, secondary = report(data, ("few", "many"), **asked)["metrics"]
    methods = {
        by: {e["method"] for s in primary["segments"] if s["by"] == by for e in s["estimates"]}
        for by in ("few", "many")
    }
    assert methods["few"] - methods["many"] == {"bootstrap"}
    assert "bootstrap" not in {e["method"] for s in secondary["segments"] for e in s["estimates"]}


def test_segments_of_clusters_are_resampled_by_cluster() -> None:
    data = log()
    rng = np.random.default_rng(2)
    data["store"] = rng.integers(0, 200, len(data))
    data["variant"] = np.where(data["store"] % 2, "ml", "rules")
    asked = {"metrics": ["value"], "resamples": 9999, "cluster": "store"}
    for segment in report(data, ("shop",), **asked)["metrics"][0]["segments"]:
        alone = report(data[data["shop"] == segment["value"]], (), **asked)["metrics"][0]
        found, known = ({e["method"]: e for e in x["estimates"]} for x in (segment, alone))
        off = found["bootstrap"]["absolute"]["low"] - known["bootstrap"]["absolute"]["low"]
        assert abs(off) < 0.15 * segment["estimates"][-1]["se"]
