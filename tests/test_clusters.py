"""Clusters that were randomised: against statsmodels' cluster-robust regression, cluster means, and by simulation."""

from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2, ttest_ind, ttest_rel

from abimpact import analyze
from abimpact.errors import ConfigError, DataError, UsageError
from abimpact.estimate.clustered import by_cluster
from abimpact.estimate.estimate import Estimate
from abimpact.estimate.kinds import compare_linear
from abimpact.estimate.quantile import below_quantile, ranks_wanted
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import ClusterSums
from tests.decide.test_verdict import SCHEMA
from tests.estimate.cases import cases, moments_of, summary
from tests.estimate.test_golden import ratio_moments
from tests.logs import by_code, opened

STORES = 120


def log(stores: int = STORES, size: Any = None, seed: int = 4, effect: float = 0.0) -> pd.DataFrame:
    """Stores of different sizes, a variant each, whose customers resemble each other."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(5, 60, stores) if size is None else np.full(stores, size)
    store = np.repeat(np.arange(stores), sizes)
    n = len(store)
    is_ml = rng.permutation(np.arange(stores) % 2)[store]
    level = rng.normal(0, 3, stores)[store]
    return pd.DataFrame(
        {
            "unit": np.arange(n),
            "store": np.array([f"s{i}" for i in range(stores)])[store],
            "variant": np.where(is_ml, "ml", "rules"),
            "value": 20 + level + rng.normal(0, 4, n) + effect * is_ml,
            "before": 10 + level + rng.normal(0, 2, n),
            "sessions": 1 + rng.poisson(2 + (level > 0), n),
            "bought": (rng.random(n) < 0.2 + 0.05 * np.tanh(level)).astype(int),
            "region": np.where(store % 3 == 0, "north", "south"),
            "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 14, n), unit="D"),
        }
    )


def switchback(clusters: int = 60, seed: int = 6, effect: float = 0.0) -> pd.DataFrame:
    """City-days that each see both variants, half a day each."""
    data = log(clusters, seed=seed)
    rng = np.random.default_rng(seed)
    is_ml = rng.integers(0, 2, len(data))
    return data.assign(variant=np.where(is_ml, "ml", "rules"), value=data["value"] + effect * is_ml)


def told(data: pd.DataFrame, *metrics: str, **more: Any) -> dict[str, Any]:
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "cluster": "store", "resamples": 0, **more}
    found = analyze(data, metrics=list(metrics or ("value",)), **asked).to_dict()
    jsonschema.validate(found, SCHEMA)
    return found


def chosen(metric: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in metric["estimates"] if e["method"] == metric["chosen_method"])
    return found


def checks(found: dict[str, Any]) -> dict[str, Any]:
    return {c["code"]: c for c in found["checks"]}


def robust(data: pd.DataFrame, y: str = "value") -> tuple[float, float]:
    """Effect and raw cluster-robust variance of a regression on the variant."""
    x = sm.add_constant((data["variant"] == "ml").astype(float))
    fit = sm.OLS(data[y], x).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(data["store"])[0], "use_correction": False}
    )
    return float(fit.params.iloc[1]), float(fit.cov_params().iloc[1, 1])


def arm_variance(data: pd.DataFrame, y: str = "value") -> float:
    """The raw cluster-robust variance of one arm's mean."""
    fit = sm.OLS(data[y], np.ones(len(data))).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(data["store"])[0], "use_correction": False}
    )
    return float(np.asarray(fit.cov_params())[0, 0])


@pytest.mark.parametrize("y", ["value", "bought"])
def test_it_is_cluster_robust_regression_with_each_arms_correction(y: str) -> None:
    data = log(effect=1.0)
    metric = told(data, y)["metrics"][0]
    found = chosen(metric)
    effect, raw = robust(data, y)
    parts = [(arm_variance(d, y), d["store"].nunique()) for _, d in data.groupby("variant")]
    assert sum(v for v, _ in parts) == pytest.approx(raw, rel=1e-9)
    corrected = [v * g / (g - 1) for v, g in parts]
    df = sum(corrected) ** 2 / sum(v**2 / (g - 1) for v, (_, g) in zip(corrected, parts, strict=True))
    assert (found["method"], metric["kind"]) == ("delta", "mean" if y == "value" else "proportion")
    assert found["absolute"]["estimate"] == pytest.approx(effect, rel=1e-9)
    assert (found["se"], found["df"]) == pytest.approx((np.sqrt(sum(corrected)), df), rel=1e-9)
    assert metric["proposed"] == {
        "variant": "ml",
        "units": int((data["variant"] == "ml").sum()),
        "value": pytest.approx(data.loc[data["variant"] == "ml", y].mean(), rel=1e-12),
    }


def test_stores_of_one_size_are_their_means_compared_by_welch() -> None:
    data = log(size=25, effect=1.0)
    means = data.groupby(["store", "variant"], as_index=False)[["value", "before"]].mean()
    found = told(data)["metrics"][0]["estimates"]
    arms = [means.loc[means["variant"] == v, "value"] for v in ("ml", "rules")]
    test = ttest_ind(*arms, equal_var=False)
    assert (found[1]["statistic"], found[1]["df"], found[1]["pvalue"]) == pytest.approx(
        (test.statistic, test.df, test.pvalue), rel=1e-9
    )
    naive = ttest_ind(*(data.loc[data["variant"] == v, "value"] for v in ("ml", "rules")), equal_var=False)
    assert (found[0]["method"], found[0]["pvalue"]) == ("welch", pytest.approx(naive.pvalue, rel=1e-9))
    assert "independent" in found[0]["notes"][0]
    effect = (test.statistic / naive.statistic) ** -2
    assert f"design effect {effect:.3g}" in found[1]["notes"]

    asked: dict[str, Any] = {"metrics": ["value"], "covariates": ["before"], "variant": "variant", "incumbent": "rules"}
    by_mean = analyze(means, unit="store", **asked).to_dict()["metrics"][0]
    by_cluster = told(data, covariates=["before"], resamples=9_999)["metrics"][0]
    methods = ("adjusted", "bootstrap")
    for one, other in zip(
        *([e for e in m["estimates"] if e["method"] in methods] for m in (by_mean, by_cluster)), strict=True
    ):
        # Bins of sums and of means differ a little, so resampled limits do within their Monte-Carlo error.
        near = {"rel": 1e-9} if one["method"] == "adjusted" else {"abs": 0.06 * by_mean["estimates"][0]["se"]}
        assert [one["absolute"][k] for k in ("estimate", "low", "high")] == pytest.approx(
            [other["absolute"][k] for k in ("estimate", "low", "high")], **near
        )
        if one["method"] == "adjusted":
            assert (one["se"], one["df"]) == pytest.approx((other["se"], other["df"]), rel=1e-9)


def test_a_ratio_is_one_of_sums_over_clusters() -> None:
    data = log()
    found = chosen(told(data, "value/sessions")["metrics"][0])
    sums = data.groupby(["store", "variant"], as_index=False)[["value", "sessions"]].sum()
    arms = []
    for name in ("rules", "ml"):
        y, x = (sums.loc[sums["variant"] == name, c].to_numpy(float) for c in ("value", "sessions"))
        r = y.sum() / x.sum()
        z = (y - r * x) / x.mean()
        arms.append((r, z.var(ddof=1) / len(z)))
    assert found["absolute"]["estimate"] == pytest.approx(arms[1][0] - arms[0][0], rel=1e-9)
    assert found["se"] == pytest.approx(np.sqrt(arms[0][1] + arms[1][1]), rel=1e-9)


@cases("ratio_delta")
def test_reference_cases_by_cluster(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    arms = [ratio_moments(given[a]) for a in ("control", "treatment")]
    sums = ClusterSums(moments=tuple(arms), bins=None, cross={}, both={})
    whole = summary(MetricKind.MEAN, *arms)
    by_sums = by_cluster(replace(whole, clusters=sums), 1)
    found = compare_linear(by_sums, 1, 1 - given["alpha"])
    estimate = found.estimates[0]  # type: ignore[union-attr]
    assert isinstance(estimate, Estimate)
    close = {"rel": 1e-8, "abs": 1e-12}
    assert (estimate.absolute.estimate, estimate.se, estimate.df, estimate.pvalue) == pytest.approx(
        tuple(expected[k] for k in ("difference", "se", "df", "p_value")), **close
    )


def test_clusters_with_both_variants_are_paired() -> None:
    data = switchback(effect=0.5)
    found = told(data, resamples=99)
    estimate = chosen(found["metrics"][0])
    effect, raw = robust(data)
    g = data["store"].nunique()
    assert estimate["absolute"]["estimate"] == pytest.approx(effect, rel=1e-9)
    assert (estimate["se"], estimate["df"]) == pytest.approx((np.sqrt(raw * g / (g - 1)), g - 1), rel=1e-9)
    assert "not resampled: clusters hold both variants" in estimate["notes"]
    assert "units_in_both_arms" not in checks(found)
    naive = ttest_ind(*(data.loc[data["variant"] == v, "value"] for v in ("ml", "rules")), equal_var=False)
    assert estimate["se"] < abs(effect / naive.statistic)


def test_pairs_of_one_size_are_a_paired_t_test() -> None:
    data = log(50, size=40)
    data["variant"] = np.where(np.arange(len(data)) % 2, "ml", "rules")
    estimate = chosen(told(data)["metrics"][0])
    means = data.pivot_table(index="store", columns="variant", values="value")
    test = ttest_rel(means["ml"], means["rules"])
    assert (estimate["statistic"], estimate["df"], estimate["pvalue"]) == pytest.approx(
        (test.statistic, test.df, test.pvalue), rel=1e-9
    )


def test_covariates_adjust_pairs_too() -> None:
    plain, adjusted = (chosen(told(switchback(), covariates=c)["metrics"][0]) for c in ((), ("before",)))
    assert adjusted["method"] == "adjusted"
    assert adjusted["df"] == pytest.approx(plain["df"] - 1, abs=1e-9)
    assert adjusted["se"] < plain["se"]


@pytest.mark.parametrize(("both", "size"), [(False, 16), (False, 60), (True, 16)])
def test_intervals_cover(both: bool, size: int) -> None:
    rng = np.random.default_rng(size)
    runs, missed = 1_000, 0
    for _ in range(runs):
        sizes = rng.integers(5, 30, size)
        level = rng.normal(0, 1, size)
        arms = []
        for arm in (0, 1):
            mine = slice(None) if both else slice(arm, None, 2)
            x = sizes[mine]
            y = x * level[mine] + np.sqrt(x) * rng.normal(0, 2, len(x))
            arms.append(np.column_stack([y, x]))
        away = [a - a.mean(axis=0) for a in arms]
        sums = ClusterSums(
            moments=tuple(map(moments_of, arms)),
            bins=None,
            cross={(0, 1): away[0].T @ away[1]} if both else {},
            both={(0, 1): size} if both else {},
        )
        whole = summary(MetricKind.MEAN, *sums.moments)
        made = replace(whole, clusters=sums)
        found = compare_linear(by_cluster(made, 1), 1, 0.95)
        missed += found.estimates[0].pvalue < 0.05  # type: ignore[union-attr, operator]
    # 5 % within four standard errors, and one point more for sizes that differ among so few clusters.
    assert missed / runs == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / runs) + 0.01)


@cases("quantile_cluster_factor")
def test_quantiles_of_clusters(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    names = {"n": "n_clusters", **{k: k for k in ("sum_num", "sum_den", "sum_num_sq", "sum_den_sq", "sum_num_den")}}
    below = ratio_moments({key: given[name] for key, name in names.items()})
    found = below_quantile(below, given["nu"])
    assert found == pytest.approx(expected["design_effect"], rel=1e-9)
    h = expected["half_width_in_probability"]
    _, low, high = ranks_wanted(given["n_events"], given["nu"], level=0.95, design_effect=found)
    assert low == np.floor(given["n_events"] * (given["nu"] - h))
    assert high == np.ceil(given["n_events"] * (given["nu"] + h))


@pytest.mark.parametrize("data", [log(), switchback()], ids=["one variant", "both"])
def test_quantiles_are_wider_by_cluster_and_narrower_where_paired(data: pd.DataFrame) -> None:
    units, clusters = (
        told(data, "value:p50", cluster=cluster)["metrics"][0]["estimates"][0] for cluster in (None, "store")
    )
    assert units["absolute"]["estimate"] == clusters["absolute"]["estimate"]
    assert "design effects" in clusters["notes"][0]
    ratio = np.divide(*(e["absolute"]["high"] - e["absolute"]["low"] for e in (clusters, units)))
    assert ratio > 1.5 if data["store"].nunique() == STORES else ratio < 0.95


def test_pairs_that_always_differ_alike_have_no_interval() -> None:
    data = log(50, size=40)
    is_ml = np.arange(len(data)) % 2
    data = data.assign(variant=np.where(is_ml, "ml", "rules"), value=pd.factorize(data["store"])[0] + 2.0 * is_ml)
    metric = told(data, covariates=["before"])["metrics"][0]
    assert metric["not_estimated"]["message"] == "the difference is the same in every cluster"
    data["same"] = data.groupby("store")["before"].transform("mean")
    noisy = data.assign(value=log(50, size=40)["value"])
    found = chosen(told(noisy, covariates=["same"])["metrics"][0])
    assert found["absolute"]["estimate"] == pytest.approx(robust(noisy)[0], rel=1e-9)


def test_segments_are_by_cluster() -> None:
    data = log()
    for segment in told(data, segments=["region"])["metrics"][0]["segments"]:
        mine = data[data["region"] == segment["value"]]
        found = segment["estimates"][-1]
        raw = [(arm_variance(d), d["store"].nunique()) for _, d in mine.groupby("variant")]
        assert found["se"] == pytest.approx(np.sqrt(sum(v * g / (g - 1) for v, g in raw)), rel=1e-9)
        assert sum(segment["units"].values()) == len(mine)


def test_the_split_is_that_of_clusters() -> None:
    data = log()
    found = told(data, split="50:50")
    ratio = checks(found)["sample_ratio"]
    assert found["experiment"]["clusters"] == ratio["data"]["counts"] == {"rules": 60, "ml": 60}
    assert (found["experiment"]["cluster"], ratio["data"]["of"]) == ("store", "clusters")
    per_store = pd.crosstab(data["store"], data["variant"])
    z = per_store["ml"] - 0.5 * per_store.sum(axis=1)
    statistic = z.sum() ** 2 / (len(z) * z.var(ddof=1))
    assert ratio["data"]["pvalue_units"] == pytest.approx(chi2.sf(statistic, 1), rel=1e-9)
    lost = data[~((data["variant"] == "ml") & data["store"].isin(data["store"].unique()[:60]))]
    assert checks(told(lost, split="50:50"))["sample_ratio"]["severity"] == "block"
    # Every store is there, but those with ml lost half of their customers.
    thinned = data[(data["variant"] == "rules") | (data.index % 3 == 0)]
    assert checks(told(thinned, split="50:50"))["sample_ratio"]["severity"] == "block"


def test_a_split_within_clusters_is_that_of_their_units() -> None:
    data = switchback()
    assert checks(told(data, split="50:50"))["sample_ratio"]["severity"] == "pass"
    thinned = data[(data["variant"] == "rules") | (data.index % 2 == 0)]
    ratio = checks(told(thinned, split="50:50"))["sample_ratio"]
    assert (ratio["severity"], ratio["data"]["of"]) == ("block", "units")


def test_days_that_switch_are_an_experiment() -> None:
    rng = np.random.default_rng(3)
    days = rng.permutation(np.arange(56) % 2)
    day = rng.integers(0, 56, 6_000)
    data = pd.DataFrame(
        {
            "unit": rng.integers(0, 3_000, 6_000),
            "variant": np.where(days[day], "ml", "rules"),
            "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(day, unit="D"),
            "value": rng.normal(10, 2, 6_000),
        }
    ).drop_duplicates(["unit", "day"])
    found = told(data, cluster="day", time="day")
    blocked = [c["code"] for c in found["checks"] if c["severity"] == "block"]
    assert blocked == []
    # A customer counts once in every day that saw him.
    assert sum(found["experiment"]["units"].values()) == len(data)
    assert found["metrics"][0]["estimates"][-1]["notes"][0] == "by cluster: 28 in rules, 28 in ml"


def test_what_would_settle_it_is_more_clusters() -> None:
    data = log(60, effect=1.2)
    found = analyze(
        data, unit="unit", variant="variant", incumbent="rules", cluster="store", metrics=["value"], resamples=0
    )
    headline = found.to_dict()["verdict"]["headline"]
    assert "more clusters (store) of this size" in headline


def test_too_few_clusters() -> None:
    some = told(log(30))
    assert checks(some)["few_clusters"]["severity"] == "warn"
    assert chosen(some["metrics"][0])["notes"][0] == "by cluster: 15 in rules, 15 in ml"
    few = told(log(8))["metrics"][0]
    assert few["not_estimated"] == {
        "reason": "too_few_units",
        "message": "a variant has 4 clusters with a value, and at least 5 are needed",
    }
    assert few["incumbent"]["value"] == pytest.approx(few["incumbent"]["value"])
    assert checks(told(log()))["few_clusters"]["severity"] == "pass"


def test_what_has_no_cluster_or_value_is_left_out_and_counted() -> None:
    data = log()
    data.loc[:9, "store"] = None
    data.loc[10:19, "store"] = ""
    data.loc[20:29, "value"] = np.nan
    found = told(data)
    assert checks(found)["missing_cluster"]["data"] == {"rows": 20}
    kept = data.iloc[30:]
    assert chosen(found["metrics"][0])["absolute"]["estimate"] == pytest.approx(robust(kept)[0], rel=1e-9)
    assert sum(found["experiment"]["units"].values()) == len(data) - 20
    assert checks(told(kept))["missing_cluster"]["severity"] == "pass"


def test_several_rows_of_a_unit_in_its_cluster() -> None:
    data = log()
    twice = pd.concat([data, data.assign(value=1.0)])
    assert checks(told(twice))["duplicate_rows"]["severity"] == "block"
    summed = chosen(told(twice, several_rows="sum")["metrics"][0])
    assert summed["absolute"]["estimate"] == pytest.approx(robust(data)[0], rel=1e-9)


def test_a_covariate_that_each_cluster_has_does_not_make_groups_of_it() -> None:
    data = log()
    data["age"] = pd.factorize(data["store"])[0] % 50
    found = told(data, covariates=["age"], segments=["region"])
    assert checks(found)["variant_follows"]["severity"] == "pass"
    data["region"] = np.where(data["variant"] == "ml", "north", "south")
    assert checks(told(data, segments=["region"]))["variant_follows"]["severity"] == "block"


def test_the_unit_is_no_cluster_and_aggregates_have_none() -> None:
    with pytest.raises(UsageError, match="unit too"):
        told(log(), cluster="unit")
    with pytest.raises(DataError, match="shop"):
        told(log(), cluster="shop")
    with (
        pytest.raises(ConfigError, match="needs rows"),
        opened(log(), aggregates={"count": "sessions", "mean": "value", "variance": "before"}, cluster="store"),
    ):
        pass


def test_a_limit_is_held_against_what_clusters_know() -> None:
    from abimpact.check.table import run_checks
    from abimpact.estimate.arm import arm_interval, mean_interval
    from abimpact.summarise.clusters import scan_clusters
    from abimpact.summarise.scan import scan_moments

    data = log()
    with opened(data, cluster="store") as seen:
        assert by_code(run_checks(seen))["few_clusters"].data["total"] == STORES
        ((sums,),) = scan_clusters(seen, seen.metrics)
        moments = scan_moments(seen.engine, seen.relation, [seen.columns["value"]], 2)[0]
    whole = summary(MetricKind.MEAN, *moments)
    made = replace(whole, clusters=sums)
    mine = data[data["variant"] == "ml"]
    g = mine["store"].nunique()
    found, units = arm_interval(made, 1, 0.95), mean_interval(moments[1], 0.95)
    assert found.estimate == pytest.approx(mine["value"].mean(), rel=1e-12)
    assert found.high is not None
    assert units.high is not None
    from scipy.stats import t

    half = t.ppf(0.975, g - 1) * np.sqrt(arm_variance(mine) * g / (g - 1))
    assert found.high - mine["value"].mean() == pytest.approx(half, rel=1e-9)
    assert found.high > units.high
