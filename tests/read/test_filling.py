"""Columns filled in from another file by key: counted, and only where the log has no value."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abimpact import analyze
from abimpact.errors import AbimpactError
from tests.logs import by_code, frame

ASKED: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"]}
FILL = '[[data.fill]]\ncolumn = "{}"\nfile = "{}"\nby = "{}"\n'


def filled(folder: Path, data: Any, fill: tuple[str, str, str], **asked: Any) -> Any:
    config = folder / "abimpact.toml"
    config.write_text(FILL.format(*fill))
    return analyze(data, **{**ASKED, "resamples": 0, **asked}, config=config)


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_a_column_comes_from_another_file(tmp_path: Path, kind: str) -> None:
    data = frame()
    users = data[["unit", "country"]].rename(columns={"unit": "Unit"})
    users.to_csv(tmp_path / "users.csv", index=False)
    log: Any = data.drop(columns="country")
    if kind != "frame":
        (tmp_path / "log").mkdir()
        path = tmp_path / "log" / f"log.{kind}"
        log.to_csv(path, index=False) if kind == "csv" else log.to_parquet(path)
        log = path
    report = filled(tmp_path, log, ("country", "users.csv", "unit"), segments=["country"])
    whole = analyze(data, **ASKED, segments=["country"], resamples=0)
    assert report.to_dict()["metrics"] == whole.to_dict()["metrics"]
    found = by_code(report.values.findings)["schema_drift"]
    assert (found.severity, found.data["missing"], found.data["found"]) == ("info", 2000, 2000)
    if kind != "frame":
        sources = report.to_dict()["provenance"]["sources"]
        assert [(Path(s["path"]).name, s["rows"], s["fills"]) for s in sources] == [
            (f"log.{kind}", 2000, []),
            ("users.csv", None, ["country"]),
        ]


def test_own_values_stay_and_rows_without_a_value_are_counted(tmp_path: Path) -> None:
    data = frame()
    data.loc[:99, "value"] = None
    # Fifty of the hundred find a value, and others are not asked for.
    pd.DataFrame({"unit": range(50, 200), "value": 7}).to_excel(tmp_path / "late.xlsx", index=False)
    report = filled(tmp_path, data, ("value", "late.xlsx", "unit"))
    found = by_code(report.values.findings)["schema_drift"]
    assert (found.severity, found.data["missing"], found.data["found"]) == ("warn", 100, 50)
    expected = data.assign(value=data.value.mask((data.unit >= 50) & (data.unit < 100), 7))
    whole = analyze(expected, **ASKED, resamples=0).to_dict()
    assert report.to_dict()["metrics"] == whole["metrics"]


def test_keys_match_by_value_and_by_text(tmp_path: Path) -> None:
    data = frame().drop(columns="country")
    data["unit"] = data.unit.astype(str)
    frame()[["unit", "country"]].to_parquet(tmp_path / "users.parquet")
    report = filled(tmp_path, data, ("country", "users.parquet", "unit"), segments=["country"])
    assert by_code(report.values.findings)["schema_drift"].data["found"] == 2000


@pytest.mark.parametrize(
    ("fill", "code", "said"),
    [
        (("country", "nobody.csv", "unit"), 3, "There is no file"),
        (("region", "users.csv", "unit"), 3, "no column 'region'"),
        (("country", "users.csv", "user"), 3, "no column 'user'"),
        (("country", "twice.csv", "unit"), 3, "row 2: 1 value of 'unit' has several of 'country'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, fill: tuple[str, str, str], code: int, said: str) -> None:
    users = frame()[["unit", "country"]]
    users.to_csv(tmp_path / "users.csv", index=False)
    pd.concat([users, users[:1].assign(country="XX")]).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(AbimpactError) as caught:
        filled(tmp_path, frame(), fill)
    assert (caught.value.exit_code, said in caught.value.message) == (code, True)
