"""From rows to units: what is kept, collapsed, filled or left out, and what is said about it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.errors import DataError, UsageError
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.metric import MetricKind
from tests.logs import frame, opened


def values(data: pd.DataFrame, **request: Any) -> dict[tuple[int, float | None], int]:
    """How often each (arm, value) stands in the canonical relation."""
    with opened(data, **request) as log:
        rows = log.engine.rows(f"SELECT arm, v0 FROM {log.relation}")
    found: dict[tuple[int, float | None], int] = {}
    for row in rows:
        found[row] = found.get(row, 0) + 1
    return found


REPEATED = pd.DataFrame(
    {
        "unit": [1, 1, 1, 2, 3, 3],
        "variant": ["rules", "rules", "rules", "ml", "ml", "ml"],
        "time": pd.to_datetime(["2026-01-03", "2026-01-01", "2026-01-02", "2026-01-01", "2026-01-02", "2026-01-01"]),
        "value": [3.0, None, 2.0, 5.0, 1.0, 4.0],
    }
)


@pytest.mark.parametrize(
    ("rule", "time", "expected"),
    [
        ("sum", None, {(0, 5.0): 1, (1, 5.0): 2}),
        ("mean", None, {(0, 2.5): 1, (1, 5.0): 1, (1, 2.5): 1}),
        ("max", None, {(0, 3.0): 1, (1, 5.0): 1, (1, 4.0): 1}),
        ("min", None, {(0, 2.0): 1, (1, 5.0): 1, (1, 1.0): 1}),
        ("first", None, {(0, 3.0): 1, (1, 5.0): 1, (1, 1.0): 1}),
        ("last", None, {(0, 2.0): 1, (1, 5.0): 1, (1, 4.0): 1}),
        ("first", "time", {(0, None): 1, (1, 5.0): 1, (1, 4.0): 1}),
        ("last", "time", {(0, 3.0): 1, (1, 5.0): 1, (1, 1.0): 1}),
    ],
)
def test_several_rows_of_a_unit(rule: str, time: str | None, expected: Any) -> None:
    data = REPEATED if time else REPEATED.drop(columns="time")
    assert values(data, several_rows=SeveralRows(rule), time=time) == expected


def test_a_covariate_is_that_of_the_first_row_whatever_the_rule() -> None:
    data = REPEATED.drop(columns="time").assign(pre=[7.0, 8.0, 9.0, 1.0, 2.0, 3.0])
    with opened(data, covariates=("pre",), several_rows=SeveralRows.SUM) as log:
        assert sorted(log.engine.rows(f"SELECT v1 FROM {log.relation}")) == [(1.0,), (2.0,), (7.0,)]


def test_derived_columns_and_filters_come_first() -> None:
    data = frame()
    asked = {"derive": {"half": "value / 2", "arm": "CASE WHEN variant = 'ml' THEN 'new' ELSE 'old' END"}}
    with opened(data, ["half"], where="half > 2 AND country <> 'DE'", variant="arm", incumbent="old", **asked) as log:
        kept = data[(data.value > 4) & (data.country != "DE")]
        assert (log.row_counts.read, log.row_counts.kept) == (2000, len(kept))
        assert log.variants == ("old", "new")
        assert log.units == tuple(int((kept.variant == v).sum()) for v in ("rules", "ml"))


def test_a_filter_that_keeps_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="keeps none"), opened(frame(), where="value < 0"):
        pass


def test_kinds_follow_the_values() -> None:
    data = frame(flag=np.arange(2000) % 2 == 0, half=0.5)
    with opened(data, ["converted", "value", "flag", "value/sessions", "value:p90", "big=value > 10", "half"]) as log:
        kinds = [m.kind for m in log.metrics]
    assert kinds == [
        MetricKind.PROPORTION,
        MetricKind.MEAN,
        MetricKind.PROPORTION,
        MetricKind.RATIO,
        MetricKind.QUANTILE,
        MetricKind.PROPORTION,
        MetricKind.MEAN,
    ]


def test_a_missing_covariate_is_zero_with_an_indicator() -> None:
    data = frame()
    data["pre"] = np.where(np.arange(2000) % 4 == 0, np.nan, 3.0)
    with opened(data, covariates=("pre",)) as log:
        pre = log.columns["value"][1]
        assert pre.indicator
        rows = log.engine.rows(f"SELECT {pre.name}, {pre.indicator}, count(*) FROM {log.relation} GROUP BY ALL")
    assert sorted(rows) == [(0.0, 1.0, 500), (3.0, 0.0, 1500)]


def test_a_proportion_is_not_adjusted_and_that_is_said() -> None:
    with opened(frame(), ["value", "converted"], covariates=("sessions",)) as log:
        assert len(log.columns["converted"]) == 1
        assert any("converted is a proportion" in g for g in log.guesses)


def test_units_are_known_by_text_and_numbers_alike() -> None:
    data = frame()
    for unit in (data.unit.astype(str), data.unit * 10**12, [f"user-{u}" for u in data.unit], data.unit.astype(float)):
        with opened(data.assign(unit=unit)) as log:
            assert log.unit_counts is not None
            assert (log.unit_counts.total, log.unit_counts.repeated) == (2000, 0)
        with opened(pd.concat([data.assign(unit=unit), data.assign(unit=unit)[:3]])) as log:
            assert log.unit_counts is not None
            assert (log.unit_counts.total, log.unit_counts.repeated) == (2000, 3)


@pytest.mark.parametrize(("incumbent", "proposed"), [("0", "1"), ("0.0", "1.0")])
def test_variants_are_found_by_number(incumbent: str, proposed: str) -> None:
    data = frame().assign(variant=lambda d: np.where(d.variant == "ml", 1.0, 0.0))
    with opened(data, incumbent=incumbent, proposed=(proposed,)) as log:
        assert log.variants == ("0.0", "1.0")


def test_variants_keep_the_spelling_of_the_file(tmp_path: Path) -> None:
    data = frame().assign(variant=lambda d: np.where(d.variant == "ml", "Yes", "No"))
    path = tmp_path / "log.csv"
    data.to_csv(path, index=False)
    report = analyze(path, unit="unit", variant="variant", incumbent="No", metrics=["value"])
    assert set(report.values.units) == {"No", "Yes"}


def test_a_split_must_have_a_part_for_every_variant() -> None:
    with pytest.raises(UsageError, match="3 parts for 2 variants"), opened(frame(), split="1:1:1"):
        pass


@pytest.mark.parametrize(
    ("delimiter", "texts", "mean"),
    [
        (",", ['"1,500"', '"2,500.5"'], 2000.25),
        (";", ["1,500", "2,500"], 2.0),
        (";", ["1.500,25", "2.500,75"], 2000.5),
        (",", ["NA", "4"], 4.0),
        (",", ["1e3", "-2.5"], 498.75),
        (",", ["Yes", "no"], 0.5),
    ],
)
def test_numbers_written_as_text(tmp_path: Path, delimiter: str, texts: list[str], mean: float) -> None:
    path = tmp_path / "log.csv"
    rows = [delimiter.join([str(i), ("rules", "ml")[i % 2], texts[i // 2 % 2]]) for i in range(40)]
    path.write_text("\n".join([delimiter.join(["unit", "variant", "value"]), *rows]) + "\n")
    report = analyze(path, unit="unit", variant="variant", incumbent="rules", metrics=["value"], resamples=0)
    assert report.to_dict()["metrics"][0]["incumbent"]["value"] == pytest.approx(mean)


def test_text_in_a_metric_column_names_a_value(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "unit,variant,value\n" + "".join(f"{i},{'ml' if i % 2 else 'rules'},{i}\n" for i in range(50)) + "51,ml,oops\n"
    )
    with pytest.raises(DataError, match=r"'value' has text where numbers belong: 1 value, for example 'oops'"):
        analyze(path, unit="unit", variant="variant", incumbent="rules", metrics=["value"])


def test_marks_and_commas_beyond_the_first_rows_are_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = "".join(f"{i},{'ml' if i % 2 else 'rules'},{i % 10}\n" for i in range(30_000))
    path.write_text(f"unit,variant,value\n{rows}30000,rules,NA\n30001,ml,7.5\n")
    report = analyze(path, unit="unit", variant="variant", incumbent="rules", metrics=["value"], resamples=0).to_dict()
    assert [report["metrics"][0][arm]["units"] for arm in ("incumbent", "proposed")] == [15_000, 15_001]
    assert report["metrics"][0]["proposed"]["value"] == pytest.approx((15_000 * 5 + 7.5) / 15_001)
