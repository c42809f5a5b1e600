"""The tool on real experiment logs, end to end, against numbers computed with scipy and statsmodels elsewhere.

The logs state no licence and are not part of the project: they are read from $ABIMPACT_REAL_DATA, or from the folder
beside the project, and the tests skip where neither is there. Closed forms must agree to 1e-9 relative.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from abimpact import Report, analyze
from tests.logs import by_code, real_data

FOLDER = real_data()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="the real logs are not here; set ABIMPACT_REAL_DATA")
PUBLISHED = json.loads((Path(__file__).parent / "golden" / "real.json").read_text())


def run(file: str, **asked: Any) -> Report:
    assert FOLDER is not None
    return analyze(FOLDER / file, **asked)


def metric(report: Report, name: str, proposed: str | None = None) -> dict[str, Any]:
    found = [m for m in report.to_dict()["metrics"] if m["name"] == name]
    return next(m for m in found if proposed in (None, m["proposed"]["variant"]))


def estimate(found: dict[str, Any], method: str) -> dict[str, Any]:
    return next(e for e in found["estimates"] if e["method"] == method)


def assert_welch(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Units, means, difference, Welch's test and interval, and the bootstrap within its Monte-Carlo error."""
    for arm, name in (("incumbent", "control"), ("proposed", "treatment")):
        assert found[arm]["units"] == expected[name]["n"]
        assert found[arm]["value"] == pytest.approx(expected[name]["mean"], rel=1e-9)
    welch = estimate(found, "welch")
    assert welch["absolute"]["estimate"] == pytest.approx(expected["abs_diff"], rel=1e-9)
    assert [welch["absolute"]["low"], welch["absolute"]["high"]] == pytest.approx(expected["welch"]["ci95"], rel=1e-9)
    assert (welch["statistic"], welch["df"], welch["pvalue"]) == pytest.approx(
        (expected["welch"]["t"], expected["welch"]["df"], expected["welch"]["p"]), rel=1e-9
    )
    if expected["bootstrap"]:
        resampled = estimate(found, "bootstrap")["absolute"]
        limits = expected["bootstrap"]["diff_ci"]
        assert [resampled["low"], resampled["high"]] == pytest.approx(
            limits, abs=0.35 * expected["bootstrap"]["diff_se"]
        )


def assert_proportion(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts, and the pooled z with the N / (N - 1) factor that makes it the score test."""
    counts = expected["proportion"]
    score = estimate(found, "score")
    n = counts["n_t"] + counts["n_c"]
    assert found["chosen_method"] == "score"
    assert score["absolute"]["estimate"] == pytest.approx(expected["abs_diff"], rel=1e-9)
    assert score["statistic"] == pytest.approx(counts["z"] * ((n - 1) / n) ** 0.5, rel=1e-9)
    assert score["absolute"]["low"] < score["absolute"]["estimate"] < score["absolute"]["high"]
    assert [score["absolute"]["low"], score["absolute"]["high"]] == pytest.approx(
        counts["diff_ci_newcombe"], abs=2e-3 * abs(score["absolute"]["high"] - score["absolute"]["low"]) + 2e-5
    )


def test_cookie_cats() -> None:
    report = run(
        "cookie_cats.csv",
        unit="userid",
        variant="version",
        incumbent="gate_30",
        proposed="gate_40",
        metrics=["retention_7", "retention_1", "sum_gamerounds"],
    )
    published = PUBLISHED["cookie_cats"]
    assert (report.verdict.code, report.verdict.reason) == ("keep", "worse")
    assert_proportion(metric(report, "retention_7"), published["retention_7"])
    assert_proportion(metric(report, "retention_1"), published["retention_1"])
    assert_welch(metric(report, "sum_gamerounds"), published["sum_gamerounds"])
    found = by_code(report.values.findings)
    assert found["sample_ratio"].severity == "warn"
    assert found["sample_ratio"].data["pvalue"] == pytest.approx(published["srm_p"], rel=1e-9)
    assert found["outliers"].data["units"] == 1
    assert found["outliers"].data["effect_without"] == pytest.approx(published["abs_diff_without_outlier"], rel=1e-9)
    assert "One unit (49,854)" in found["outliers"].message
    assert "6390605" not in report.to_json()
    assert {f.code for f in report.values.findings if f.severity != "pass"} == {
        "sample_ratio",
        "outliers",
        "shapes_differ",
    }


def test_ab_data() -> None:
    asked = {
        "unit": "user_id",
        "variant": "group",
        "incumbent": "control",
        "metrics": ["converted"],
        "time": "timestamp",
    }
    published = PUBLISHED["ab_data"]
    dirty = by_code(run("ab_data.csv.gz", **asked).values.findings)
    assert dirty["units_in_both_arms"].data["units"] == published["users_in_both_groups"]
    repeated = dirty["duplicate_rows"].data["units"] + dirty["units_in_both_arms"].data["units"]
    assert repeated == published["users_with_more_than_one_row"]
    clean = run("ab_data.csv.gz", where="(\"group\" = 'treatment') = (landing_page = 'new_page')", **asked)
    found = by_code(clean.values.findings)
    assert found["duplicate_rows"].data["units"] == 1
    assert found["units_in_both_arms"].severity == found["sample_ratio"].severity == "pass"
    assert_proportion(metric(clean, "converted"), published["converted"])
    assert found["filtered_rows"].data == {"rows": 3_893, "read": published["rows"]}
    assert clean.values.units == {"control": 145_274, "treatment": 145_310}
    rows = clean.to_dict()["provenance"]["sources"][0]["rows"]
    assert rows == published["rows"]
    assert (clean.verdict.code, clean.verdict.reason) == ("keep_testing", "inconclusive")


def test_hillstrom_keeps_equal_rows_and_compares_three_arms() -> None:
    metrics = ["spend", "visit", "conversion"]
    report = run("hillstrom.parquet", variant="segment", incumbent="No E-Mail", metrics=metrics)
    published = PUBLISHED["hillstrom"]
    for proposed in ("Mens E-Mail", "Womens E-Mail"):
        assert_welch(metric(report, "spend", proposed), published[proposed]["spend"])
        for name in ("visit", "conversion"):
            assert_proportion(metric(report, name, proposed), published[proposed][name])
    assert sum(report.values.units.values()) == 64_000
    assert report.verdict.proposed == "Mens E-Mail"
    assert by_code(report.values.findings)["sample_ratio"].severity == "pass"
    assert "looks_like_unit" not in by_code(report.values.findings)


def test_open_bandit_has_a_column_without_a_name() -> None:
    report = run("obd_men.parquet", variant="policy", incumbent="random", metrics=["click"], time="timestamp")
    published = PUBLISHED["obd_men"]["click"]
    assert_proportion(metric(report, "click"), published)
    lift = metric(report, "click")["estimates"][0]["relative"]
    assert lift["high"] - lift["estimate"] > 1.4 * (lift["estimate"] - lift["low"])
    assert {f.code for f in report.values.findings if f.severity != "pass"} == set()


def test_orders_have_buyers_in_both_arms() -> None:
    report = run(
        "orders.csv", unit="visitorId", variant="group", incumbent="A", metrics=["revenue"], several_rows="sum"
    )
    found = by_code(report.values.findings)["units_in_both_arms"]
    assert (found.severity, found.data["units"], found.data["rows"]) == ("block", 58, 181)
    assert report.verdict.reason == "units_in_both_arms"


def test_marketing_has_thousands_commas_and_clusters() -> None:
    report = run("WA_Marketing-Campaign.csv", variant="Promotion", incumbent="1", metrics=["Gross Sales"])
    assert_welch(metric(report, "Gross Sales", "2"), PUBLISHED["fastfood"]["2"])
    found = by_code(report.values.findings)
    assert found["looks_like_unit"].data == {"column": "LocationID", "values": 137, "rows": 548}
    assert "thousands commas" in found["guessed"].message


def test_marketing_by_store() -> None:
    report = run(
        "WA_Marketing-Campaign.csv", variant="Promotion", incumbent="1", cluster="LocationID", metrics=["Gross Sales"]
    )
    published = PUBLISHED["fastfood_stores"]
    for proposed in ("2", "3"):
        found, expected = metric(report, "Gross Sales", proposed), published[proposed]["location_level"]
        by_store = estimate(found, "delta")
        assert found["chosen_method"] == "delta"
        assert (by_store["statistic"], by_store["df"], by_store["pvalue"]) == pytest.approx(
            tuple(expected["welch"][k] for k in ("t", "df", "p")), rel=1e-9
        )
        limits = [by_store["absolute"][k] for k in ("low", "high")]
        assert limits == pytest.approx(expected["welch"]["ci95"], rel=1e-9)
        resampled = [estimate(found, "bootstrap")["absolute"][k] for k in ("low", "high")]
        assert resampled == pytest.approx(expected["bootstrap"]["diff_ci"], abs=0.35 * expected["bootstrap"]["diff_se"])
        # statsmodels' one correction for both arms, N - 1 over N - 2 among it, moves the standard error by under 1 %.
        assert by_store["se"] == pytest.approx(published[proposed]["cluster_ols_by_LocationID"]["se"], rel=0.01)
    ratio = by_code(report.values.findings)["sample_ratio"]
    assert (ratio.data["statistic"], ratio.data["pvalue"]) == pytest.approx(
        (published["srm_locations"]["chi2"], published["srm_locations"]["p"]), rel=1e-9
    )
    assert report.to_dict()["experiment"]["clusters"] == {"1": 43, "2": 47, "3": 47}


def test_a_log_of_buyers_is_an_event_log(tmp_path: Path) -> None:
    """orders.csv, some 58 of whose 1,031 buyers are in both groups: order values, each buyer where it was first."""
    import pandas as pd

    config = tmp_path / "abimpact.toml"
    config.write_text(
        '[data]\nunit = "visitorId"\nvariant = "group"\nincumbent = "A"\ntime = "date"\n[data.events]\n'
        '[[metric]]\nname = "order value"\nnumerator = "sum of revenue"\ndenominator = "count of *"\nrole = "primary"\n'
    )
    result = run("orders.csv", config=config).to_dict()
    assert FOLDER is not None
    orders = pd.read_csv(FOLDER / "orders.csv", parse_dates=["date"])
    first = orders.sort_values("date", kind="stable").groupby("visitorId").group.first()
    both = orders.groupby("visitorId").group.nunique() > 1
    by_group = orders.groupby(orders.visitorId.map(first)).revenue
    (found,) = result["metrics"]
    for arm, name in (("incumbent", "A"), ("proposed", "B")):
        assert found[arm]["value"] == pytest.approx(by_group.mean()[name], rel=1e-12)
        assert found[arm]["units"] == (first == name).sum()
    check = next(c for c in result["checks"] if c["code"] == "units_in_both_arms")
    assert check["data"]["units"] == both.sum() == 58
