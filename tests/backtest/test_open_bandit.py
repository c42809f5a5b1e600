"""Two policies' clicks, each estimated from the other's log and held against what it really got (Saito et al. 2020)."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abimpact import backtest
from tests.logs import real_data

FOLDER = real_data()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="the real logs are not here; set ABIMPACT_REAL_DATA")
ITEMS = 34
# Table 1 of the paper, all traffic of the men's campaign.
TRUE = {"random": 0.0051, "bts": 0.0067}


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    assert FOLDER is not None
    return pd.read_parquet(
        FOLDER / "obd_men.parquet", columns=["item_id", "position", "click", "propensity_score", "policy"]
    )


@pytest.mark.parametrize(("target", "logged"), [("bts", "random"), ("random", "bts")])
def test_one_policy_from_the_log_of_the_other(log: pd.DataFrame, target: str, logged: str) -> None:
    mine = log[log.policy == logged].drop(columns="policy")
    if target == "random":
        mine["q"] = 1 / ITEMS
    else:
        shown = log[log.policy == target].groupby(["position", "item_id"]).size()
        often = shown / shown.groupby("position").transform("sum")
        mine = mine.join(often.rename("q"), on=["position", "item_id"]).fillna({"q": 0.0})
    decisions = {
        "propensity": "propensity_score",
        "proposed_probability": "q",
        "reward": "click",
        "action": "item_id",
        "context": ["position"],
    }
    found = backtest(mine, decisions=decisions, resamples=0, config="/dev/null").to_dict()
    (proposed,) = found["proposed"]
    by_method = {e["method"]: e["per_unit"] for e in proposed["estimates"]}
    w, r = (mine.q / mine.propensity_score).to_numpy(), mine.click.to_numpy()
    theirs = stats.ttest_1samp(w * r - r, 0.0)
    low, high = theirs.confidence_interval(0.95)
    ips = by_method["ips"]
    assert [ips["estimate"], ips["low"], ips["high"]] == pytest.approx([(w * r - r).mean(), low, high], rel=1e-9)
    assert proposed["overlap"]["effective"] == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-9)
    overlap = next(c for c in found["checks"] if c["code"] == "overlap")
    clicks = {m: [i[k] + r.mean() for k in ("low", "high")] for m, i in by_method.items()}
    own = log[log.policy == target].click.mean()
    if target == "bts":
        # A log that tries everything tells what the other policy got, in its sample and in all of its traffic.
        assert overlap["severity"] == "pass"
        for low, high in clicks.values():
            assert low < own < high
            assert low < TRUE[target] < high
    else:
        # A policy that has nearly stopped to show some items does not, and the check says so.
        assert overlap["severity"] == "warn"
        assert proposed["overlap"]["largest"] > 100
    assert np.all([high > low for low, high in clicks.values()])
