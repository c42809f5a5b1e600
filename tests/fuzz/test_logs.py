"""Logs of odd values and types: units and means are those that pandas finds, or an error says what is wrong."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.running import DATA, call
from tests.fuzz.strategies import NASTY

FLOATS = st.one_of(
    st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    st.integers(-5, 5).map(float),
    st.sampled_from((0.0, -0.0, 0.5, 1e15, -1e15, 1e-9, 2.0**53, 1e60, math.nan, math.inf, -math.inf)),
)
WHOLE = st.one_of(st.integers(-100, 100), st.sampled_from((2**63 - 1, -(2**63), 2**53 + 1, 0)))
# What a variant may be called so that a text file gives it back as it is.
CALLED = [n for n in NASTY if n.strip() and n == n.strip() and not set(n) & set('"\r\n\ufeff\0')]
ENDINGS = ("parquet", "csv", "csv.gz", "jsonl", "feather")


@st.composite
def logs(draw: st.DrawFn) -> tuple[pd.DataFrame, str, str]:
    """A log, the name of its proposed variant, and the ending of its file."""
    n = draw(st.integers(0, 30))
    proposed = draw(st.sampled_from(CALLED))
    values = draw(st.one_of(st.lists(FLOATS, min_size=n, max_size=n), st.lists(WHOLE, min_size=n, max_size=n)))
    frame = pd.DataFrame(
        {
            draw(st.sampled_from(("unit", "u'n", "Ünit"))): np.arange(n) * draw(st.sampled_from((1, 7, 2**40))),
            "variant": draw(st.lists(st.sampled_from(("rules", proposed)), min_size=n, max_size=n)),
            "value": pd.Series(values, dtype="float64" if any(isinstance(v, float) for v in values) else "int64"),
        }
    )
    return frame, proposed, draw(st.sampled_from(ENDINGS))


def write(frame: pd.DataFrame, path: Path) -> None:
    match path.name.split(".", 1)[1]:
        case "parquet":
            frame.to_parquet(path)
        case "feather":
            frame.to_feather(path)
        case "jsonl":
            # JSON has no number for these.
            frame.replace({"value": {math.inf: None, -math.inf: None}}).to_json(path, orient="records", lines=True)
        case _:
            frame.to_csv(path, index=False)


def check_log(folder: Path, frame: pd.DataFrame, proposed: str, ending: str) -> None:
    path = folder / f"log.{ending}"
    write(frame, path)
    unit = frame.columns[0]
    named = ["--unit", unit, "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "0"]
    outcome = call(["report", path.name, *named, "-f", "json", "--threads", "1"], folder)
    path.unlink()
    finite = frame[np.isfinite(frame.value)]
    largest = finite.value.astype(float).abs().max()
    if outcome.code:
        assert outcome.code == DATA
        # The only logs that may be refused: no rows, one variant, no values, values that nothing can be added to.
        is_comparable = frame.variant.nunique() == 2 and not finite.empty
        assert not is_comparable or largest >= 1e9, outcome
        return
    report = json.loads(outcome.out)
    assert report["experiment"]["units"] == {v: int((frame.variant == v).sum()) for v in ("rules", proposed)}
    (metric,) = report["metrics"]
    for arm, name in (("incumbent", "rules"), ("proposed", proposed)):
        values = frame.value[(frame.variant == name) & np.isfinite(frame.value)]
        assert metric[arm]["units"] == len(values)
        if len(values):
            # Deviations from one centre are added up: the tolerance is that of doubles as large as the largest value.
            exact = math.fsum(map(float, values)) / len(values)
            assert metric[arm]["value"] == pytest.approx(exact, rel=1e-9, abs=1e-15 * largest)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@settings(max_examples=12)
@given(logs())
def test_odd_logs_are_counted_rightly(folder: Path, log: tuple[Any, str, str]) -> None:
    check_log(folder, *log)


@pytest.mark.slow
@settings(max_examples=500)
@given(logs())
def test_more_odd_logs_are_counted_rightly(folder: Path, log: tuple[Any, str, str]) -> None:
    check_log(folder, *log)
