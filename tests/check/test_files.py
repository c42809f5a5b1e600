"""Files that disagree: what they lack, call otherwise, type otherwise and spell otherwise is said with their names."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.findings import Finding
from tests.logs import frame

ASKED: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"]}


def write(folder: Path, **frames: pd.DataFrame) -> Path:
    for name, data in frames.items():
        data.to_parquet(folder / f"{name}.parquet")
    return folder


def halves() -> tuple[pd.DataFrame, pd.DataFrame]:
    data = frame()
    return data[:1000], data[1000:]


def drift(folder: Path, **asked: Any) -> list[Finding]:
    report = analyze(folder, **{**ASKED, "resamples": 0, **asked})
    return [f for f in report.values.findings if f.code == "schema_drift"]


def test_files_that_agree_are_not_mentioned(tmp_path: Path) -> None:
    first, second = halves()
    assert drift(write(tmp_path, a=first, b=second[second.columns[::-1]]), segments=["country"]) == []


@pytest.mark.parametrize(
    ("column", "severity", "used_as"),
    [
        ("unit", "block", "unit"),
        ("value", "warn", "metric value"),
        ("country", "warn", "segment"),
        ("day", "warn", "time"),
    ],
)
def test_a_column_that_a_file_lacks(tmp_path: Path, column: str, severity: str, used_as: str) -> None:
    first, second = halves()
    folder = write(tmp_path, a=first, b=second.drop(columns=column))
    (found,) = drift(folder, segments=["country"], time="day")
    assert (found.severity, found.data["used_as"]) == (severity, used_as)
    assert found.data["files"] == [str(tmp_path / "b.parquet")]
    assert found.message.startswith(f"b.parquet has no column '{column}'")
    assert "[[data.fill]]" in found.do


def test_a_column_that_nothing_needs_is_only_mentioned(tmp_path: Path) -> None:
    first, second = halves()
    (found,) = drift(write(tmp_path, a=first, b=second.drop(columns="sessions")))
    assert found.severity == "info"
    assert found.data["columns"] == {"sessions": [str(tmp_path / "b.parquet")]}


@pytest.mark.parametrize(("own", "is_alike"), [("uid", True), ("Unit-ID", True), ("un_it", True), ("reference", False)])
def test_near_names_are_suggested_and_never_taken(tmp_path: Path, own: str, is_alike: bool) -> None:
    first, second = halves()
    found = drift(write(tmp_path, a=first, b=second.rename(columns={"unit": own})))[0]
    assert (found.severity, found.data["alike"]) == ("block", [own] if is_alike else [])
    assert (f'[data.columns] unit = ["{own}"]' in found.do) == is_alike
    report = analyze(tmp_path, **ASKED, resamples=0)
    assert report.verdict.reason == "schema_drift"
    assert sum(report.values.units.values()) == 1000


def test_several_well_known_units_are_not_chosen_from(tmp_path: Path) -> None:
    first, second = (
        data.rename(columns={"unit": name}) for data, name in zip(halves(), ("user_id", "uid"), strict=True)
    )
    found = drift(write(tmp_path, a=first, b=second), unit=None)
    assert [(f.severity, f.data["alike"]) for f in found] == [("warn", ["uid"])]


CONFIG = """
[data]
[data.columns]
unit = ["uid", "Customer No"]
[data.columns."b.*"]
value = "amount"
"""


def test_declared_names_are_one_column(tmp_path: Path) -> None:
    data = frame()
    whole = analyze(data, **ASKED, resamples=0).to_dict()["metrics"]
    parts = [data[:500], data[500:1000], data[1000:]]
    parts[1] = parts[1].rename(columns={"unit": "uid", "value": "amount"})
    parts[2] = parts[2].rename(columns={"unit": "CUSTOMER NO", "value": "Value"})
    write(tmp_path, a=parts[0], b=parts[1], c=parts[2])
    (tmp_path / "abimpact.toml").write_text(CONFIG)
    assert analyze(tmp_path, **ASKED, resamples=0).to_dict()["metrics"] == whole
    (found,) = drift(tmp_path)
    assert found.severity == "info"
    b, c = (str(tmp_path / name) for name in ("b.parquet", "c.parquet"))
    assert found.data["columns"] == {"unit": {b: "uid", c: "CUSTOMER NO"}, "value": {b: "amount", c: "Value"}}


def test_another_type_is_said_with_what_was_made_of_it(tmp_path: Path) -> None:
    first, second = halves()
    second = second.assign(value=second.value.map("{:,.2f}".format), day=second.day.astype(str))
    found = {f.data["column"]: f for f in drift(write(tmp_path, a=first, b=second), time="day")}
    assert {name: (f.severity, f.data["read_as"]) for name, f in found.items()} == {
        "value": ("info", "numbers"),
        "day": ("info", "dates"),
    }
    assert found["value"].data["types"] == {
        "number": [str(tmp_path / "a.parquet")],
        "text": [str(tmp_path / "b.parquet")],
    }
    odd = write(tmp_path, b=second.assign(country=range(len(second))))
    found = {f.data["column"]: f for f in drift(odd, segments=["country"])}
    assert (found["country"].severity, found["country"].data["read_as"]) == ("warn", "text")


@pytest.mark.parametrize(("rows", "severity"), [(10, "warn"), (500, "block")])
def test_spellings_of_a_variant_are_not_merged(tmp_path: Path, rows: int, severity: str) -> None:
    first, second = halves()
    places = second.index[:rows]
    second.loc[places, "variant"] = second.loc[places, "variant"].str.upper() + " "
    (found,) = drift(write(tmp_path, a=first, b=second))
    assert (found.severity, found.data["rows"]) == (severity, rows)
    assert set(found.data["spellings"]) == {"ml", "rules"}
    assert found.data["files"]["ML "] == [str(tmp_path / "b.parquet")]
    assert f"'ML ' ({(second.variant == 'ML ').sum():,} rows in b.parquet)" in found.message
    report = analyze(tmp_path, **ASKED, resamples=0).values
    assert report.units == pd.concat([first, second]).groupby("variant").size()[["rules", "ml"]].to_dict()
    (tmp_path / "abimpact.toml").write_text('[data.derive]\narm = "lower(trim(variant))"\n')
    (mended,) = drift(tmp_path, variant="arm")
    assert mended.severity == "info"
    assert sum(analyze(tmp_path, **{**ASKED, "variant": "arm"}, resamples=0).values.units.values()) == 2000


def test_spellings_of_a_segment_in_a_single_table_warn() -> None:
    data = frame()
    data.loc[:9, "country"] = np.where(data.country[:10] == "DE", "de", data.country[:10])
    report = analyze(data, **ASKED, segments=["country"], resamples=0)
    (found,) = (f for f in report.values.findings if f.code == "schema_drift")
    assert (found.severity, found.data["files"]) == ("warn", {})


def test_files_are_counted_for_other_reports(tmp_path: Path) -> None:
    first, second = halves()
    again = second[:20].assign(variant=np.where(second.variant[:20] == "ml", "rules", "ml"))
    second = pd.concat([second, again, second[20:23], second[:1].assign(unit=pd.NA), second[:2].assign(variant="beta")])
    write(tmp_path, a=first, b=second)
    asked = {**ASKED, "metrics": ["value", "value/sessions", "sessions:p90"], "proposed": ["ml"]}
    sources = analyze(tmp_path, **asked, resamples=0).to_dict()["provenance"]["sources"]
    compared = second[second.unit.notna() & (second.variant != "beta")]
    for source, data, rows in zip(sources, (first, compared), (1000, 1026), strict=True):
        assert (source["rows"], source["units"]) == (rows, data.unit.nunique())
        assert source["totals"] == {
            "value": pytest.approx(data.value.sum(), rel=1e-11),
            "value/sessions": pytest.approx(data.value.sum(), rel=1e-11),
            "value/sessions (denominator)": data.sessions.sum(),
        }


EVENTS = """
[data]
unit = "user_id"
variant = "variant"
incumbent = "rules"
time = "event_time"
[data.events]
name = "event"
value = "value"
exposure = "exposure"
[[metric]]
name = "revenue"
value = "sum of value where event = 'order'"
role = "primary"
[[metric]]
name = "order value"
numerator = "sum of value where event = 'order'"
denominator = "count of order"
"""


def test_files_of_events_are_held_against_each_other_too(tmp_path: Path) -> None:
    log = pd.read_parquet(Path(__file__).parents[1] / "read" / "data" / "events_900.parquet")
    half = len(log) // 2
    parts = log[:half], log[half:].assign(variant=log.variant[half:].str.upper(), other=1)
    write(tmp_path, a=parts[0], b=parts[1].rename(columns={"event_time": "time_of_event"}))
    config = tmp_path / "abimpact.toml"
    config.write_text(EVENTS + '[data.columns]\nevent_time = ["time_of_event"]\n')
    report = analyze(tmp_path, config=config, resamples=0).to_dict()
    found = {c["data"]["kind"]: c for c in report["checks"] if c["code"] == "schema_drift"}
    assert {kind: c["severity"] for kind, c in found.items()} == {
        "spelling": "block", "renamed": "info", "missing_column": "info",
    }  # fmt: skip
    for source, part in zip(report["provenance"]["sources"], parts, strict=True):
        orders = part[part.event == "order"]
        assert (source["rows"], source["units"]) == (len(part), part.user_id.nunique())
        assert source["totals"] == {
            "revenue": pytest.approx(orders.value.sum(), rel=1e-11),
            "order value": pytest.approx(orders.value.sum(), rel=1e-11),
            "order value (denominator)": len(orders),
        }
