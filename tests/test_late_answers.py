"""Outcomes that take time, that are seen on a part only, and totals at roll-out, from the log to the report."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from abimpact import analyze
from abimpact.errors import ConfigError
from tests.logs import frame

CONFIG = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
time = "day"
{data}
[[metric]]
name = "value"
role = "primary"
{metric}
{more}
[analysis]
resamples = 0
"""


def report(folder: Path, data: str = "", metric: str = "", more: str = "", log: Any = None) -> dict[str, Any]:
    path = folder / "abimpact.toml"
    path.write_text(CONFIG.format(data=data, metric=metric, more=more))
    return analyze(frame() if log is None else log, config=path).to_dict()


def finding(told: dict[str, Any], code: str) -> dict[str, Any]:
    return next(c for c in told["checks"] if c["code"] == code)


def test_young_units_are_left_out_counted_and_waited_for(tmp_path: Path) -> None:
    log = frame()
    told = report(tmp_path, "as_of = 2026-03-30", 'matures_after = "2w"', log=log)
    old = log[log["day"] <= pd.Timestamp("2026-03-16")]
    for arm in ("incumbent", "proposed"):
        variant = told["metrics"][0][arm]["variant"]
        mine = old.loc[old["variant"] == variant, "value"]
        assert told["metrics"][0][arm]["units"] == len(mine)
        assert told["metrics"][0][arm]["value"] == pytest.approx(mine.mean())
    data = finding(told, "immature")["data"]
    assert sum(data["units"].values()) == len(log) - len(old)
    assert data["answer_on"] == str(log["day"].max().date() + (date(2026, 1, 15) - date(2026, 1, 1)))
    assert (told["verdict"]["code"], told["verdict"]["reason"]) == ("keep_testing", "immature")


def test_units_without_any_answer_do_not_decide(tmp_path: Path) -> None:
    told = report(tmp_path, "as_of = 2026-03-30", 'matures_after = "90d"')
    assert told["verdict"]["reason"] == "immature"
    assert told["metrics"][0]["not_estimated"]["reason"] == "too_few_units"


def test_mature_units_need_no_waiting(tmp_path: Path) -> None:
    plain, told = report(tmp_path), report(tmp_path, "as_of = 2026-09-30", 'matures_after = "90d"')
    assert told["metrics"] == plain["metrics"]
    assert finding(told, "immature")["severity"] == "pass"


@pytest.mark.parametrize(
    ("data", "metric", "said"),
    [
        ("", 'matures_after = "90d"', "as_of"),
        ("as_of = 2026-03-30", 'matures_after = "soon"', "is no time"),
        ("as_of = 2026-03-30", 'matures_after = "0d"', "is no time"),
        ("", 'numerator = "value"\ndenominator = "sessions"\nweight = "2"', "a weight is for"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, data: str, metric: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        report(tmp_path, data, metric)
    assert said in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(("data", "reason"), [("planned_end = 2026-03-28", "not_shown"), ("", "inconclusive"),
                                              ("planned_units = 2_000", "not_shown"),
                                              ("planned_end = 2026-04-28", "inconclusive")])  # fmt: skip
def test_a_test_that_has_reached_its_plan_is_over(tmp_path: Path, data: str, reason: str) -> None:
    assert report(tmp_path, data)["verdict"]["reason"] == reason


def test_weights_stand_for_units_that_were_not_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    log = frame(20_000)
    seen = rng.random(len(log)) < (p := np.where(log["sessions"] > 2, 0.2, 0.8))
    hidden = log.assign(value=log["value"].where(seen), p=np.where(seen, p, np.nan))
    told = report(tmp_path, metric='weight = "1 / p"', log=hidden)["metrics"][0]
    mine = hidden[hidden["variant"] == "ml"]
    w, y = (1 / mine["p"]).fillna(0.0), mine["value"].fillna(0.0)
    mean = (w * y).sum() / w.sum()
    assert told["proposed"]["value"] == pytest.approx(mean, rel=1e-12)
    # The linearised variance of a ratio of means; and the weights repair what was hidden.
    residual = w * (y - mean) / w.mean()
    se_ml = residual.std(ddof=1) / np.sqrt(len(mine))
    assert mean == pytest.approx(log.loc[log["variant"] == "ml", "value"].mean(), abs=4 * se_ml)
    estimate = told["estimates"][0]
    assert estimate["se"] == pytest.approx(np.sqrt(2) * se_ml, rel=0.1)


def test_a_limit_is_a_total_of_all_traffic(tmp_path: Path) -> None:
    log = frame()
    limit = '[[limit]]\nname = "orders"\nvalue = "sessions"\nper = "day"\nat_most = 100'
    told = report(tmp_path, more=limit, log=log)
    (found,) = told["limits"]
    mine = log.loc[log["variant"] == "ml", "sessions"]
    per_day = len(log) / 28
    assert found["total"]["estimate"] == pytest.approx(mine.mean() * per_day)
    half = t.ppf(0.975, len(mine) - 1) * mine.std() / np.sqrt(len(mine)) * per_day
    assert found["total"]["high"] - found["total"]["estimate"] == pytest.approx(half)
    most = log.groupby("day").size()
    assert (found["peak_day"], found["peak"]) == (str(most.idxmax().date()), pytest.approx(mine.mean() * most.max()))
    assert found["exceeded"]
    assert (told["verdict"]["code"], told["verdict"]["reason"]) == ("keep", "capacity")
    assert not report(tmp_path, more=limit.replace("100", "1000"), log=log)["limits"][0]["exceeded"]
