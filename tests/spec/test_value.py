"""`[value]`: keys, costs by variant and by column, priors, and what is refused."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from abimpact import analyze
from abimpact.errors import ConfigError, DataError
from tests.logs import frame

GIVEN = {"currency": "EUR", "units_per_year": 1e6, "build_cost": 10_000, "run_cost_per_year": 5_000}


def report(value: Mapping[str, Any], metrics: tuple[str, ...] = ("value",), **more: Any) -> dict[str, Any]:
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "resamples": 0, "metrics": metrics}
    return analyze(more.pop("data", frame()), value={**GIVEN, **value}, **{**asked, **more}).to_dict()


def chosen(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    metric = next(m for m in told["metrics"] if m["name"] == name)
    return next(e for e in metric["estimates"] if e["method"] == metric["chosen_method"])


def test_the_effect_becomes_money() -> None:
    told = report({"worth": 0.5, "horizon_years": 2, "discount_rate": 0.1})
    effect = chosen(told, "value")["absolute"]["estimate"]
    years = 1 / 1.1 + 1 / 1.1**2
    assert told["value"]["annual"]["estimate"] == pytest.approx(0.5e6 * effect)
    assert told["value"]["annual_net"]["estimate"] == pytest.approx(0.5e6 * effect - 5_000)
    assert told["value"]["npv"]["estimate"] == pytest.approx(years * (0.5e6 * effect - 5_000) - 10_000)
    assert told["value"]["costs"] == {"build_cost": 10_000, "run_cost_per_year": 5_000, "cost_per_unit": 0.0}


def test_items_of_ones_own_are_added() -> None:
    plain = report({})["value"]["npv"]["estimate"]
    told = report({"migration_cost": 700, "monitoring_cost_per_year": 300, "cost_per_unit": 0.001})["value"]
    assert told["npv"]["estimate"] == pytest.approx(plain - 700 - 300 - 1_000)


def test_costs_of_single_units_are_taken_from_the_effect_with_their_covariance() -> None:
    rng = np.random.default_rng(1)
    log = frame(tokens=rng.poisson(50, 2_000) + 0.0)
    log.loc[::7, "tokens"] = np.nan
    told = report({"worth": 0.5, "cost_per_unit": "0.001 * tokens", "cost_per_sessions": 0.2}, data=log)
    net = 0.5 * log["value"] - 0.001 * log["tokens"].fillna(0) - 0.2 * log["sessions"]
    is_ml = log["variant"] == "ml"
    effect = net[is_ml].mean() - net[~is_ml].mean()
    se = np.sqrt(net[is_ml].var() / is_ml.sum() + net[~is_ml].var() / (~is_ml).sum())
    assert told["value"]["metric"] == "value less costs"
    assert told["value"]["annual"]["estimate"] == pytest.approx(1e6 * effect, rel=1e-9)
    assert told["value"]["probability_pays"] == pytest.approx(norm.cdf((effect - 0.015) / se), rel=1e-9)
    assert [m["role"] for m in told["metrics"]] == ["primary", "secondary"]


def test_a_proposed_variant_may_cost_otherwise() -> None:
    log = frame(3_000, variant=np.array(["rules", "ml", "vendor"])[np.arange(3_000) % 3])
    told = report({"costs": {"vendor": {"build_cost": 0, "run_cost_per_year": 90_000}}}, data=log)
    by = {v["proposed"]: v for v in told["values"]}
    assert by["vendor"]["costs"] == {"build_cost": 0, "run_cost_per_year": 90_000, "cost_per_unit": 0.0}
    assert by["ml"]["costs"]["build_cost"] == 10_000
    assert told["value"]["proposed"] == told["verdict"]["proposed"]
    assert 0 < by["ml"]["probability_best"] + by["vendor"]["probability_best"] <= 1
    (contrast,) = told["contrasts"]
    gap = by["vendor"]["npv"]["estimate"] - by["ml"]["npv"]["estimate"]
    assert contrast["npv"]["estimate"] == pytest.approx(gap)
    # The two share an incumbent, so the contrast is that of their own units alone.
    values = {name: log.loc[log["variant"] == name, "value"] for name in ("ml", "vendor")}
    se = np.sqrt(sum(v.var() / len(v) for v in values.values()))
    assert (contrast["npv"]["high"] - contrast["npv"]["low"]) / 2 == pytest.approx(1e6 * norm.ppf(0.975) * se)


def test_the_volume_can_be_that_of_the_log() -> None:
    told = report({"units_per_year": "log", "traffic_share": 0.5}, time="day")["value"]
    assert told["units_per_year"] == pytest.approx(2_000 / 28 * 365 / 0.5)
    assert any("from the log" in text for text in told["assumptions"])
    with pytest.raises(ConfigError, match="without dates"):
        report({"units_per_year": "log"}, data=frame().drop(columns="day"))


def test_variants_that_are_not_compared_are_traffic_and_may_have_costs() -> None:
    log = frame()
    log.loc[log.index % 4 == 0, "variant"] = "vendor"
    costs = {"vendor": {"build_cost": 0}}
    told = report({"units_per_year": "log", "costs": costs}, data=log, time="day", proposed="ml")["value"]
    assert told["units_per_year"] == pytest.approx(len(log) / 28 * 365)


def test_who_waits_forgoes_the_gain_on_all_traffic_that_does_not_have_it() -> None:
    data = frame()
    data["value"] += 3 * (data["variant"] == "ml")
    share = (data["variant"] == "ml").mean()
    for part in (1.0, 0.2):
        told = report({"units_per_year": "log", "traffic_share": part}, data=data, time="day")["value"]
        lost = (1 - share * part) * told["annual"]["estimate"] * 28 / 365
        assert told["evsi"][1]["cost"] == pytest.approx(lost, rel=1e-9)


def test_a_prior_shrinks_and_says_so() -> None:
    plain, told = report({})["value"], report({"prior_sd": 0.1})["value"]
    assert 0 < told["posterior"]["weight"] < 1
    assert abs(told["annual"]["estimate"]) < abs(plain["annual"]["estimate"])
    assert report({"prior_lift_sd": "2%"})["value"] == report({"prior_lift_sd": 0.02})["value"]


def test_lower_is_better_earns_by_falling() -> None:
    log = frame()
    higher, lower = report({}, data=log)["value"], report({}, ("value:lower",), data=log)["value"]
    assert lower["annual"]["estimate"] == pytest.approx(-higher["annual"]["estimate"])
    assert lower["break_even"]["absolute"] == pytest.approx(-higher["break_even"]["absolute"])


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        ({"metric": "profit"}, ConfigError, "no metric is called 'profit'"),
        ({"worht": 1}, ConfigError, "Did you mean 'worth'"),
        ({"worth": 0}, ConfigError, "value.worth"),
        ({"build_cost": -1}, ConfigError, "value.build_cost"),
        ({"cost_per_token": 1}, DataError, "no column 'token'"),
        ({"cost_per_unit": "nope * 2"}, DataError, "nope"),
        ({"costs": {"nobody": {"build_cost": 1}}}, ConfigError, "no variant is called 'nobody'"),
        ({"costs": {"ml": {"worth": 1}}}, ConfigError, "value.costs.ml.worth"),
        ({"prior_lift_sd": "much"}, ConfigError, "prior_lift_sd"),
        ({"prior_lift_sd": "2%", "prior_sd": 1}, ConfigError, "exclude each other"),
        ({"prior_mean": 1.0}, ConfigError, "prior_sd"),
        ({"simplest_first": ["rules", "tree"]}, ConfigError, "'tree'"),
    ],
)
def test_mistakes_are_named(value: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        report(value)
    assert said in f"{caught.value} {getattr(caught.value, 'hint', '')}"


@pytest.mark.parametrize("key", ["currency", "units_per_year", "build_cost", "run_cost_per_year"])
def test_money_is_never_invented(key: str) -> None:
    given = {k: v for k, v in GIVEN.items() if k != key}
    with pytest.raises(ConfigError, match=f"value.{key} is missing"):
        analyze(frame(), unit="unit", variant="variant", incumbent="rules", metrics=["value"], value=given)


def test_a_quantile_and_logged_costs_of_a_ratio_are_refused() -> None:
    with pytest.raises(ConfigError, match="quantile"):
        report({}, ("value:p90",))
    with pytest.raises(ConfigError, match="ratio"):
        report({"cost_per_sessions": 1}, ("value/sessions",))
