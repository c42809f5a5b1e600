"""Each check fires on a log made for it, says its numbers, and keeps quiet on a sound one."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.check.missing import shares_differ
from abimpact.check.split import nearest_split
from abimpact.check.table import run_checks
from abimpact.check.time import overlap
from abimpact.findings import Finding, Severity
from tests.logs import by_code, frame, opened


def checked(data: Any, specs: Sequence[str] = ("value",), **request: Any) -> dict[str, Finding]:
    with opened(data, specs, **request) as log:
        return by_code(run_checks(log))


def test_a_sound_log_passes_everything() -> None:
    found = checked(frame(), ["value", "converted", "value/sessions"], time="day", segments=("country",))
    assert {f.severity for f in found.values()} == {Severity.PASS}
    expected = (
        "sample_ratio units_in_both_arms duplicate_rows not_concurrent variant_follows missing_unit missing_variant "
        "sample_ratio_over_time exposure_gaps"
    )
    assert {*expected.split(), "unknown_variant", "missing_values", "nonfinite_values", "too_few_units"} == set(found)


@pytest.mark.parametrize(
    ("kept", "split", "severity"),
    [
        (1000, None, "pass"),
        (880, None, "warn"),
        (800, None, "block"),
        (800, "1000:800", "pass"),
        (1000, "60:40", "block"),
    ],
)
def test_sample_ratio(kept: int, split: str | None, severity: str) -> None:
    data = frame()
    lost = data.index[data.variant == "ml"][kept:]
    found = checked(data.drop(lost), split=split)["sample_ratio"]
    assert found.severity == severity
    assert found.data["counts"] == {"rules": 1000, "ml": kept}
    assert set(found.data) >= {"counts", "expected", "statistic", "pvalue"}
    assert ("was planned" in found.message) == (split is not None)


@pytest.mark.parametrize(
    ("counts", "split"),
    [((900, 100), (90, 10)), ((5030, 4970), (50, 50)), ((340, 660), (1, 2)), ((3, 4, 5), (1, 1, 1))],
)
def test_an_undeclared_split_is_the_nearest_round_one(counts: tuple[int, ...], split: tuple[float, ...]) -> None:
    found = nearest_split(counts)
    assert np.allclose(np.array(found) / sum(found), np.array(split) / sum(split))


@pytest.mark.parametrize(("units", "severity"), [(5, "warn"), (40, "block")])
def test_units_in_both_arms_are_excluded(units: int, severity: str) -> None:
    data = frame()
    again = data[:units].assign(variant=np.where(data.variant[:units] == "ml", "rules", "ml"))
    with opened(pd.concat([data, again])) as log:
        found = by_code(run_checks(log))["units_in_both_arms"]
        assert sum(log.units) == 2000 - units
    assert found.severity == severity
    assert found.data == {"units": units, "share": units / 2000, "rows": 2 * units}


@pytest.mark.parametrize(
    ("units", "rule", "severity"),
    [(10, None, "warn"), (100, None, "block"), (100, "sum", "info"), (100, "last", "info")],
)
def test_duplicate_rows(units: int, rule: str | None, severity: str) -> None:
    data = frame()
    found = checked(pd.concat([data, data[:units], data[:1]]), several_rows=rule)["duplicate_rows"]
    assert found.severity == severity
    assert (found.data["units"], found.data["rows"]) == (units, units + 1)
    assert str(found.data["rule"]) in found.message


def test_units_in_both_arms_do_not_count_as_duplicates() -> None:
    data = frame()
    again = data[:5].assign(variant=np.where(data.variant[:5] == "ml", "rules", "ml"))
    assert checked(pd.concat([data, again]))["duplicate_rows"].severity == Severity.PASS


def test_rows_without_unit_or_variant_and_of_other_variants_are_counted() -> None:
    data = frame()
    data["unit"] = data.unit.astype("Int64")
    data.loc[:9, "unit"] = None
    data.loc[10:29, "variant"] = None
    data.loc[30:35, "variant"] = "beta"
    found = checked(data, proposed=("ml",))
    assert found["missing_unit"].data == {"rows": 10}
    assert found["missing_variant"].data == {"rows": 20}
    assert found["unknown_variant"].data == {"rows": 6, "values": {"beta": 6}}
    assert found["missing_unit"].severity == found["missing_variant"].severity == Severity.WARN


@pytest.mark.parametrize(("rules", "ml", "severity"), [(50, 50, "info"), (20, 120, "warn")])
def test_missing_values_tell_attrition(rules: int, ml: int, severity: str) -> None:
    data = frame()
    for variant, n in (("rules", rules), ("ml", ml)):
        data.loc[data.index[data.variant == variant][:n], "value"] = None
    found = checked(data)["missing_values"]
    assert found.severity == severity
    assert found.data["missing"] == {"rules": rules, "ml": ml}
    assert found.data["pvalue"] == pytest.approx(shares_differ((rules, ml), (1000, 1000)))


def test_missing_may_mean_zero() -> None:
    data = frame()
    data.loc[:99, "value"] = None
    with opened(data, missing="zero") as log:
        assert "count as zero" in by_code(run_checks(log))["missing_values"].message
    report = analyze(
        data, unit="unit", variant="variant", incumbent="rules", metrics=["value"], missing="zero"
    ).to_dict()
    assert sum(report["metrics"][0][arm]["units"] for arm in ("incumbent", "proposed")) == 2000


def test_values_that_are_not_finite_are_left_out() -> None:
    data = frame(value=np.random.default_rng(1).normal(size=2000))
    data.loc[:2, "value"] = [np.inf, -np.inf, np.nan]
    with opened(data) as log:
        found = by_code(run_checks(log))["nonfinite_values"]
        # pandas hands NaN over as a missing value, infinities as they are.
        assert found.data == {"metric": "value", "rows": 2}
        assert log.columns["value"][0].high < 10


@pytest.mark.parametrize(("units", "severity"), [(40, "warn"), (3, "block")])
def test_too_few_units(units: int, severity: str) -> None:
    data = frame(units, variant=["rules"] + ["ml"] * (units - 1)) if units < 10 else frame(units)
    assert checked(data)["too_few_units"].severity == severity


def test_rules_in_february_against_ml_in_march_is_no_experiment() -> None:
    data = frame()
    data["day"] = np.where(data.variant == "ml", data.day, data.day - pd.Timedelta(days=28))
    report = analyze(data, unit="unit", variant="variant", incumbent="rules", metrics=["value"], time="day")
    assert (report.verdict.code, report.verdict.reason) == ("invalid", "not_an_experiment")
    assert "Run both at once" in report.to_markdown()


def test_a_few_units_on_different_days_are_chance() -> None:
    for seed in range(50):
        assert checked(frame(40, seed=seed), time="day")["not_concurrent"].severity != Severity.BLOCK
    assert overlap((1, 0, 1, 0, 1), (0, 1, 0, 1, 0)) == 1.0
    assert overlap((50, 0, 50, 0), (0, 50, 0, 50)) == 0.0
    assert overlap((20, 0), (0, 20)) == 0.0


def test_a_staggered_start_warns_only() -> None:
    data = frame()
    late = (data.variant == "ml") & (data.day < "2026-03-19")
    assert checked(data[~late], time="day", split="1000:360")["not_concurrent"].severity == Severity.WARN


@pytest.mark.parametrize("column", ["segment", "covariate"])
def test_a_column_that_determines_the_variant_is_no_experiment(column: str) -> None:
    data = frame()
    data["market"] = np.where(data.variant == "ml", 1, 2) * 10 + np.arange(2000) % 3
    asked = {"segments": ("market",)} if column == "segment" else {"covariates": ("market",)}
    found = checked(data, **asked)["variant_follows"]
    assert found.severity == Severity.BLOCK
    assert found.data["column"] == "market"


def test_a_repeating_column_looks_like_the_unit() -> None:
    data = frame().drop(columns="unit")
    data["store"] = np.where(data.variant == "ml", 0, 100) + np.arange(2000) % 50
    found = checked(data, unit=None)["looks_like_unit"]
    assert found.severity == Severity.WARN
    assert found.data == {"column": "store", "values": 100, "rows": 2000}
    assert "looks_like_unit" not in checked(data.drop(columns="store"), unit=None)


def test_constant_skewed_and_outlying_metrics() -> None:
    rng = np.random.default_rng(3)
    data = frame(20_000, variant=np.where(rng.random(20_000) < 0.1, "ml", "rules"), constant=7)
    data["revenue"] = np.where(rng.random(20_000) < 0.05, rng.lognormal(3.0, 1.5, 20_000), 0.0)
    data.loc[data.index[data.variant == "ml"][0], "revenue"] = 50_000.0
    report = analyze(
        data, unit="unit", variant="variant", incumbent="rules", metrics=["revenue", "constant", "value"], split="90:10"
    )
    found = by_code(report.values.findings)
    assert found["constant_metric"].data == {"metric": "constant"}
    assert found["skewed_metric"].data["metric"] == "revenue"
    assert found["skewed_metric"].data["skewness"] > 10
    assert found["outliers"].data["units"] == 1
    without = data[data.revenue < 50_000].groupby("variant").revenue.mean()
    assert found["outliers"].data["effect_without"] == pytest.approx(without["ml"] - without["rules"])
    metrics = {m["name"]: m for m in report.to_dict()["metrics"]}
    assert metrics["revenue"]["chosen_method"] == "skewed"
    assert metrics["constant"]["not_estimated"]["reason"] == "constant_metric"
    assert metrics["value"]["chosen_method"] == "welch"


def test_guesses_are_said() -> None:
    data = frame().rename(columns={"unit": "user_id"})
    with opened(data, unit=None, variant=None, incumbent=None) as log:
        said = " ".join(f.message for f in run_checks(log) if f.code == "guessed")
    assert all(name in said for name in ("'user_id'", "'variant'", "'rules'"))


def test_a_day_with_another_split_is_found() -> None:
    data = frame(20_000)
    lost = data.index[(data.day == "2026-03-09") & (data.variant == "ml")][::2]
    found = checked(data.drop(lost), time="day")["sample_ratio_over_time"]
    assert found.severity == Severity.WARN
    assert [d["day"] for d in found.data["days"]] == ["2026-03-09"]
    assert checked(data, time="day")["sample_ratio_over_time"].severity == Severity.PASS


def test_splits_of_sound_days_hardly_ever_alarm() -> None:
    # At 0.001 over all days together, 100 sound logs alarm once with a probability of 10 %, three times with 0.02 %.
    alarms = [checked(frame(600, seed=s), time="day")["sample_ratio_over_time"].severity for s in range(100)]
    assert alarms.count(Severity.WARN) <= 2


def test_days_without_units_are_gaps() -> None:
    data = frame(20_000)
    gone = (data.day == "2026-03-09") | ((data.day == "2026-03-12") & (data.variant == "ml"))
    found = checked(data[~gone], time="day")["exposure_gaps"]
    assert found.severity == Severity.WARN
    assert found.data == {"days": ["2026-03-09"], "variants": {"ml": ["2026-03-12"]}}
    assert checked(data, time="day")["exposure_gaps"].severity == Severity.PASS


def test_days_that_chance_leaves_empty_are_no_gap_but_months_are() -> None:
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.random.default_rng(5).integers(0, 1000, 2000), unit="D")
    data = frame(day=days)
    assert len(set(days)) < 900
    assert checked(data, time="day")["exposure_gaps"].severity == Severity.PASS
    data = data[(data.day < "2025-03-01") | (data.day > "2025-03-31")]
    found = checked(data, time="day")["exposure_gaps"]
    assert found.severity == Severity.WARN
    assert len(found.data["days"]) >= 31
    assert {"2025-03-01", "2025-03-31"} <= set(found.data["days"])


@pytest.mark.parametrize(
    ("request_", "severity"),
    [
        ({"planned_end": date(2026, 4, 10)}, Severity.WARN),
        ({"planned_end": date(2026, 3, 28)}, Severity.PASS),
        ({"planned_end": date(2026, 4, 10), "as_of": date(2026, 4, 12)}, Severity.PASS),
        ({"planned_units": 3_000}, Severity.WARN),
        ({"planned_units": 2_000}, Severity.PASS),
        ({"planned_end": date(2026, 4, 10), "sequential": "always-valid"}, Severity.PASS),
    ],
)
def test_a_test_still_running_is_marked(request_: dict[str, Any], severity: Severity) -> None:
    assert checked(frame(), time="day", **request_)["peeking"].severity == severity


def test_without_a_plan_nothing_is_said_of_peeking() -> None:
    assert "peeking" not in checked(frame(), time="day")


def test_several_currencies_are_not_averaged() -> None:
    data = frame(currency=np.where(np.arange(2_000) % 3, "EUR", "USD"))
    found = checked(data)["mixed_currency"]
    assert (found.severity, found.data["rows"]) == (Severity.WARN, {"EUR": 1333, "USD": 667})
    assert checked(frame(currency="EUR"))["mixed_currency"].severity == Severity.PASS
    assert "mixed_currency" not in checked(data, ["converted"])


def test_a_covariate_that_differs_was_not_there_before() -> None:
    rng = np.random.default_rng(0)
    data = frame(before=rng.normal(10, 2, 2_000))
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"], "resamples": 0}
    sound = analyze(data, covariates=["before"], **asked)
    assert by_code(sound.values.findings)["pre_period_imbalance"].severity == Severity.PASS
    data.loc[data.variant == "ml", "before"] += 1.0
    found = by_code(analyze(data, covariates=["before"], **asked).values.findings)["pre_period_imbalance"]
    assert (found.severity, found.data["covariate"]) == (Severity.WARN, "before")
    assert found.data["pvalue"] < 1e-6


@pytest.mark.parametrize(("factor", "severity"), [(1.0, Severity.PASS), (1.1, Severity.PASS), (2.0, Severity.WARN)])
def test_an_effect_beyond_what_is_plausible_is_doubted(factor: float, severity: Severity) -> None:
    data = frame()
    data.loc[data.variant == "ml", "value"] *= factor
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"], "resamples": 0}
    assert by_code(analyze(data, **asked).values.findings)["too_good"].severity == severity
