"""Outcomes that the rules' decisions hide: refused, or weighted by logged probabilities."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abimpact import backtest
from abimpact.errors import DataError
from tests.backtest.histories import PAYOFF, earned, make, payments, rules, run


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return payments(8_000, seed=2)


def check(found: dict[str, Any], code: str) -> dict[str, Any]:
    """The first finding of a code."""
    return next(c for c in found["checks"] if c["code"] == code)


def test_outcomes_seen_only_where_the_rules_did_not_act_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError) as caught:
        run(frame, proposed="ml", outcome="fraud_seen")
    assert f"{rules(frame).sum():,} rows on which they acted, none has an outcome" in caught.value.message
    assert "release_probability" in caught.value.hint


@pytest.mark.parametrize("hidden", ["acted", "not acted", "most of the acted"])
def test_whichever_way_they_hide(frame: pd.DataFrame, hidden: str) -> None:
    acted = rules(frame) == 1
    lost = {"acted": acted, "not acted": ~acted, "most of the acted": acted & (frame.amount > 20)}[hidden]
    data = frame.assign(seen=frame.fraud.where(~lost))
    with pytest.raises(DataError, match="selective labels"):
        run(data, proposed="ml", outcome="seen")


def test_outcomes_missing_at_random_are_not_refused(frame: pd.DataFrame) -> None:
    lost = np.random.default_rng(0).random(len(frame)) < 0.3
    found = run(frame.assign(seen=frame.fraud.where(~lost)), proposed="ml", outcome="seen").to_dict()
    assert check(found, "selective_labels")["severity"] == "pass"
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(frame.d[~lost].mean(), rel=1e-9)


def test_a_lean_is_warned_of_and_zeros_for_unknown_block(frame: pd.DataFrame) -> None:
    acted = rules(frame) == 1
    lost = acted & (np.random.default_rng(0).random(len(frame)) < 0.12)
    found = run(frame.assign(seen=frame.fraud.where(~lost)), proposed="ml", outcome="seen").to_dict()
    assert check(found, "selective_labels")["severity"] == "warn"
    found = run(frame.assign(seen=frame.fraud.where(~acted, 0)), proposed="ml", outcome="seen").to_dict()
    assert check(found, "selective_labels")["severity"] == "block"
    assert (found["verdict"]["code"], found["verdict"]["reason"]) == ("invalid", "selective_labels")


def methods(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The per-unit intervals of the first variant by method."""
    return {e["method"]: e["difference"]["per_unit"] if "difference" in e else e["per_unit"]
            for e in found["proposed"][0]["estimates"]}  # fmt: skip


RELEASED = {"outcome": "fraud_released", "decisions": {"release_probability": "release_probability"}}


def test_ips_is_that_of_the_rows(frame: pd.DataFrame) -> None:
    found = methods(run(frame, proposed="ml", **RELEASED).to_dict())
    seen = frame.fraud_released.notna()
    d = np.where(seen, frame.d / frame.release_probability, 0.0)
    low, high = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)
    assert [found["ips"][k] for k in ("estimate", "low", "high")] == pytest.approx([d.mean(), low, high], rel=1e-9)
    w = np.where(seen, 1 / frame.release_probability, 0.0)
    assert found["snips"]["estimate"] == pytest.approx(d.sum() / w.sum(), rel=1e-9)


def test_released_outcomes_tell_what_all_would(frame: pd.DataFrame) -> None:
    gaps: dict[str, list[float]] = {}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        seen = rng.random(len(frame)) < frame.release_probability
        found = run(frame.assign(fraud_released=frame.fraud.where(seen)), scores={"trees": "trees"}, threshold=0.05,
                    **RELEASED).to_dict()  # fmt: skip
        assert check(found, "probabilities")["severity"] == "pass"
        for method, interval in methods(found).items():
            gaps.setdefault(method, []).append(interval["estimate"] - frame.d.mean())
    # Only which rows were released is random here: some 0.06 for one draw, so 0.03 for the mean of four.
    for method in ("ips", "snips", "doubly_robust"):
        assert abs(np.mean(gaps[method])) < 0.1, method
        assert np.std(gaps[method]) > 0


def test_wrong_probabilities_are_noticed(frame: pd.DataFrame) -> None:
    data = frame.assign(release_probability=frame.release_probability.clip(upper=0.9))
    assert check(run(data, proposed="ml", **RELEASED).to_dict(), "probabilities")["severity"] == "warn"
    with pytest.raises(DataError, match="not above 0"):
        run(frame.assign(release_probability=0.0), proposed="ml", **RELEASED)


@pytest.fixture(scope="module")
def random_rules(frame: pd.DataFrame) -> pd.DataFrame:
    """Rules that decide at random, more often to decline what they would decline anyway."""
    rng = np.random.default_rng(1)
    p = np.where(rules(frame) == 1, 0.8, 0.1)
    act = rng.random(len(frame)) < p
    seen = frame.fraud.where(~act)
    return frame.assign(act=act.astype(int), p=np.where(act, p, 1 - p), all_p=p, seen=seen)


def test_a_random_incumbent_needs_only_the_outcomes_of_what_it_did(random_rules: pd.DataFrame) -> None:
    frame = random_rules
    # Declining earns -2 whatever it was, so the outcome of a declined payment is not needed.
    payoff = {**PAYOFF, "true_positive": -2, "false_positive": -2}
    found = run(frame, incumbent="act", outcome="seen", proposed="ml", payoff=payoff,
                decisions={"propensity": "p"}).to_dict()  # fmt: skip
    stopped, passed = np.full(len(frame), -2.0), earned(frame, np.zeros(len(frame)))
    r = np.where(frame.act == 1, stopped, passed)
    alike = frame.ml == frame.act
    d = np.where(alike, r / frame.p, 0.0) - r
    low, high = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)
    ips = methods(found)["ips"]
    assert [ips["estimate"], ips["low"], ips["high"]] == pytest.approx([d.mean(), low, high], rel=1e-9)
    truth = (np.where(frame.ml == 1, stopped, passed) - frame.all_p * stopped - (1 - frame.all_p) * passed).mean()
    robust = methods(found)["doubly_robust"]
    assert robust["low"] < truth < robust["high"]
    w = np.where(alike, 1 / frame.p, 0.0)
    overlap = found["proposed"][0]["overlap"]
    assert overlap["rows"] == alike.sum()
    assert overlap["effective"] == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-9)
    assert overlap["largest"] == pytest.approx(w.max())


def test_the_outcome_of_what_was_done_must_be_known(random_rules: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="the logged decision earned is not known"):
        run(random_rules, incumbent="act", outcome="seen", proposed="ml", decisions={"propensity": "p"})


def bandit(n: int = 6_000, choices: int = 8, spread: float = 2.0) -> tuple[pd.DataFrame, float]:
    """One of several choices made at random in three contexts, and what another policy really earns more."""
    rng = np.random.default_rng(6)
    logged, other = (rng.dirichlet(np.full(choices, spread), 3) for _ in range(2))
    reward = rng.random((3, choices))
    context = rng.integers(0, 3, n)
    choice = np.array([rng.choice(choices, p=logged[c]) for c in context])
    frame = pd.DataFrame(
        {
            "context": context,
            "choice": choice,
            "p": logged[context, choice],
            "q": other[context, choice],
            "won": (rng.random(n) < reward[context, choice]).astype(int),
        }
    )
    return frame, float(((other - logged) * reward).sum(axis=1)[context].mean())


CHOSEN = {"propensity": "p", "proposed_probability": "q", "reward": "won"}


def test_one_of_many_choices() -> None:
    frame, truth = bandit()
    decisions = {**CHOSEN, "action": "choice", "context": ["context"]}
    found = backtest(frame, decisions=decisions, resamples=0, config="/dev/null").to_dict()
    d = frame.q / frame.p * frame.won - frame.won
    low, high = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)
    ips, robust = methods(found)["ips"], methods(found)["doubly_robust"]
    assert [ips["estimate"], ips["low"], ips["high"]] == pytest.approx([d.mean(), low, high], rel=1e-9)
    for interval in (ips, robust):
        assert interval["low"] < truth < interval["high"]
    assert robust["high"] - robust["low"] < ips["high"] - ips["low"]
    assert found["agreement"] == {"share": None, "units": None}


def test_too_little_overlap_is_no_answer() -> None:
    frame, _ = bandit(n=500)
    frame.loc[0, ["p", "q"]] = 0.01, 0.9  # one row with a twelfth of all weight
    found = backtest(frame, decisions=CHOSEN, resamples=0, config="/dev/null").to_dict()
    assert (found["verdict"]["code"], found["verdict"]["reason"]) == ("invalid", "overlap")


@pytest.mark.slow
def test_intervals_of_released_outcomes_hold_the_truth() -> None:
    truth, _ = make.truth("trees", 0.05, 4_000_000)
    held: dict[str, list[bool]] = {}
    for seed in range(150):
        table = make.payments(np.random.default_rng([8, seed]), 4_000)
        for method, interval in methods(run(table, proposed="trees >= 0.05", **RELEASED).to_dict()).items():
            held.setdefault(method, []).append(interval["low"] <= truth <= interval["high"])
    # Three binomial errors of 150 draws below 95 %.
    for method, hits in held.items():
        assert np.mean(hits) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(hits)), method
