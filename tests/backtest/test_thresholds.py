"""Thresholds against brute force on the rows: every point, the best one, the halves, and limits on acts."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.backtest.histories import earned, payments, rules, run


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return payments(6_000, seed=4)


def on(found: Any, score: str = "trees") -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = [t for t in found["thresholds"] if t["score"] == score]
    return points


def test_every_point_is_that_of_the_rows(frame: pd.DataFrame) -> None:
    found = run(frame, scores={"trees": "trees"}, threshold=0.05).to_dict()
    points = on(found)
    assert len(points) > 20
    for point in points:
        t = point["threshold"]
        acts = np.zeros(len(frame)) if t is None else frame.trees >= t
        d = earned(frame, acts) - earned(frame, rules(frame))
        assert point["units"] == int(np.sum(acts))
        low = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)[0]
        each = point["difference"]["per_unit"]
        assert (each["estimate"], each["low"]) == pytest.approx((d.mean(), low), rel=1e-7)


@pytest.mark.parametrize("time", ["date", None])
def test_the_best_is_found_on_one_half_and_paid_on_the_other(frame: pd.DataFrame, time: str | None) -> None:
    data = frame if time else frame.drop(columns="date")
    found = run(data, scores={"trees": "trees"}, unit="payment_id", time=time).to_dict()
    (proposed,) = found["proposed"]
    assert found["experiment"]["found_on"] == ("by time" if time else "by a hash of the unit")
    evaluated = found["experiment"]["rows"]["evaluated"]
    assert 0.4 < evaluated / len(frame) < 0.6
    if not time:
        return
    late = frame.date > pd.Timestamp(found["experiment"]["found_until"])
    early = frame[~late]
    gains = {t["threshold"]: t["found_per_unit"] for t in on(found)}
    base = earned(early, rules(early))
    for t, value in gains.items():
        acts = np.zeros(len(early)) if t is None else early.trees >= t
        assert value == pytest.approx((earned(early, acts) - base).mean(), rel=1e-9, abs=1e-12)
    assert proposed["threshold"] == max(gains, key=lambda t: gains[t])
    paid = frame[late]
    d = earned(paid, paid.trees >= proposed["threshold"]) - earned(paid, rules(paid))
    assert evaluated == late.sum()
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(d.mean(), rel=1e-9)


def test_picking_does_not_flatter() -> None:
    # Scores without any worth: found on a half, the best threshold looks good there and is worth nothing on the other.
    found, paid = [], []
    for seed in range(8):
        frame = payments(1_500, seed=100 + seed)
        frame["noise"] = np.random.default_rng(seed).random(len(frame))
        result = run(frame, incumbent="0 * amount", scores={"noise": "noise"}, unit="payment_id", time="date").to_dict()
        best = next(t for t in on(result, "noise") if t["best"])
        found.append(best["found_per_unit"])
        paid.append(best["difference"]["per_unit"]["estimate"])
    assert np.mean(found) > 0.1
    assert np.mean(paid) < np.mean(found) / 2


def test_a_score_that_should_never_act(frame: pd.DataFrame) -> None:
    # Acting always costs 5 here, so the best threshold is none at all.
    payoff = {"true_positive": -5, "false_positive": -5, "false_negative": 0, "true_negative": 0}
    found = run(frame, scores={"trees": "trees"}, time="date", payoff=payoff).to_dict()
    assert found["proposed"][0]["threshold"] is None
    assert found["confusion"]["trees"]["acts"] == 0


def capped(frame: pd.DataFrame, acts: Any, at_most: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What acting earns if acts beyond a number a day are left undone at random: the expected value a row."""
    n = pd.Series(np.asarray(acts, dtype=float), index=frame.index).groupby(frame.date).transform("sum")
    share = np.where(n > at_most, at_most / n.clip(lower=1), 1.0)
    acted, passed = earned(frame, np.ones(len(frame))), earned(frame, np.zeros(len(frame)))
    return passed + np.asarray(acts) * share * (acted - passed)


@pytest.fixture(scope="module")
def flood() -> pd.DataFrame:
    """17,000 payments a day, of which some 2,000 would be worth a look."""
    return payments(68_000, seed=5, days=4)


def test_2000_alerts_a_day_against_200_reviewers(flood: pd.DataFrame) -> None:
    few = "amount > 500 or (amount > 250 and new_card = 1)"
    limit = {"name": "reviews", "value": "1", "at_most": 200}
    found = run(flood, incumbent=few, scores={"trees": "trees"}, time="date", limits=[limit]).to_dict()
    best = next(t for t in on(found) if t["best"])
    free = next(t for t in on(found) if t["best_without_limits"])
    assert free["needed"][0] > 1_800
    # Without limits it would win; with them it loses, and the best one within them wins.
    assert free["without_limits"]["low"] > 0
    assert free["difference"]["per_unit"]["estimate"] < 0
    assert best["needed"][0] == pytest.approx(200, abs=40)
    assert best["difference"]["per_unit"]["low"] > 0
    assert found["verdict"]["code"] == "test"

    late = flood[flood.date > pd.Timestamp(found["experiment"]["found_until"])]
    incumbent = (late.amount > 500) | ((late.amount > 250) & (late.new_card == 1))
    for point in (best, free):
        d = capped(late, late.trees >= point["threshold"], 200) - capped(late, incumbent, 200)
        each = point["difference"]["per_unit"]
        low = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)[0]
        assert (each["estimate"], each["low"]) == pytest.approx((d.mean(), low), rel=1e-7)
    d = capped(late, late.trees >= best["threshold"], 200) - capped(late, incumbent, 200)
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(d.mean(), rel=1e-9)
    loads = {(x["name"], x["variant"]): x for x in found["limits"]}
    needed = (flood.trees >= best["threshold"]).groupby(flood.date).sum()
    assert loads["reviews", "trees"]["needed"] == pytest.approx(needed.mean())
    assert loads["reviews", "trees"]["peak"] == needed.max()


def test_a_limit_by_the_week(frame: pd.DataFrame) -> None:
    limit = {"name": "minutes", "value": "2 + new_card", "at_most": 300, "per": "week"}
    found = run(frame, proposed="ml", time="date", limits=[limit]).to_dict()
    (load,) = [x for x in found["limits"] if x["variant"] == "ml"]
    week = (frame.date - frame.date.min().to_period("W").start_time).dt.days // 7
    minutes = (frame.ml * (2 + frame.new_card)).groupby(week).sum()
    # The log begins on a Monday and ends in the middle of its third week: 20 days.
    length = np.array([7, 7, 6])
    assert load["peak"] == pytest.approx((minutes * 7 / length).max())
    share = np.minimum(300 * length / 7 / minutes, 1.0)
    rule = rules(frame)
    rule_share = np.minimum(300 * length / 7 / (rule * (2 + frame.new_card)).groupby(week).sum(), 1.0)
    acted, passed = earned(frame, np.ones(len(frame))), earned(frame, np.zeros(len(frame)))
    d = (frame.ml * week.map(share) - rule * week.map(rule_share)) * (acted - passed)
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(d.mean(), rel=1e-9)
