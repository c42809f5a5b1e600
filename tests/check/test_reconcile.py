"""Someone else's totals beside the log's: where they part is said, and what explains it is found."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact.errors import AbimpactError
from abimpact.findings import Finding
from abimpact.pipeline.check import run_check
from abimpact.read.their_totals import read_totals
from abimpact.spec.metric import Role
from abimpact.spec.request import MetricRequest, Request
from tests.logs import frame

METRICS = (MetricRequest(spec="value", role=Role.PRIMARY), MetricRequest(spec="orders=converted"))


def log() -> pd.DataFrame:
    """Units of two months, with times of day, some of them tests, in both arms or twice."""
    data = frame(1_000).drop(columns="day")
    rng = np.random.default_rng(11)
    seconds = rng.integers(0, 59 * 86_400, len(data))
    data["time"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(seconds, unit="s")
    data["is_test"] = rng.random(len(data)) < 0.05
    twice = data[:8].assign(value=100.0, time=data.time[:8] + pd.Timedelta(minutes=1))
    both = data[10:15].assign(variant=data.variant[10:15].map({"ml": "rules", "rules": "ml"}))
    return pd.concat([data, twice, both, data[20:24]], ignore_index=True)


def analysed(data: pd.DataFrame) -> pd.DataFrame:
    """The rows that the report counts: not of units in both arms, the first of each unit."""
    in_both = data.groupby("unit").variant.transform("nunique") > 1
    return data[~in_both].sort_values("time", kind="stable").drop_duplicates("unit")


def totals(rows: pd.DataFrame, by: list[str] | None = None) -> pd.DataFrame:
    rows = rows.assign(month=rows.time.dt.strftime("%Y-%m"))
    keys = by or ["month", "variant"]
    made = rows.groupby(keys).agg(users=("unit", "nunique"), value=("value", "sum"), orders=("converted", "sum"))
    return made.reset_index().round(2)


def held(data: pd.DataFrame, path: Path | str, **asked: Any) -> Finding:
    request = Request(unit="unit", variant="variant", incumbent="rules", time="time", metrics=METRICS, **asked)
    found = run_check(request, frame=data, reconciled=str(path)).findings
    (one,) = (f for f in found if f.code == "reconcile")
    return one


def theirs(folder: Path, rows: pd.DataFrame) -> Path:
    totals(rows).to_csv(folder / "totals.csv", index=False)
    return folder / "totals.csv"


def test_totals_that_agree_pass(tmp_path: Path) -> None:
    data = log()
    found = held(data, theirs(tmp_path, analysed(data)))
    assert (found.severity, found.data["compared"], found.data["differing"]) == ("pass", 12, 0)
    assert found.data["period"] == "month"
    assert [t["ours"] for t in found.data["totals"]] == [t["theirs"] for t in found.data["totals"]]


WRONG: dict[str, tuple[Any, dict[str, Any]]] = {
    "duplicates": (lambda d: d[d.groupby("unit").variant.transform("nunique") == 1], {}),
    "both_arms": (lambda d: d.sort_values("time", kind="stable").drop_duplicates(["unit", "variant"]), {}),
    "equal_rows": (
        lambda d: d[~d.duplicated() & (d.groupby("unit").variant.transform("nunique") == 1)],
        {"several_rows": "sum"},
    ),
    "filter": (analysed, {"where": "NOT is_test"}),
    "is_test": (lambda d: analysed(d[~d.is_test]), {}),
    "time_zone": (lambda d: analysed(d).assign(time=lambda r: r.time + pd.Timedelta(hours=2)), {}),
    "window": (lambda d: analysed(d[(d.time >= "2026-03-04") & (d.time < "2026-04-20")]), {}),
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_explains_a_gap_is_found(tmp_path: Path, reason: str) -> None:
    data = log()
    counted, asked = WRONG[reason]
    found = held(data, theirs(tmp_path, counted(data)), **asked)
    assert (found.severity, found.data["explained_by"], found.data["explains_all"]) == ("warn", [reason], True)
    assert found.data["differing"] > 0
    first = found.data["totals"][0]
    assert f"{first['theirs']:,.10g}" in found.message or found.data["differing"] > 3
    assert "They agree if" in found.why


def test_days_of_a_zone_whose_clocks_change(tmp_path: Path) -> None:
    data = log()
    local = analysed(data).assign(time=lambda r: r.time.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"))
    local["day"] = local.time.dt.strftime("%Y-%m-%d")
    local.groupby("day", as_index=False).agg(users=("unit", "size")).to_csv(tmp_path / "t.csv", index=False)
    found = held(data, tmp_path / "t.csv")
    assert (found.data["explained_by"], found.data["explains_all"]) == (["time_zone"], True)
    assert "days are those of Europe/Berlin" in found.why
    assert held(data, tmp_path / "t.csv", timezone="Europe/Berlin").severity == "pass"


def test_units_of_events_are_counted_by_their_exposure(tmp_path: Path) -> None:
    events = Path(__file__).parents[1] / "read" / "data" / "events_900.parquet"
    data = pd.read_parquet(events).sort_values("event_time", kind="stable")
    start = data[data.event == "exposure"].drop_duplicates("user_id").set_index("user_id").event_time
    orders = data[(data.event == "order") & (data.event_time >= data.user_id.map(start))]
    units = pd.DataFrame({"day": start.dt.strftime("%Y-%m-%d"), "orders": orders.user_id.value_counts()}).fillna(0)
    units.groupby("day").agg(users=("orders", "size"), orders=("orders", "sum")).to_csv(tmp_path / "t.csv")
    request = Request(
        sources=(str(events),), unit="user_id", variant="variant", incumbent="rules", time="event_time",
        events={"name": "event", "value": "value", "exposure": "exposure"},
        metrics=(MetricRequest(name="orders", value="count of order", role=Role.PRIMARY),),
    )  # fmt: skip
    (found,) = (f for f in run_check(request, reconciled=f"{tmp_path}/t.csv").findings if f.code == "reconcile")
    assert (found.severity, found.data["compared"]) == ("pass", 2 * len(set(units.day)))


def test_two_reasons_at_once_are_found(tmp_path: Path) -> None:
    data = log()
    found = held(data, theirs(tmp_path, data), where="NOT is_test")
    # Every row: tests, repeats, and units in both arms; two of the three close most of the gap.
    assert found.data["explains_all"] is False
    rows = data[data.groupby("unit").variant.transform("nunique") == 1]
    found = held(data, theirs(tmp_path, rows), where="NOT is_test")
    assert (sorted(found.data["explained_by"]), found.data["explains_all"]) == (["duplicates", "filter"], True)


def test_what_nothing_explains_is_said_to_be_unexplained(tmp_path: Path) -> None:
    data = log()
    table = totals(analysed(data))
    table.loc[0, "value"] *= 3
    table.loc[1, "value"] /= 3
    table.to_csv(tmp_path / "totals.csv", index=False)
    found = held(data, tmp_path / "totals.csv")
    assert (found.data["differing"], found.data["explained_by"]) == (2, None)
    assert "(+2e+02 %)" not in found.message
    assert "No filter" in found.why


def test_tables_as_managers_keep_them(tmp_path: Path) -> None:
    data = log()
    sound = analysed(data)
    table = totals(sound, ["month"]).rename(columns={"value": "Total value", "users": "Users"})
    table["Mean value"] = (table["Total value"] / table["Users"]).round(3)
    table["Share of budget"] = ["10 %", "20 %"]
    table["month"] = ["Mar 2026", "April 2026"]
    table.loc[2] = [
        "Total",
        sound.unit.nunique(),
        sound.value.sum().round(2),
        sound.converted.sum(),
        sound.value.mean().round(3),
        "30 %",
    ]
    with pd.ExcelWriter(tmp_path / "boss.xlsx") as book:
        table.to_excel(book, sheet_name="Q1", startrow=4, startcol=1, index=False)
        pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="Notes")
    found = held(data, f"{tmp_path}/boss.xlsx#Q1!B5:G8")
    assert (found.severity, found.data["compared"]) == ("pass", 12)
    assert found.data["not_compared"] == ["Share of budget"]
    assert "'Share of budget'" in found.message
    assert held(data, f"{tmp_path}/boss.xlsx#Q1!$B$5:$F$6").data["periods_only_in_log"] == ["2026-04-01"]


@pytest.mark.parametrize(
    ("period", "length", "first"),
    [
        ("2026-03-05", "day", "2026-03-05"),
        ("2026-03", "month", "2026-03-01"),
        ("03/2026", "month", "2026-03-01"),
        ("Sept 2026", "month", "2026-09-01"),
        ("2026-Q2", "quarter", "2026-04-01"),
        ("Q2 2026", "quarter", "2026-04-01"),
        ("2026-W10", "week", "2026-03-02"),
        ("2026", "year", "2026-01-01"),
    ],
)
def test_periods_as_people_write_them(tmp_path: Path, period: str, length: str, first: str) -> None:
    name = "year" if length == "year" else "period"
    (tmp_path / "t.csv").write_text(f'{name};value\n"{period}";"1.234,50"\nTotal;"2.000"\n')
    found = read_totals(f"{tmp_path}/t.csv", ())
    assert (found.length, str(found.rows[0].period), found.rows[1].period) == (length, first, None)
    assert [r.numbers["value"] for r in found.rows] == [1234.5, 2000.0]


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("month,turnover\n2026-03,5\n", 3, "none of its columns"),
        ("month,valve\n2026-03,5\n", 3, "Did you mean 'value'?"),
        ("month,value\n2026-03,lots\n", 3, "no column of numbers"),
        ("month,value\n", 3, "no rows"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, content: str, code: int, said: str) -> None:
    (tmp_path / "totals.csv").write_text(content)
    with pytest.raises(AbimpactError) as caught:
        held(log(), tmp_path / "totals.csv")
    assert (caught.value.exit_code, said in f"{caught.value.message} {caught.value.hint}") == (code, True)
