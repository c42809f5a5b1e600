"""The sample files are what their script makes, small, and as powerful as it says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from abimpact import analyze, portfolio
from tests.backtest import histories

FOLDER = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_those_of_the_script(make: ModuleType, tmp_path: Path) -> None:
    make.write(tmp_path)
    for name in ("checkouts.parquet", "recommender/clicks.parquet", "decisions/payments.parquet"):
        assert pq.read_table(FOLDER / name).equals(pq.read_table(tmp_path / name))
    assert pacsv.read_csv(FOLDER / "checkouts.csv.gz").equals(pacsv.read_csv(tmp_path / "checkouts.csv.gz"))


def test_the_histories_are_those_of_the_script(tmp_path: Path) -> None:
    histories.make.write(tmp_path)
    for name in ("backtest/payments.parquet", "backtest/simple.parquet"):
        assert pq.read_table(FOLDER / name).equals(pq.read_table(tmp_path / name))


def test_the_csv_gives_the_report_of_the_parquet() -> None:
    parquet, csv = (analyze(FOLDER / name).to_dict() for name in ("checkouts.parquet", "checkouts.csv.gz"))
    assert {**csv, "provenance": 0} == {**parquet, "provenance": 0}


@pytest.mark.parametrize(("name", "reason"), [("checkouts.parquet", "pays"), ("recommender", "superior")])
def test_the_samples_ship(name: str, reason: str) -> None:
    verdict = analyze(FOLDER / name).verdict
    assert (verdict.code, verdict.reason) == ("ship", reason)


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        ("pays", "ship/pays"),
        ("does_not_pay", "keep/does_not_pay"),
        ("equivalent", "keep/equivalent"),
        ("pays_within_margin", "ship/pays"),
        ("trade_off", "keep_testing/trade_off"),
        ("capacity", "keep/capacity"),
        ("immature", "keep_testing/immature"),
        ("mature", "keep/worse"),
        ("three", "ship/pays"),
    ],
)
def test_every_decision_has_its_sample(config: str, verdict: str) -> None:
    path = FOLDER / "decisions" / f"{config}.toml"
    found = analyze(FOLDER / "decisions" / "payments.parquet", config=path, resamples=0).to_dict()
    assert f"{found['verdict']['code']}/{found['verdict']['reason']}" == verdict
    assert verdict in path.read_text().partition("\n")[0] or config == "three"
    first = found["metrics"][0]
    is_better = first["estimates"] and first["estimates"][0]["relative"]["low"] > 0
    if config in ("does_not_pay", "pays_within_margin", "capacity"):
        assert is_better
    if config == "pays_within_margin":
        assert first["equivalence"]["equivalent"]
    if config == "three":
        assert found["verdict"]["proposed"] == "logistic"
        assert [f"{v['code']}/{v['reason']}" for v in found["verdicts"]] == ["ship/pays", "keep/simpler"]


def test_the_first_look_would_have_shipped_what_loses_in_the_end() -> None:
    log = FOLDER / "decisions" / "payments.parquet"
    early = analyze(log, config=FOLDER / "decisions" / "immature.toml", metrics=["seen"], resamples=0)
    assert early.verdict.code == "ship"


def test_all_samples_together_are_small() -> None:
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) < 4 << 20


@pytest.mark.slow
def test_the_power_is_what_the_script_says(make: ModuleType) -> None:
    # 100 draws: a true power of 94 % falls below 83 % less than once in 10,000 times.
    assert all(share >= 0.83 for share in make.power(100).values())


def test_the_portfolio_is_that_of_the_script_and_covers_the_truth(make: ModuleType) -> None:
    table, truth = make.experiments(np.random.default_rng(make.SEED + 4))
    # The file does not say that 900 was a float.
    assert pacsv.read_csv(FOLDER / "portfolio" / "experiments.csv").to_pydict() == table.to_pydict()
    found = portfolio(FOLDER / "portfolio").to_dict()
    shipped = [t["experiment"] for t in found["tests"] if t["shipped"]]
    # 0.3 EUR of margin on 12 EUR a user, 3 million users a year, 20,000 EUR a year to run.
    true = sum(0.3 * 12 * 3e6 * truth[name] - 20_000 for name in shipped)
    (total,) = found["totals"]
    assert total["annual_net"]["low"] < true < total["annual_net"]["high"] < total["measured"]["annual_net"]["estimate"]
    assert round(true, -3) == 965_000  # as docs/portfolio.md says
    assert len(found["sample_ratio"]["failed"]) == len(make.LOSING)


def test_the_worked_example_is_right_to_the_cent() -> None:
    # The case m-business_value-01 of tests/golden/methods.json, as a table of counts, means and variances.
    found = analyze(FOLDER / "worked_example" / "table.csv").to_dict()["value"]
    assert found["annual"]["estimate"] == pytest.approx(150_275.23, abs=0.005)
    assert found["annual_net"]["estimate"] == pytest.approx(90_275.23, abs=0.005)
    npv = found["npv"]
    assert (npv["estimate"], npv["low"], npv["high"]) == pytest.approx((66_676.02, -138_586.34, 271_938.38), abs=0.005)
    assert found["break_even"]["absolute"] == pytest.approx(0.026632653, abs=5e-10)
    assert found["probability_pays"] == pytest.approx(0.73782725, abs=5e-9)
    assert found["expected_loss"] == pytest.approx({"ship": 16_634.99, "keep": 83_311.01}, abs=0.005)
    assert found["payback_months"] == pytest.approx(11.963, abs=0.0005)
