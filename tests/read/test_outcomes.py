"""Assignments in one file, outcomes in another."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.errors import AbimpactError

UNITS = 600


def two(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Assignments, and orders of some of them, of strangers, and of nobody."""
    rng = np.random.default_rng(seed)
    assigned = pd.DataFrame(
        {
            "user_id": np.arange(UNITS),
            "variant": rng.permutation(np.array(["rules", "ml"])[np.arange(UNITS) % 2]),
            "event_time": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 14 * 24, UNITS), unit="h"),
            "pre": np.round(rng.gamma(2, 5, UNITS), 2),
        }
    )
    n = 900
    orders = pd.DataFrame(
        {
            "customer": rng.integers(0, UNITS + 100, n).astype(float),
            "revenue": np.round(rng.gamma(2, 10, n), 2),
            "event_time": pd.Timestamp("2026-02-20") + pd.to_timedelta(rng.integers(0, 40 * 24, n), unit="h"),
        }
    )
    orders.loc[:9, "customer"] = np.nan
    return assigned, orders


def report(tmp_path: Path, assigned: Any, orders: pd.DataFrame, text: str = "", **given: Any) -> dict[str, Any]:
    orders.to_csv(tmp_path / "orders.csv", index=False)
    config = tmp_path / "abimpact.toml"
    config.write_text(
        '[data]\nunit = "user_id"\nvariant = "variant"\nincumbent = "rules"\ntime = "event_time"\n'
        f'[data.outcomes]\nfile = "orders.csv"\nby = "customer"\n{text}'
    )
    data: Any = assigned
    if isinstance(assigned, pd.DataFrame) and given.pop("as_file", True):
        assigned.to_parquet(tmp_path / "assigned.parquet")
        data = tmp_path / "assigned.parquet"
    return analyze(data, config=config, **{"metrics": ["revenue"], **given}).to_dict()


def check(result: dict[str, Any], code: str) -> dict[str, Any]:
    return next(c for c in result["checks"] if c["code"] == code)


@pytest.mark.parametrize("rule", ["sum", "mean", "max", "first", "last"])
@pytest.mark.parametrize("as_file", [True, False])
def test_outcomes_are_joined_by_the_unit(tmp_path: Path, rule: str, as_file: bool) -> None:
    assigned, orders = two()
    result = report(
        tmp_path, assigned, orders, several_rows=rule, missing="zero", covariates=["pre"], as_file=as_file, resamples=0
    )
    known = orders.dropna(subset="customer")
    by_unit = getattr(known.groupby("customer").revenue, rule)()
    wanted = assigned.set_index("user_id").join(by_unit).fillna({"revenue": 0}).groupby("variant").revenue
    (found,) = result["metrics"]
    for arm in ("incumbent", "proposed"):
        variant = found[arm]["variant"]
        assert found[arm]["value"] == pytest.approx(wanted.mean()[variant], rel=1e-12)
        assert found[arm]["units"] == wanted.size()[variant]
    assert found["estimates"][-1]["method"] in ("adjusted", "skewed")
    said = check(result, "outcomes")["data"]
    assert said["rows"] == len(orders)
    assert said["without_unit"] == 10
    assert said["unassigned_rows"] == (known.customer >= UNITS).sum()
    assert said["unassigned_units"] == known.customer[known.customer >= UNITS].nunique()
    assert said["units_without"] == UNITS - known.customer[known.customer < UNITS].nunique()
    assert check(result, "outcomes")["severity"] == "info"


def test_no_row_is_zero_only_where_it_is_said(tmp_path: Path) -> None:
    assigned, orders = two()
    result = report(tmp_path, assigned, orders, several_rows="sum")
    buyers = orders.customer[orders.customer < UNITS].nunique()
    (found,) = result["metrics"]
    assert found["incumbent"]["units"] + found["proposed"]["units"] == buyers
    assert check(result, "outcomes")["severity"] == "warn"
    assert check(result, "outcomes")["data"]["metrics"] == ["revenue"]


def test_several_outcomes_need_a_rule(tmp_path: Path) -> None:
    result = report(tmp_path, *two(), missing="zero")
    assert check(result, "duplicate_rows")["severity"] == "block"


def test_an_assignment_that_is_written_twice_counts_once(tmp_path: Path) -> None:
    assigned, orders = two()
    twice = pd.concat([assigned, assigned.head(50)])
    one, other = (report(tmp_path, a, orders, several_rows="sum", missing="zero") for a in (assigned, twice))
    assert one["metrics"][0]["incumbent"] == other["metrics"][0]["incumbent"]
    assert any("50 further assignments" in c["message"] for c in other["checks"])


def test_a_unit_in_both_variants_is_found(tmp_path: Path) -> None:
    assigned, orders = two()
    other = assigned.head(3).assign(variant=lambda d: np.where(d.variant == "ml", "rules", "ml"))
    result = report(tmp_path, pd.concat([assigned, other]), orders, several_rows="sum", missing="zero")
    assert check(result, "units_in_both_arms")["data"]["units"] == 3


def test_outcomes_are_events_in_windows(tmp_path: Path) -> None:
    assigned, orders = two()
    result = report(
        tmp_path,
        assigned,
        orders,
        "[data.events]\nwindow_days = 7\n",
        metrics=["revenue=sum of revenue", "orders=count of *"],
        covariates=["sum of revenue before exposure", "pre"],
    )
    both = assigned.merge(orders, left_on="user_id", right_on="customer", suffixes=("", "_o"))
    late = both.event_time_o - both.event_time
    inside = both[(late >= pd.Timedelta(0)) & (late < pd.Timedelta(days=7))]
    units = assigned.set_index("user_id")
    sums = units.join(inside.groupby("user_id").revenue.agg(["sum", "count"])).fillna({"sum": 0, "count": 0})
    wanted = sums.groupby("variant")[["sum", "count"]].mean()
    for metric, column in zip(result["metrics"], ("sum", "count"), strict=True):
        for arm in ("incumbent", "proposed"):
            assert metric[arm]["value"] == pytest.approx(wanted.loc[metric[arm]["variant"], column], rel=1e-12)
    known = orders.dropna(subset="customer")
    assert check(result, "unexposed")["data"]["units"] == known.customer[known.customer >= UNITS].nunique()
    assert check(result, "event_windows")["data"]["before"] == (late < pd.Timedelta(0)).sum()


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("", {"metrics": ["pre"], "several_rows": "sum"}, "of the assignments"),
        ("", {"metrics": ["refund"]}, "no column 'refund'"),
    ],
)
def test_errors(tmp_path: Path, text: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(AbimpactError) as caught:
        report(tmp_path, *two(), text, **given)
    assert said in str(caught.value)


def test_the_option_and_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from abimpact.cli.main import main

    assigned, orders = two()
    assigned.to_parquet(tmp_path / "assigned.parquet")
    orders.rename(columns={"customer": "user_id"}).to_parquet(tmp_path / "orders.parquet")
    monkeypatch.chdir(tmp_path)
    asked = ["report", "assigned.parquet", "-m", "revenue", "--incumbent", "rules", "--several-rows", "sum"]
    asked += ["--missing", "zero", "--time", "event_time"]
    assert main([*asked, "--outcomes", "orders.parquet", "-q"]) == 0
    assert "revenue" in capsys.readouterr().out
    assert main([*asked, "--outcomes", "order.parquet"]) == 3
    assert "orders.parquet" in capsys.readouterr().err
