"""The difference, its intervals, agreement and money tables, against pandas and scipy on the rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abimpact import backtest
from abimpact.errors import AbimpactError, ConfigError, DataError, UsageError
from tests.backtest.histories import ASKED, PAYOFF, earned, make, payments, rules, run


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return payments()


def test_the_difference_is_that_of_the_rows(frame: pd.DataFrame) -> None:
    found = run(frame, proposed="ml").to_dict()
    theirs = stats.ttest_1samp(frame.d, 0.0)
    low, high = theirs.confidence_interval(0.95)
    each, total = found["difference"]["per_unit"], found["difference"]["total"]
    assert (each["estimate"], each["low"], each["high"]) == pytest.approx((frame.d.mean(), low, high), rel=1e-9)
    assert (total["estimate"], total["low"]) == pytest.approx((frame.d.sum(), low * len(frame)), rel=1e-9)
    assert found["proposed"][0]["pvalue"] == pytest.approx(theirs.pvalue, rel=1e-6)
    agreeing = int((rules(frame) == frame.ml).sum())
    assert found["agreement"] == {"share": agreeing / len(frame), "units": agreeing}


def test_the_bootstrap_is_that_of_the_rows(frame: pd.DataFrame) -> None:
    interval = run(frame, proposed="ml", resamples=9999).to_dict()["difference"]["per_unit"]
    rng = np.random.default_rng(3)
    means = np.sort([rng.choice(frame.d, len(frame)).mean() for _ in range(3_000)])
    se = frame.d.std() / np.sqrt(len(frame))
    # The Monte-Carlo error of a 2.5 % point from 3,000 resamples is 0.05 standard errors.
    assert interval["low"] == pytest.approx(np.quantile(means, 0.025), abs=0.2 * se)
    assert interval["high"] == pytest.approx(np.quantile(means, 0.975), abs=0.2 * se)


def test_confusion_in_money(frame: pd.DataFrame) -> None:
    found = run(frame, proposed="ml").to_dict()["confusion"]
    for name, acts in (("rules_decision", rules(frame)), ("ml", frame.ml)):
        value = earned(frame, acts)
        for cell, is_in in (
            ("true_positive", (acts == 1) & (frame.fraud == 1)),
            ("false_positive", (acts == 1) & (frame.fraud == 0)),
            ("false_negative", (acts == 0) & (frame.fraud == 1)),
            ("true_negative", (acts == 0) & (frame.fraud == 0)),
        ):
            assert found[name][cell]["units"] == is_in.sum()
            assert found[name][cell]["value"] == pytest.approx(value[is_in].sum(), abs=1e-9)
        assert found[name]["value_per_row"] == pytest.approx(value.mean(), rel=1e-12)


def test_contrasts_are_paired(frame: pd.DataFrame) -> None:
    found = run(frame, scores={"logistic": "logistic", "trees": "trees"}, threshold=0.05).to_dict()
    gap = earned(frame, frame.trees >= 0.05) - earned(frame, frame.logistic >= 0.05)
    low, high = stats.ttest_1samp(gap, 0.0).confidence_interval(0.95)
    (pair,) = found["contrasts"]
    assert (pair["proposed"], pair["other"]) == ("trees", "logistic")
    each = pair["difference"]["per_unit"]
    assert (each["estimate"], each["low"], each["high"]) == pytest.approx((gap.mean(), low, high), rel=1e-9)


def test_segments_and_months_add_up(frame: pd.DataFrame) -> None:
    found = run(frame, proposed="ml", time="date", segments=["country"]).to_dict()
    by = frame.groupby("country").d
    parts = [s for s in found["segments"] if s["by"] == "country"]
    assert {s["value"]: s["units"] for s in parts} == by.size().to_dict()
    for s in parts:
        assert s["difference"]["total"]["estimate"] == pytest.approx(by.sum()[s["value"]], abs=1e-9)
        low = stats.ttest_1samp(by.get_group(s["value"]), 0.0).confidence_interval(0.95)[0]
        assert s["difference"]["per_unit"]["low"] == pytest.approx(low, rel=1e-7)
    months = [s["difference"]["total"]["estimate"] for s in found["segments"] if s["by"] == "month"]
    assert sum(months) == pytest.approx(frame.d.sum(), abs=1e-8)


def test_rows_of_a_unit_are_taken_together(frame: pd.DataFrame) -> None:
    customers = frame.assign(customer=np.random.default_rng(1).integers(0, 900, len(frame)))
    found = run(customers, proposed="ml", unit="customer", segments=["country"]).to_dict()
    sums = customers.groupby("customer").d.sum()
    low, high = stats.ttest_1samp(sums, 0.0).confidence_interval(0.95)
    each = found["difference"]["per_unit"]
    assert (each["estimate"], each["low"], each["high"]) == pytest.approx((sums.mean(), low, high), rel=1e-9)
    german = customers[customers.country == "DE"].groupby("customer").d.sum()
    part = next(s for s in found["segments"] if s["value"] == "DE")
    assert part["difference"]["per_unit"]["low"] == pytest.approx(
        stats.ttest_1samp(german, 0.0).confidence_interval(0.95)[0], rel=1e-7
    )
    assert "several_rows" in {c["code"] for c in found["checks"]}


def test_wrong_labels_are_what_flipping_them_gives(frame: pd.DataFrame) -> None:
    found = run(frame, proposed="ml").to_dict()["proposed"][0]["wrong_labels"]
    flipped = frame.assign(fraud=1 - frame.fraud)
    other = earned(flipped, frame.ml) - earned(flipped, rules(frame))
    change = other - frame.d
    for name, is_wrong in (("both", 1.0), ("ones", frame.fraud), ("zeros", 1 - frame.fraud)):
        for entry in found[name]["totals"]:
            expected = stats.ttest_1samp(frame.d + entry["share"] * change * is_wrong, 0.0)
            low = expected.confidence_interval(0.95)[0] * len(frame)
            assert entry["total"]["low"] == pytest.approx(low, rel=1e-7)
    tilt = float((change * frame.fraud).sum())
    even = -frame.d.sum() / tilt
    assert found["ones"]["break_even"] == (pytest.approx(even, rel=1e-9) if 0 < even <= 0.5 else None)


def test_the_effect_for_a_plan(frame: pd.DataFrame) -> None:
    plan = run(frame, proposed="ml", time="date").to_dict()["plan"]
    mine, theirs = earned(frame, frame.ml), earned(frame, rules(frame))
    assert plan["proposed"]["variance"] == pytest.approx(mine.var(ddof=1), rel=1e-9)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    needed = z**2 * (mine.var(ddof=1) + theirs.var(ddof=1)) / frame.d.mean() ** 2
    assert plan["units_per_arm"] == int(np.ceil(needed))
    assert plan["units_per_arm_at_low"] == int(np.ceil(needed * (frame.d.mean() / plan["effect"]["low"]) ** 2))
    assert plan["sd"] == pytest.approx(np.sqrt((mine.var(ddof=1) + theirs.var(ddof=1)) / 2), rel=1e-9)
    assert plan["units_per_day"] == pytest.approx(len(frame) / frame.date.nunique())


def test_rows_that_cannot_be_used_are_counted(frame: pd.DataFrame) -> None:
    broken = frame.astype({"ml": "Int64", "fraud": "Int64"})
    broken.loc[broken.index[:7], "ml"] = pd.NA
    broken.loc[broken.index[7:12], "amount"] = np.nan
    broken.loc[broken.index[20:33], "fraud"] = pd.NA
    found = run(broken, proposed="ml").to_dict()
    check = next(c for c in found["checks"] if c["code"] == "missing_values")
    assert check["data"] == {"rows": 25, "missing_proposed": 7, "missing_payoff": 5, "missing_outcome": 13}
    kept = frame.drop(frame.index[:12]).drop(frame.index[20:33])
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(kept.d.mean(), rel=1e-9)


def test_only_the_days_that_count(frame: pd.DataFrame, tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text('[data]\ntime = "date"\nfrom = 2026-04-10\nto = 2026-04-12\n', encoding="utf-8")
    found = run(frame, proposed="ml", config=config).to_dict()
    kept = frame[(frame.date >= "2026-04-10") & (frame.date <= "2026-04-12")]
    assert found["experiment"]["rows"] == {"read": len(frame), "usable": len(kept), "evaluated": len(kept)}
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(kept.d.mean(), rel=1e-9)
    assert any(c["data"] == {"rows": len(frame) - len(kept)} for c in found["checks"])


@pytest.mark.parametrize("rules_are", ["bool", "text", "expression"])
def test_decisions_as_people_log_them(frame: pd.DataFrame, rules_are: str) -> None:
    asked = {
        "bool": (frame.assign(r=frame.rules_decision == "decline"), "r"),
        "text": (frame.assign(r=frame.rules_decision.str.upper()), "r"),
        "expression": (frame.assign(r=frame.rules_decision + "!"), "r = 'decline!'"),
    }
    data, incumbent = asked[rules_are]
    found = run(data, incumbent=incumbent, proposed="ml").to_dict()
    assert found["difference"]["per_unit"]["estimate"] == pytest.approx(frame.d.mean(), rel=1e-9)


def test_order_and_threads_change_nothing(frame: pd.DataFrame) -> None:
    asked = {"scores": {"trees": "trees"}, "unit": "payment_id", "time": "date", "resamples": 499}
    one, other = (run(f, **asked).to_dict() for f in (frame, frame.sample(frac=1, random_state=2)))
    assert {**one, "provenance": 0} == {**other, "provenance": 0}


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({}, UsageError, "proposed variant have decided"),
        ({"proposed": "ml", "payoff": {}}, UsageError, "What does a decision earn"),
        ({"proposed": "ml", "outcome": None}, UsageError, "outcome is not named"),
        ({"proposed": "ml", "incumbent": None}, UsageError, "What did the rules decide"),
        ({"proposed": "mll"}, DataError, "Did you mean 'ml'"),
        ({"proposed": "amount"}, DataError, "other than 0 and 1"),
        ({"proposed": "ml", "incumbent": "country"}, DataError, "which of them counts as 1"),
        ({"proposed": "ml", "payoff": {**PAYOFF, "true_negativ": 1}}, ConfigError, "true_negative"),
        ({"proposed": "ml", "limits": [{"name": "r", "value": "1", "at_most": 5}], "where": "amount > 0"}, None, ""),
        ({"scores": {"flat": "1 + 0 * trees"}}, DataError, "in every row"),
        ({"scores": {"t": "trees"}, "decisions": {"thresholds": {"u": 1}}}, ConfigError, "no score is called 'u'"),
        ({"proposed": "ml", "where": "amount < 0"}, DataError, "the filter keeps none"),
        ({"proposed": "ml", "decisions": {"reward": "amount"}}, ConfigError, "exclude each other"),
    ],
)
def test_mistakes(frame: pd.DataFrame, more: dict[str, object], error: type[AbimpactError] | None, said: str) -> None:
    asked = {k: v for k, v in {**ASKED, **more}.items() if v is not None}
    data = frame.drop(columns="date")
    if error is None:
        with pytest.raises(ConfigError, match="a limit needs dates"):
            run(data, **asked)
        return
    with pytest.raises(error) as caught:
        backtest(data, **asked, resamples=0)
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_what_is_not_given_of_the_payoff_is_said(frame: pd.DataFrame) -> None:
    found = run(frame, proposed="ml", payoff={"false_negative": "-amount"}).to_dict()
    messages = [c["message"] for c in found["checks"] if c["code"] == "assumed"]
    assert any("true positive or a false positive or a true negative" in m for m in messages)


@pytest.mark.slow
def test_intervals_hold_the_truth_of_the_generator() -> None:
    from abimpact.estimate.paired import paired
    from abimpact.summarise.summary import Moments

    draws, n = 500, 20_000
    truth, se = make.truth("trees", 0.05, 6_000_000)
    held = 0
    for draw in range(draws):
        d = make.differences(make.payments(np.random.default_rng([7, draw]), n), "trees", 0.05)
        c = d - d.mean()
        moments = Moments(n, np.array([d.mean()]), np.array([[c @ c]]), np.array([[[(c**3).sum()]]]))
        interval = paired(moments, 0.95).interval
        assert interval.low is not None
        assert interval.high is not None
        held += interval.low <= truth <= interval.high
    assert se < 0.01
    assert held / draws >= 0.94
