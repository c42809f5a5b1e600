"""After the launch: a holdout against what was promised; and units that meet through others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from abimpact import analyze
from abimpact.cli.main import main
from abimpact.decide.promise import Status, hold
from abimpact.errors import DataError
from abimpact.estimate.estimate import Interval
from tests.logs import frame

MONEY = {
    "units_per_year": 1_000_000,
    "currency": "EUR",
    "build_cost": 0,
    "run_cost_per_year": 10_000,
    "horizon_years": 1,
    "discount_rate": 0.0,
}
ASKED = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"], "resamples": 0}


def interval(estimate: float, half: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95)


def lifted(units: int, by: float, seed: int):  # type: ignore[no-untyped-def]
    data = frame(units, seed=seed)
    data["value"] += np.where(data["variant"] == "ml", by, 0.0)
    return data


@pytest.fixture
def promise(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    analyze(lifted(8_000, 1.0, 1), **ASKED, value=MONEY).write(path)
    return path


@pytest.mark.parametrize(
    ("promised", "delivered", "status"),
    [
        (interval(10, 3), interval(9, 3), Status.HOLDS),
        (interval(10, 3), interval(20, 3), Status.HOLDS),
        (interval(10, 3), interval(2, 3), Status.SHORT),
        (interval(10, 3), interval(5, 8), Status.OPEN),
        (interval(10, 3), interval(6.2, 2.8), Status.HOLDS),
    ],
)
def test_what_became_of_a_promise(promised: Interval, delivered: Interval, status: Status) -> None:
    found = hold("ml", "profit", "EUR", promised, delivered, 0.95)
    assert found is not None
    assert found.status is status
    assert found.gap.estimate == delivered.estimate - promised.estimate
    assert (found.pvalue < 0.05) == (found.gap.low > 0 or found.gap.high < 0)


def test_no_bounds_no_promise() -> None:
    unbounded = Interval(estimate=1.0, low=None, high=None, level=0.95)
    assert hold("ml", "profit", None, unbounded, interval(1, 1), 0.95) is None
    assert hold("ml", "profit", None, replace(unbounded, low=1.0, high=1.0), interval(1, 0), 0.95) is None


def test_a_holdout_is_held_against_money(promise: Path) -> None:
    found = analyze(lifted(6_000, 1.0, 2), **ASKED, value=MONEY, promised=promise)
    told = found.to_dict()["promise"]
    assert (told["unit"], told["currency"], told["status"]) == ("money_per_year", "EUR", "holds")
    assert told["delivered"] == found.to_dict()["value"]["annual_net"]
    for text in (found.to_markdown(), found.to_html()):
        assert "Promised " in text
        assert "the promise holds" in text
    short = analyze(lifted(6_000, 0.0, 3), **ASKED, value=MONEY, promised=promise)
    assert short.to_dict()["promise"]["status"] == "short"


def test_without_money_lifts_are_held_together(promise: Path) -> None:
    told = analyze(lifted(6_000, 1.0, 2), **ASKED, promised=promise).to_dict()["promise"]
    assert told["unit"] == "lift"
    assert told["gap"]["estimate"] == pytest.approx(told["delivered"]["estimate"] - told["promised"]["estimate"])


def test_lower_can_be_better(tmp_path: Path) -> None:
    asked = {**ASKED, "metrics": ["value:lower"]}
    analyze(lifted(6_000, -1.0, 4), **asked).write(tmp_path / "r.json")
    told = analyze(lifted(6_000, -1.0, 5), **asked, promised=tmp_path / "r.json").to_dict()["promise"]
    assert told["promised"]["low"] > 0
    assert told["status"] == "holds"


def test_other_metrics_and_other_files_are_refused(promise: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not asked of this log"):
        analyze(frame(500), **{**ASKED, "metrics": ["converted"]}, promised=promise)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(DataError, match="no report"):
        analyze(frame(500), **ASKED, promised=tmp_path / "other.json")


def test_the_command_takes_a_promise(promise: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "holdout.parquet"
    lifted(6_000, 1.0, 2).to_parquet(log)
    asked = ["report", str(log), "--incumbent", "rules", "-m", "value", "--resamples", "0"]
    assert main([*asked, "--promised", str(promise)]) == 0
    assert "Promised " in capsys.readouterr().out
    assert main([*asked, "--promised", str(tmp_path / "nowhere.json")]) == 3


def met(share: float) -> np.ndarray:
    """Others: each unit has its own, but for a share of units that go to a few whom many meet."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(4_000) < share, rng.integers(0, 20, 4_000), 1_000 + np.arange(4_000))


@pytest.mark.parametrize(
    ("share", "severity", "has_money"), [(0.0, "pass", True), (0.05, "warn", True), (0.4, "warn", False)]
)
def test_others_who_met_both_are_counted(share: float, severity: str, has_money: bool) -> None:
    data = frame(4_000, customer=met(share))
    found = analyze(data, **ASKED, value=MONEY, met_by="customer").to_dict()
    check = next(c for c in found["checks"] if c["code"] == "interference")
    assert check["severity"] == severity
    arms = data.groupby("customer")["variant"].nunique()
    both = arms[arms > 1].index
    assert check["data"]["met_both"] == len(both)
    assert check["data"]["others"] == len(arms)
    assert check["data"]["rows_share"] == pytest.approx(data["customer"].isin(both).mean())
    assert (found["value"] is not None) == has_money


def test_unasked_for_nobody_is_counted() -> None:
    found = analyze(frame(500), **ASKED).to_dict()
    assert "interference" not in {c["code"] for c in found["checks"]}
