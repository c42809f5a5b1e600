"""Whatever a file is called, that file is read and no other."""

from pathlib import Path

import pytest

from abimpact import analyze
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
