"""Configs: any table is a request that can be resolved, or an error that names the file."""

import math
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abimpact.errors import AbimpactError
from abimpact.spec.config import load_request
from abimpact.spec.resolve import resolve
from abimpact.spec.toml import dumps
from tests.fuzz.running import call, check_error
from tests.fuzz.strategies import NASTY, configs
from tests.logs import frame

COLUMNS = {"unit": "integer", "variant": "text", "value": "float", "n": "integer", "t": "text", "day": "date"}
# For each table the keys that a config may have, with a value that is right.
KNOWN: dict[str, dict[str, Any]] = {
    "data": {
        "unit": "unit",
        "variant": "variant",
        "incumbent": "rules",
        "proposed": "ml",
        "time": "day",
        "split": "50:50",
        "timezone": "Europe/Berlin",
        "from": date(2026, 3, 1),
        "to": date(2026, 3, 28),
        "where": "value > 1",
        "kind": "rows",
        "missing": "zero",
        "as_of": date(2026, 4, 1),
        "planned_end": date(2026, 4, 1),
        "planned_units": 1000,
        "cluster": "t",
        "units": {"several_rows": "sum"},
        "derive": {"half": "value / 2"},
        "columns": {"value": ["v", "w"]},
        "sheet": "x",
        "decisions": {"incumbent": "n > 1", "proposed": "n > 2"},
        "met_by": "t",
        "events": {"name": "t", "value": "value", "exposure": "x", "window_days": 7},
    },
    "[[metric]]": {
        "name": "value",
        "kind": "mean",
        "value": "value * 2",
        "role": "primary",
        "better": "lower",
        "covariates": ["n"],
        "margin": "2%",
        "equivalence_margin": "1%",
        "missing": "zero",
        "cap_quantile": 0.99,
        "matures_after": "7d",
        "quantile": 0.9,
        "numerator": "value",
        "denominator": "n",
        "weight": "1 / n",
    },
    "[[limit]]": {"name": "reviews", "value": "n", "per": "day", "at_most": 10},
    "analysis": {
        "level": 0.9,
        "resamples": 99,
        "seed": 1,
        "segments": ["t"],
        "strata": ["t"],
        "min_segment_units": 10,
        "sequential": "group",
        "looks": [0.5, 1.0],
        "spending": "pocock",
    },
    "value": {
        "metric": "value",
        "worth": 1.0,
        "currency": "EUR",
        "units_per_year": 1000,
        "build_cost": 10,
        "run_cost_per_year": 1,
        "horizon_years": 3,
        "discount_rate": 0.08,
        "cost_per_unit": 0.01,
        "prior_lift_sd": "2%",
        "simplest_first": ["rules", "ml"],
    },
    "report": {"title": "A", "owner": "B", "locale": "de_DE"},
    "plan": {"lift": "2%", "power": 0.8, "daily_units": 100},
    "payoff": {"true_positive": "value", "currency": "EUR"},
}


def text_of(table: dict[str, Any]) -> str:
    """TOML, or what comes nearest: a table that it cannot hold is text as Python writes it."""
    try:
        return dumps(_plain(table))
    except (TypeError, ValueError, AttributeError):
        return str(table)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return "nan" if isinstance(value, float) and not math.isfinite(value) else value


@cache
def _log() -> Any:
    return frame(60).rename(columns={"sessions": "n", "country": "t"}).drop(columns="converted")


def check_config(folder: Path, text: str) -> None:
    path = folder / "abimpact.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        request = load_request({}, ["log.parquet"], path)
        resolve(request, COLUMNS)
    except AbimpactError as error:
        check_error(error)


def check_run(folder: Path, table: dict[str, Any], verb: str) -> None:
    """The whole way: what can be resolved gives a report, or an error."""
    _log().to_parquet(folder / "log.parquet")
    table = {**table, "analysis": {**table.get("analysis", {}), "resamples": 19}}
    (folder / "abimpact.toml").write_bytes(text_of(table).encode("utf-8", "surrogatepass"))
    given = ["--variant", "variant", "--incumbent", "rules", "-m", "value"]
    call([verb, "log.parquet", *given, "--threads", "1", "--no-progress"], folder)


anything = st.one_of(configs(KNOWN).map(text_of), st.text(max_size=80), st.lists(st.sampled_from(NASTY)).map("\n".join))


def nearly_right() -> st.SearchStrategy[dict[str, Any]]:
    """Configs of right values, of which one or none is replaced by an odd one of its kind."""
    odd: dict[type, list[Any]] = {
        str: ["", "nowhere", "value", "t", "1e999", "-1", "'", "2%", "0", "value * 1e308", "n / 0"],
        int: [0, 1, -1, 2**40, 2**63, 2**70],
        float: [0.0, 1.0, -1.0, 0.5, 1e-300, 1e308, 0.999999],
        date: [date.min, date.max, date(2026, 3, 10), date(2026, 3, 10) + timedelta(1)],
    }

    def value(right: Any) -> st.SearchStrategy[Any]:
        return st.one_of(*[st.just(right)] * 4, st.sampled_from(odd.get(type(right), [right])))

    def table(name: str) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({}, optional={k: value(v) for k, v in KNOWN[name].items()})

    parts = {name.strip("[]"): st.lists(table(name), max_size=2) if "[" in name else table(name) for name in KNOWN}
    return st.fixed_dictionaries({}, optional=parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configs")


@settings(max_examples=120)
@given(anything)
def test_any_config_is_followed_or_refused(folder: Path, text: str) -> None:
    check_config(folder, text)


@settings(max_examples=6)
@given(nearly_right(), st.sampled_from(("report", "check")))
def test_what_is_nearly_right_runs(folder: Path, table: dict[str, Any], verb: str) -> None:
    check_run(folder, table, verb)


@pytest.mark.slow
@settings(max_examples=3500)
@given(st.one_of(anything, nearly_right().map(text_of)))
def test_more_configs_are_followed_or_refused(folder: Path, text: str) -> None:
    check_config(folder, text)


@pytest.mark.slow
@settings(max_examples=300)
@given(nearly_right(), st.sampled_from(("report", "report", "check", "plan", "backtest")))
def test_more_of_what_is_nearly_right_runs(folder: Path, table: dict[str, Any], verb: str) -> None:
    check_run(folder, table, verb)
