"""Whatever a file is called, that file is read and no other."""

from pathlib import Path

import pytest

from abimpact import analyze
from abimpact.errors import DataError
from tests.logs import frame

NAMES = [
    "log[1]",
    "a*b",
    "p?x",
    "q'uote",
    'dou"ble',
    "new\nline",
    "ünï",
    "-dash",
    " sp ace",
    "a,b",
    "{a}",
    "$HOME",
    "%41",
]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_any_name_is_that_file(tmp_path: Path, ending: str) -> None:
    for decoy in ("log1", "aXb", "pqx"):
        frame(100).to_csv(tmp_path / f"{decoy}.csv", index=False)
        frame(100).to_parquet(tmp_path / f"{decoy}.parquet")
    folder = tmp_path / "in [brackets] *"
    folder.mkdir()
    for i, name in enumerate(NAMES):
        for path in (tmp_path / f"{name}.{ending}", folder / f"{name}.{ending}"):
            data = frame(200 + i)
            data.to_csv(path, index=False) if ending == "csv" else data.to_parquet(path)
            report = analyze(path, unit="unit", variant="variant", incumbent="rules", metrics=["value"], resamples=0)
            assert sum(report.values.units.values()) == 200 + i
            (source,) = report.values.provenance.sources
            assert (source.path, source.rows) == (str(path), 200 + i)


def test_a_file_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame(100).drop(columns="unit").to_parquet(tmp_path / "log.parquet")
    (tmp_path / "link.parquet").symlink_to(tmp_path / "log.parquet")
    monkeypatch.chdir(tmp_path)
    paths = ["log.parquet", "./log.parquet", str(tmp_path / "log.parquet"), "*.parquet", "."]
    report = analyze(paths, variant="variant", incumbent="rules", metrics=["value"], resamples=0)
    assert sum(report.values.units.values()) == 100


def test_a_ragged_file_is_named_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "log[1].csv"
    path.write_text("unit,variant,value\n1,rules,2\n2,ml,3,4\n")
    with pytest.raises(DataError, match=r"log\[1\]\.csv: line 3 has 4 values where the header has 3"):
        analyze(path, unit="unit", variant="variant", incumbent="rules", metrics=["value"])
