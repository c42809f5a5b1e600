"""Four files that disagree in every way give the report of one clean file, and say how they disagree."""

from pathlib import Path
from types import ModuleType

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyreadstat
import pytest

from abimpact import analyze
from tests.sample_data.test_sample_data import FOLDER, make

__all__ = ["make"]
MESSY = FOLDER / "messy"


@pytest.fixture(scope="module")
def clean(make: ModuleType) -> pa.Table:
    table: pa.Table = make.deliveries(np.random.default_rng(make.SEED + 3))
    return table


def test_the_files_are_those_of_the_script(make: ModuleType, clean: pa.Table, tmp_path: Path) -> None:
    make.write_messy(tmp_path, clean)
    assert {p.name for p in tmp_path.iterdir()} | {"abimpact.toml", "README.md"} == {p.name for p in MESSY.iterdir()}
    assert make.their_totals(clean) == (FOLDER / "messy_totals.csv").read_text()
    for name in ("2024.csv", "customers.csv"):
        assert (tmp_path / name).read_bytes() == (MESSY / name).read_bytes()
    ours, theirs = (pyreadstat.read_sav(str(folder / "2022.sav"))[0] for folder in (MESSY, tmp_path))
    assert ours.equals(theirs)
    ours, theirs = (list(openpyxl.load_workbook(f / "2023.xlsx").active.values) for f in (MESSY, tmp_path))
    assert ours == theirs
    assert pq.read_table(MESSY / "2025.parquet").equals(pq.read_table(tmp_path / "2025.parquet"))


def test_one_report_with_the_numbers_of_the_clean_file(clean: pa.Table, tmp_path: Path) -> None:
    pq.write_table(clean, tmp_path / "clean.parquet")
    asked = {"resamples": 99}
    messy = analyze(MESSY, **asked).to_dict()
    (tmp_path / "abimpact.toml").write_text((MESSY / "abimpact.toml").read_text().split("[[data.fill]]")[0])
    whole = analyze(
        tmp_path / "clean.parquet",
        unit="customer_id", variant="variant", incumbent="rules", time="date", segments=["country"],
        metrics=["profit per customer=profit", "orders per customer=orders"], **asked,
    ).to_dict()  # fmt: skip
    assert messy["metrics"] == whole["metrics"]
    assert messy["experiment"] == whole["experiment"]
    assert messy["verdict"]["code"] == "ship"
    assert not [c for c in messy["checks"] if c["severity"] in ("warn", "block")]


def test_the_drift_is_reported_with_its_files() -> None:
    report = analyze(MESSY, resamples=0).to_dict()
    found = {(c["data"]["kind"], c["data"].get("column")): c for c in report["checks"] if c["code"] == "schema_drift"}
    assert set(found) == {("filled", "country"), ("renamed", None), ("type", "profit"), ("spelling", "variant")}
    filled = found["filled", "country"]["data"]
    assert filled["missing"] == filled["found"] == pyreadstat.read_sav(str(MESSY / "2022.sav"))[1].number_rows
    renamed = {Path(p).name: own for p, own in found["renamed", None]["data"]["columns"]["customer_id"].items()}
    assert renamed == {"2023.xlsx": "KundenNr", "2024.csv": "kunde"}
    assert [Path(p).name for p in found["type", "profit"]["data"]["types"]["text"]] == ["2024.csv"]
    assert found["spelling", "variant"]["data"]["files"]["ML"] == [str(MESSY / "2023.xlsx")]


def test_every_file_has_its_counts(clean: pa.Table) -> None:
    sources = {Path(s["path"]).name: s for s in analyze(MESSY, resamples=0).to_dict()["provenance"]["sources"]}
    assert sources["customers.csv"]["fills"] == ["country"]
    for name in ("2022.sav", "2023.xlsx", "2024.csv", "2025.parquet"):
        rows = clean.filter(pc.equal(pc.year(clean["date"]), int(name[:4])))
        assert (sources[name]["rows"], sources[name]["units"]) == (len(rows), len(rows))
        assert sources[name]["totals"] == {
            "profit per customer": pytest.approx(pc.sum(rows["profit"]).as_py(), rel=1e-11),
            "orders per customer": pc.sum(rows["orders"]).as_py(),
        }
