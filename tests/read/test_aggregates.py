"""Tables of counts, means and variances give the report that the rows would give."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.errors import AbimpactError
from tests.logs import frame, real_data

LONG = """
[data]
kind = "aggregates"
variant = "variant"
incumbent = "rules"
[data.aggregates]
metric = "metric"
count = "n"
{columns}
"""


MOMENTS = 'mean = "mean"\nvariance = "variance"'


def cells(log: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Counts, means and so on of two metrics."""
    long = log.melt([*by], ["value", "converted"], "metric", "x")
    return long.groupby([*by, "metric"], as_index=False).agg(
        n=("x", "size"),
        mean=("x", "mean"),
        variance=("x", "var"),
        total=("x", "sum"),
        squares=("x", lambda x: (x**2).sum()),
    )


def report(folder: Path, table: pd.DataFrame, config: str, **more: Any) -> dict[str, Any]:
    path = folder / "abimpact.toml"
    path.write_text(config)
    return analyze(table, config=path, **more).to_dict()


@pytest.mark.parametrize(
    ("by", "columns"),
    [
        (["variant"], 'mean = "mean"\nvariance = "variance"'),
        (["variant"], 'sum = "total"\nsum_squares = "squares"'),
        (["variant", "country"], 'mean = "mean"\nvariance = "variance"'),
    ],
    ids=["moments", "sums", "added up"],
)
def test_aggregates_give_the_report_of_the_rows(tmp_path: Path, by: list[str], columns: str) -> None:
    log = frame()
    told = report(tmp_path, cells(log, by), LONG.format(columns=columns), metrics=["value", "converted:lower"])
    rows = analyze(
        log, unit="unit", variant="variant", incumbent="rules", metrics=["value", "x=converted * 1.0"], resamples=0
    ).to_dict()
    assert told["experiment"]["units"] == rows["experiment"]["units"]
    mine, theirs = told["metrics"][0]["estimates"][0], rows["metrics"][0]["estimates"][0]
    for scale in ("absolute", "relative"):
        for key in ("estimate", "low", "high"):
            assert mine[scale][key] == pytest.approx(theirs[scale][key], rel=1e-9)
    assert mine["pvalue"] == pytest.approx(theirs["pvalue"], rel=1e-9)
    assert told["metrics"][1]["better"] == "lower"
    assert {c["code"] for c in told["checks"]} == {"sample_ratio", "too_few_units", "guessed", "too_good"}


def test_a_proportion_is_declared_and_scored(tmp_path: Path) -> None:
    metric = '[[metric]]\nname = "conversion"\nvalue = "converted"\nkind = "proportion"\nrole = "primary"\n'
    log = frame()
    told = report(
        tmp_path, cells(log, ["variant"]), metric + LONG.format(columns='mean = "mean"\nvariance = "variance"')
    )
    rows = analyze(log, unit="unit", variant="variant", incumbent="rules", metrics=["converted"], resamples=0).to_dict()
    mine, theirs = (r["metrics"][0]["estimates"][0] for r in (told, rows))
    assert (mine["method"], mine["absolute"]) == ("score", theirs["absolute"])


def test_the_last_cumulative_look_counts_and_earlier_ones_are_told(tmp_path: Path) -> None:
    log = frame(20_000)
    log.loc[log["variant"] == "ml", "value"] += 0.0
    first = log[log["day"] < "2026-03-10"].copy()
    first.loc[first["variant"] == "ml", "value"] += 2.0
    table = pd.concat(
        [cells(first, ["variant"]).assign(day="2026-03-09"), cells(log, ["variant"]).assign(day="2026-03-28")]
    )
    columns = 'mean = "mean"\nvariance = "variance"\nlook = "day"'
    told = report(tmp_path, table, LONG.format(columns=columns), metrics=["value"])
    assert sum(told["experiment"]["units"].values()) == len(log)
    (found,) = (c for c in told["checks"] if c["code"] == "peeking")
    assert (found["severity"], found["data"]["looks"], found["data"]["significant_looks"]) == ("warn", 2, 1)
    held = report(tmp_path, table, LONG.format(columns=columns) + '[analysis]\nsequential = "always-valid"\n')
    assert not [c for c in held["checks"] if c["code"] == "peeking"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ('mean = "mean"', "variance"),
        ('variance = "variance"', "mean"),
        ('mean = "mean"\nvariance = "nope"', "no column 'nope'"),
        (f'{MOMENTS}\nexperiment = "metric"', "several experiments"),
        (f'{MOMENTS}\n[[metric]]\nname = "profit"\nrole = "primary"', "no metric 'profit'"),
        (f'{MOMENTS}\n[[metric]]\nname = "value"\nkind = "quantile"\nquantile = 0.5', "only means and proportions"),
        (f'{MOMENTS}\nlook = "n2"', "several rows"),
        (f'{MOMENTS}\nsegment = "country"\n[analysis]\nsegments = ["n2"]', "one column of segments"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, columns: str, said: str) -> None:
    table = cells(frame(), ["variant", "country"]).assign(n2=1)
    with pytest.raises(AbimpactError) as caught:
        report(tmp_path, table, LONG.format(columns=columns))
    assert said in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("declared", [True, False], ids=["in the config", "by --segment"])
def test_segments_give_the_effects_of_the_rows(tmp_path: Path, declared: bool) -> None:
    log = frame()
    table = cells(log, ["variant", "country"])
    asked = {} if declared else {"segments": ["country"]}
    config = LONG.format(columns=MOMENTS + ('\nsegment = "country"' if declared else ""))
    told = report(tmp_path, table, config, metrics=["value"], **asked)["metrics"][0]
    rows = analyze(
        log, unit="unit", variant="variant", incumbent="rules", metrics=["value"], segments=["country"], resamples=0
    ).to_dict()["metrics"][0]
    assert [(s["by"], s["value"], s["units"]) for s in told["segments"]] == [
        (s["by"], s["value"], s["units"]) for s in rows["segments"]
    ]
    for mine, theirs in zip(told["segments"], rows["segments"], strict=True):
        for scale in ("absolute", "relative"):
            for key in ("estimate", "low", "high"):
                expected = pytest.approx(theirs["estimates"][-1][scale][key], rel=1e-9)
                assert mine["estimates"][-1][scale][key] == expected
    assert told["heterogeneity"][0]["pvalue"] == pytest.approx(rows["heterogeneity"][0]["pvalue"], rel=1e-9)
    assert told["estimates"][0]["absolute"]["low"] == pytest.approx(rows["estimates"][0]["absolute"]["low"], rel=1e-9)


def test_small_segments_are_taken_together_and_looks_may_have_segments(tmp_path: Path) -> None:
    log = frame()
    log["country"] = np.where(np.arange(len(log)) < 30, "LU", np.where(np.arange(len(log)) < 60, "MT", log.country))
    table = cells(log, ["variant", "country"]).assign(day=2)
    earlier = cells(log[: len(log) // 2], ["variant", "country"]).assign(day=1)
    config = LONG.format(columns=MOMENTS + '\nsegment = "country"\nlook = "day"')
    told = report(tmp_path, pd.concat([earlier, table]), config, metrics=["value"])
    found = {s["value"]: sum(s["units"].values()) for s in told["metrics"][0]["segments"]}
    assert found["(other)"] == 60
    assert sum(found.values()) == sum(told["experiment"]["units"].values()) == len(log)


def test_a_variant_without_a_metric_is_not_estimated_and_the_rest_is(tmp_path: Path) -> None:
    log = frame(variant=np.array(["rules", "ml", "nn"])[np.arange(2000) % 3])
    table = cells(log, ["variant"])
    table.loc[(table.variant == "nn") & (table.metric == "converted"), "variance"] = None
    table.loc[(table.variant == "ml") & (table.metric == "value"), "mean"] = None
    told = report(tmp_path, table, LONG.format(columns=MOMENTS))
    found = {(m["name"], m["proposed"]["variant"]): bool(m["estimates"]) for m in told["metrics"]}
    assert found == {
        ("converted", "ml"): True, ("value", "ml"): False, ("converted", "nn"): False, ("value", "nn"): True,
    }  # fmt: skip
    assert told["experiment"]["units"] == log.groupby("variant").size()[["rules", "ml", "nn"]].to_dict()


def test_a_table_of_one_metric_is_about_the_one_that_is_named(tmp_path: Path) -> None:
    table = cells(frame(), ["variant"]).query("metric == 'value'").drop(columns="metric")
    config = LONG.format(columns=MOMENTS).replace('metric = "metric"\n', "")
    assert report(tmp_path, table, config, metrics=["revenue:lower"])["metrics"][0]["name"] == "revenue"


ASOS = """
[data]
kind = "aggregates"
variant = "variant_id"
incumbent = "control"
where = "experiment_id = '{experiment}'"
[data.aggregates]
experiment = "experiment_id"
metric = "metric_id"
look = "time_since_start"
count = "count_t"
mean = "mean_t"
variance = "variance_t"
incumbent_count = "count_c"
incumbent_mean = "mean_c"
incumbent_variance = "variance_c"
"""


GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "asos.json").read_text())
REAL = real_data()


@pytest.mark.skipif(REAL is None, reason="the real logs are not part of the project")
@pytest.mark.parametrize("experiment", sorted({key.split("|")[0] for key in GOLDEN["last_look"]}))
def test_real_experiments_agree_with_their_reference(tmp_path: Path, experiment: str) -> None:
    assert REAL
    path = tmp_path / "abimpact.toml"
    path.write_text(ASOS.format(experiment=experiment))
    told = analyze(REAL / "asos.parquet", config=path).to_dict()
    for key, expected in GOLDEN["last_look"].items():
        name, variant, metric = key.split("|")
        if name != experiment:
            continue
        found = next(m for m in told["metrics"] if (m["name"], m["proposed"]["variant"]) == (metric, variant))
        welch = found["estimates"][0]
        assert (found["incumbent"]["units"], found["proposed"]["units"]) == (expected["n_c"], expected["n_t"])
        assert welch["absolute"]["estimate"] == pytest.approx(expected["abs_diff"], rel=1e-9)
        assert welch["pvalue"] == pytest.approx(expected["welch_p"], rel=1e-8)
        # The reference takes the normal quantile for its limits, which is short of Student's by (z^2 + 1) / (4 df).
        for limits, theirs in (
            ([welch["absolute"][k] for k in ("low", "high")], expected["ci95"]),
            ([100 * welch["relative"][k] for k in ("low", "high")], expected["fieller_ci_pct"]),
        ):
            near = 1.3 / welch["df"] * (theirs[1] - theirs[0])
            assert limits == pytest.approx(theirs, abs=near)
        look = next(
            c["data"] for c in told["checks"]
            if c["code"] == "peeking" and (c["data"]["metric"], c["data"]["proposed"]) == (metric, variant)
        )  # fmt: skip
        assert (look["looks"], look["first"]) == (expected["looks"], expected["first_p_below_0_05_at"])


@pytest.mark.slow
@pytest.mark.skipif(REAL is None, reason="the real logs are not part of the project")
def test_peeking_is_counted_as_its_reference_counts_it(tmp_path: Path) -> None:
    assert REAL
    counts = {"comparisons": 0, "significant_at_last_look": 0, "significant_at_some_look": 0}
    path = tmp_path / "abimpact.toml"
    for experiment in sorted(set(pd.read_parquet(REAL / "asos.parquet", columns=["experiment_id"])["experiment_id"])):
        path.write_text(ASOS.format(experiment=experiment))
        for check in analyze(REAL / "asos.parquet", config=path).to_dict()["checks"]:
            if check["code"] == "peeking":
                counts["comparisons"] += 1
                counts["significant_at_last_look"] += check["data"]["pvalue"] < 0.05
                counts["significant_at_some_look"] += check["data"]["significant_looks"] > 0
    assert counts == {name: GOLDEN["peeking"][name] for name in counts}
