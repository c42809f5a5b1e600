"""The Python API: every kind of table gives the report that the files give."""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import abimpact
from abimpact import Report, analyze
from abimpact.errors import AbimpactError
from tests.logs import frame

ASKED: dict[str, Any] = {
    "unit": "unit",
    "variant": "variant",
    "incumbent": "rules",
    "metrics": ["value", "converted", "value/sessions", "value:p90"],
    "guardrails": ["sessions@5%"],
    "resamples": 299,
}


def numbers(report: Report) -> dict[str, Any]:
    """All of the report but where it came from."""
    return {key: value for key, value in report.to_dict().items() if key != "provenance"}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return frame(4000)


@pytest.fixture(scope="module")
def expected(data: pd.DataFrame) -> dict[str, Any]:
    return numbers(analyze(data, **ASKED))


def test_pandas_polars_arrow_and_files_agree(data: pd.DataFrame, expected: dict[str, Any], tmp_path: Path) -> None:
    data.to_parquet(tmp_path / "log.parquet")
    data.to_csv(tmp_path / "log.csv", index=False)
    for table in (
        pl.from_pandas(data),
        pa.Table.from_pandas(data),
        tmp_path / "log.parquet",
        str(tmp_path / "log.csv"),
    ):
        assert numbers(analyze(table, **ASKED)) == expected


def test_row_order_and_file_split_change_no_number(
    data: pd.DataFrame, expected: dict[str, Any], tmp_path: Path
) -> None:
    assert numbers(analyze(data.sample(frac=1.0, random_state=2), **ASKED)) == expected
    paths = [tmp_path / f"{i}.parquet" for i in range(3)]
    for path, part in zip(paths, (data[:10], data[10:3000], data[3000:]), strict=True):
        part.to_parquet(path)
    assert numbers(analyze(paths, **ASKED)) == expected
    assert numbers(analyze(tmp_path, **ASKED)) == expected
    sources = analyze(paths, **ASKED).to_dict()["provenance"]["sources"]
    assert [s["rows"] for s in sources] == [10, 2990, 1000]


def test_adding_a_metric_changes_no_other_number(data: pd.DataFrame, expected: dict[str, Any]) -> None:
    fewer = numbers(analyze(data, **{**ASKED, "metrics": ["value"]}))["metrics"][0]["estimates"]
    assert fewer == expected["metrics"][0]["estimates"]


def test_swapping_the_variants_flips_the_sign(data: pd.DataFrame, expected: dict[str, Any]) -> None:
    swapped = numbers(analyze(data, **{**ASKED, "incumbent": "ml"}))
    for there, back in zip(expected["metrics"], swapped["metrics"], strict=True):
        for one, other in zip(there["estimates"], back["estimates"], strict=True):
            assert one["absolute"]["estimate"] == pytest.approx(-other["absolute"]["estimate"], rel=1e-9)
            assert one["pvalue"] == pytest.approx(
                other["pvalue"], rel=1e-9, abs=0.02 if one["method"] == "bootstrap" else 0
            )


def test_a_report_offers_every_form(data: pd.DataFrame) -> None:
    report = analyze(data, **ASKED)
    assert report.verdict.code == "keep_testing"
    assert report.to_json().startswith("{")
    assert "value/sessions" in report.to_markdown()
    assert set(report.to_pandas()["method"]) == {"welch", "score", "delta", "quantile", "bootstrap"}


def test_errors_are_those_of_the_command_line(data: pd.DataFrame) -> None:
    with pytest.raises(AbimpactError, match="no column 'nope'"):
        analyze(data, **{**ASKED, "metrics": ["nope"]})


def test_the_package_loads_its_names_when_they_are_used() -> None:
    assert abimpact.Metric.__name__ == "Metric"
    with pytest.raises(AttributeError, match="nope"):
        abimpact.nope  # noqa: B018


@pytest.mark.parametrize(
    ("incumbent", "proposed", "values"),
    [(0, 1, [0, 1]), (0, [1], [0.0, 1.0]), (False, True, [False, True]), ("0", (), [0, 1]), (1.5, 2.5, [1.5, 2.5])],
)
def test_variants_may_be_named_by_their_values(incumbent: Any, proposed: Any, values: list[Any]) -> None:
    data = frame().assign(variant=lambda d: [values[v == "ml"] for v in d.variant])
    report = analyze(data, **{**ASKED, "incumbent": incumbent, "proposed": proposed})
    assert list(report.values.units) == [str(v).lower() for v in values]


@pytest.mark.parametrize("data", [42, None, [], {"a": [1]}, [1, 2], pd.DataFrame(), pd.Series([1, 2])])
def test_what_is_no_log_is_refused(data: Any) -> None:
    with pytest.raises(AbimpactError, match="is no log that can be read"):
        analyze(data, **ASKED)


@pytest.mark.parametrize("name", ["r.md", "r.xlsx", "r.xml"])
def test_a_report_is_written_by_extension(tmp_path: Path, data: pd.DataFrame, name: str) -> None:
    analyze(data, **{**ASKED, "resamples": 0}).write(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 1000


def test_verbs_are_functions_although_rooms_are_called_like_them(data: pd.DataFrame) -> None:
    for _ in range(2):
        found = abimpact.plan(baseline=0.048, terms={"lift": "5%"})
        assert found.to_dict()["units"] == {"incumbent": 127_487, "proposed": 127_487}
    from_log = abimpact.plan(data, metrics=["value"], terms={"lift": 0.1}, looks=(0.5, 1.0))
    assert from_log.values.total == from_log.to_dict()["total_units"]
    assert "What it takes" in from_log.to_markdown()
    assert callable(abimpact.simulate)
    with pytest.raises(AbimpactError, match="NoneType"):
        analyze(None)
