"""Stored results and signed plans with one value or more that is odd: taken, or refused with a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.running import call
from tests.fuzz.strategies import NASTY
from tests.logs import frame

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1,
        2,
        0.5,
        -0.5,
        1e308,
        -1e308,
        5e-324,
        2**63,
        2**70,
        -(2**70),
        "",
        "x",
        [],
        {},
        [[]],
        {"x": 1},
    ),
    *("9999-12-31", "0001-01-01", "ship", "welch", "../x", "\x1b[31m", "=1+1", "<b>"),
)
SETUP = ("--variant", "variant", "--incumbent", "rules", "-m", "value", "-m", "converted", "--guardrail", "sessions@2%")
MONEY = ("units_per_year=1000", "build_cost=1", "run_cost_per_year=1", "currency=EUR")
VERBS = ("portfolio", "compare", "promised", "rerun")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    frame(300).to_parquet(folder / "log.parquet")
    money = [word for key in MONEY for word in ("--value", key)]
    words = ["report", "log.parquet", *SETUP, *money, "--segment", "country", "--resamples", "19", "-o", "sound.json"]
    assert call(words, folder).code == 0
    return folder


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values within a value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], odd)
    return copy


def check_result(home: Path, data: st.DataObject) -> None:
    sound = json.loads((home / "sound.json").read_text())
    odd = sound
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([p for p in places(odd) if p and p != ("schema",)]))
        odd = changed(odd, path, data.draw(st.one_of(st.sampled_from(ODD), st.sampled_from(NASTY))))
    (home / "odd.json").write_text(json.dumps(odd), encoding="utf-8", errors="backslashreplace")
    verb = data.draw(st.sampled_from(VERBS))
    words = {
        "portfolio": ["portfolio", "odd.json", "sound.json"],
        "compare": ["compare", "sound.json", "odd.json"],
        "promised": ["report", "log.parquet", *SETUP, "--resamples", "0", "--promised", "odd.json"],
        "rerun": ["rerun", "odd.json"],
    }[verb]
    call(words, home, may_gate=True)


@settings(max_examples=8)
@given(st.data())
def test_an_odd_result_is_taken_or_refused(home: Path, data: st.DataObject) -> None:
    check_result(home, data)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.data())
def test_more_odd_results_are_taken_or_refused(home: Path, data: st.DataObject) -> None:
    check_result(home, data)
