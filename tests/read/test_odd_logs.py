"""Odd but legal logs give a right answer, and impossible ones an error that says what to do."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import Report, analyze
from abimpact.errors import DataError, UsageError
from tests.logs import by_code, frame

ASKED: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "resamples": 99}
# Names that queries use for themselves.
OWN = "arm unit day place v0 r0 s0 rowid rows staged units log frame file_rows filename file_row_number picked".split()


def run(data: Any, *metrics: str, **asked: Any) -> Report:
    return analyze(data, **{**ASKED, "metrics": metrics or ("value",), **asked})


def value(report: Report) -> float:
    found: float = report.to_dict()["metrics"][0]["incumbent"]["value"]
    return found


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_may_be_called_like_ours(tmp_path: Path, ending: str) -> None:
    data = frame(200)
    expected = data[data.variant == "rules"].value.mean()
    data = data.rename(columns={"unit": "id", "day": "when"}).assign(**dict.fromkeys(OWN, data.value))
    path = tmp_path / f"log.{ending}"
    repeated = pd.concat([data, data[:1]])
    repeated.to_csv(path, index=False) if ending == "csv" else repeated.to_parquet(path)
    report = run(path, *OWN, unit="id", time="when", segments=("country",), resamples=0)
    assert [m["incumbent"]["value"] for m in report.to_dict()["metrics"]] == pytest.approx([expected] * len(OWN))


@pytest.mark.parametrize("name", ["abimpact_arm", "Abimpact_Place", "abimpact_file"])
def test_columns_that_we_add_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log.csv"
    frame(100).assign(**{name: 1}).to_csv(path, index=False)
    with pytest.raises(DataError, match="(?i)" + name):
        run(path)


@pytest.mark.parametrize(
    "unit",
    [
        lambda u: u + 2**62,
        lambda u: np.where(u % 2, -(2**63) + u, 2**63 - 1 - u),
        lambda u: u.astype("uint64") + np.uint64(2**63),
        lambda u: pd.Timestamp("2020-01-01") + pd.to_timedelta(u, unit="s"),
        lambda u: [[int(x)] for x in u],
        lambda u: u / 7,
        lambda u: [f"{x:064x}" for x in u],
        lambda u: ["\U0001f600" * (x % 50 + 1) + str(x) for x in u],
    ],
    ids=["beyond 2**62", "the ends of int64", "uint64", "times", "lists", "fractions", "hashes", "emoji"],
)
def test_units_of_any_type_are_counted_exactly(unit: Any) -> None:
    data = frame(1000).assign(unit=lambda d: unit(d.unit))
    found = by_code(run(pd.concat([data, data[:7]])).values.findings)["duplicate_rows"]
    assert (found.data["units"], found.data["rows"]) == (7, 7)


@pytest.mark.parametrize(
    "name", ["a'b", 'a"b', "new\nline", "[bold]x", "  ", "<b>", "|x|", "\x1b[31m", "NULL", "nan", "\u202e"]
)
def test_variants_may_be_called_anything(name: str) -> None:
    report = run(frame(200).assign(variant=lambda d: d.variant.where(d.variant == "rules", name)))
    assert report.values.units == {"rules": 100, name: 100}
    assert "\x1b" not in report.to_markdown()


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e15, 1e30, 1e60])
def test_the_size_of_values_changes_no_lift(size: float) -> None:
    data = frame()
    expected = run(data).to_dict()["metrics"][0]["estimates"][0]
    scaled = run(data.assign(value=data.value * size))
    found = scaled.to_dict()["metrics"][0]["estimates"][0]
    assert found["relative"]["high"] == pytest.approx(expected["relative"]["high"], rel=1e-9)
    assert found["pvalue"] == pytest.approx(expected["pvalue"], rel=1e-9)
    assert scaled.to_markdown()


def test_a_large_offset_costs_no_digits() -> None:
    data = frame()
    expected = run(data).to_dict()["metrics"][0]["estimates"][0]
    found = run(data.assign(value=np.round(data.value * 1024) / 1024 + 2.0**40)).to_dict()["metrics"][0]["estimates"][0]
    assert found["pvalue"] == pytest.approx(expected["pvalue"], rel=1e-3)


@pytest.mark.parametrize("size", [1e71, 1e99, 1e200])
def test_values_beyond_what_squares_can_hold_are_refused(size: float) -> None:
    with pytest.raises(DataError, match="beyond"):
        run(frame(200).assign(value=lambda d: d.value * size))


def test_a_metric_that_one_arm_lacks_is_not_estimated() -> None:
    report = run(frame().assign(value=lambda d: d.value.where(d.variant == "rules")))
    assert report.to_dict()["metrics"][0]["not_estimated"]["reason"] == "too_few_units"
    found = by_code(report.values.findings)["missing_values"]
    assert found.data["missing"] == {"rules": 0, "ml": 1000}
    assert 0 < found.data["pvalue"] < 1e-200
    assert "p = 0 " not in found.message


@pytest.mark.parametrize(
    ("metric", "reason"),
    [("value/zero", "zero_denominator"), ("seven", "constant_metric"), ("value:p99.9", "too_few_units")],
)
def test_what_cannot_be_estimated_says_why(metric: str, reason: str) -> None:
    report = run(frame(200, zero=0, seven=7), metric)
    assert report.to_dict()["metrics"][0]["not_estimated"]["reason"] == reason
    assert (report.verdict.code, report.verdict.reason) == ("keep_testing", "inconclusive")


def test_dates_are_no_numbers() -> None:
    with pytest.raises(DataError, match="'day'"):
        run(frame(100), "day")


def test_what_a_filter_keeps_is_said() -> None:
    data = frame()
    found = by_code(run(data, where="value > 5").values.findings)["filtered_rows"]
    assert found.severity == "info"
    assert found.data == {"rows": int((data.value <= 5).sum()), "read": 2000}
    assert "filtered_rows" not in by_code(run(data).values.findings)


@pytest.mark.parametrize(("rows", "said"), [("", "0 rows"), ("\n", "0 rows")])
def test_a_header_without_rows(tmp_path: Path, rows: str, said: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"unit,variant,value\n{rows}")
    with pytest.raises(DataError, match=said):
        run(path)


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", "there")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DataError, match="Permission denied"):
        run(tmp_path)


def test_requests_that_make_no_sense() -> None:
    for asked in ({"resamples": -1}, {"seed": -1}, {"missing": "maybe"}, {"several_rows": "median"}, {"level": 95}):
        (name,) = asked
        with pytest.raises(UsageError, match=name.replace("_", "-")):
            run(frame(100), **asked)


@pytest.mark.parametrize(("largest", "is_lost"), [(1e8, False), (1e30, True), (2.0**63, True)])
def test_values_that_would_drown_anothers_are_refused(largest: float, is_lost: bool) -> None:
    """Beside 2^63 in one variant the other's mean and variance were wrong in their first digits."""
    data = frame(200)
    data.loc[data.variant[data.variant == "ml"].index[0], "value"] = largest
    if is_lost:
        with pytest.raises(DataError, match="are lost"):
            run(data)
        assert run(data, "value:p50").to_dict()["metrics"][0]["estimates"]
    else:
        assert value(run(data)) == pytest.approx(data[data.variant == "rules"].value.mean(), rel=1e-12)
