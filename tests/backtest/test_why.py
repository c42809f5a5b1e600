"""Rules and reasons behind disagreements, and the small tree: against pandas, scipy and the engine itself."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.backtest.histories import SAMPLE, earned, make, payments, rules, run


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return payments(6_000, seed=3)


def as_logged(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    """The rules that fired as a list, or as text in several notations."""
    listed = frame.rules_fired.map(lambda x: x.split(";") if isinstance(x, str) else None)
    written = {
        "list": listed,
        "pipes": frame.rules_fired.str.replace(";", " | "),
        "json": listed.map(lambda x: None if x is None else "[" + "; ".join(f'"{r}"' for r in x) + "]"),
        "semicolons": frame.rules_fired,
    }
    return frame.assign(fired=written[how])


@pytest.mark.parametrize("how", ["list", "pipes", "json", "semicolons"])
def test_rules_are_counted_on_the_rows_that_disagree(frame: pd.DataFrame, how: str) -> None:
    found = run(as_logged(frame, how), proposed="ml", decisions={"rules_fired": "fired"}).to_dict()["rules"]
    assert {r["name"] for r in found} == set(make.RULES)
    acted = rules(frame) == 1
    pvalues = []
    for rule in found:
        fired = frame.rules_fired.fillna("").str.split(";").map(lambda x, name=rule["name"]: name in x)
        other = fired & (rules(frame) != frame.ml)
        x = frame.d.where(other, 0.0)
        assert (rule["units"], rule["disagreeing"]) == (fired.sum(), other.sum())
        assert rule["alone"] == (other & ~frame.rules_fired.fillna("").str.contains(";")).sum()
        assert rule["stopped"] == {
            "wrongly": (other & acted & (frame.fraud == 0)).sum(),
            "rightly": (other & acted & (frame.fraud == 1)).sum(),
        }
        theirs = stats.ttest_1samp(x, 0.0)
        low, high = theirs.confidence_interval(0.95)
        total = rule["difference"]["total"]
        n = len(frame)
        assert [total["estimate"], total["low"], total["high"]] == pytest.approx([x.sum(), low * n, high * n], rel=1e-8)
        pvalues.append(theirs.pvalue)
    adjusted = stats.false_discovery_control(pvalues)
    assert [r["pvalue_adjusted"] for r in found] == pytest.approx(adjusted.tolist(), rel=1e-6)


def test_reasons_and_months(frame: pd.DataFrame) -> None:
    data = frame.assign(why=np.where(frame.amount > 100, "large", "small"))
    found = run(data, proposed="ml", time="date", decisions={"reason": "why"}).to_dict()["reasons"]
    large = next(r for r in found if r["name"] == "large")
    total = large["difference"]["total"]["estimate"]
    assert total == pytest.approx(frame.d[frame.amount > 100].sum(), rel=1e-9)
    assert large["difference"]["per_month"]["estimate"] == pytest.approx(total / 20 * 365 / 12, rel=1e-9)


def sample(name: str) -> dict[str, object]:
    from abimpact import backtest

    config = SAMPLE / "backtest" / "simpler.toml"
    return backtest(SAMPLE / "backtest" / f"{name}.parquet", config=config, resamples=0).to_dict()


@pytest.mark.parametrize(("name", "verdict"), [("simple", "keep/simpler"), ("payments", "test/better")])
def test_a_small_tree_is_enough_or_not(name: str, verdict: str) -> None:
    found = sample(name)
    code, reason, proposed = (found["verdict"][k] for k in ("code", "reason", "proposed"))  # type: ignore[index]
    assert f"{code}/{reason}" == verdict
    share = found["tree"]["share_of_gain"]  # type: ignore[index]
    if name == "simple":
        assert proposed == "tree"
        assert share["low"] > 0.9
    else:
        assert proposed == "trees"
        assert share["high"] < 0.9


def test_the_share_of_the_gain_is_fiellers(frame: pd.DataFrame) -> None:
    found = run(frame, scores={"trees": "trees"}, time="date", decisions={"tree_columns": ["amount", "new_card"]})
    tree = found.to_dict()["tree"]
    late = frame[frame.date > pd.Timestamp(found.to_dict()["experiment"]["found_until"])]
    acts = duckdb.sql(f"SELECT {tree['sql']} AS a FROM late").df().a.to_numpy().astype(int)
    base = earned(late, rules(late))
    mine = earned(late, acts) - base
    theirs = earned(late, late.trees >= found.to_dict()["proposed"][0]["threshold"]) - base
    by_name = {o["name"]: o["difference"]["per_unit"]["estimate"] for o in found.to_dict()["proposed"]}
    assert by_name["tree"] == pytest.approx(mine.mean(), rel=1e-9)
    share = tree["share_of_gain"]
    assert share["estimate"] == pytest.approx(mine.mean() / theirs.mean(), rel=1e-9)
    # At a Fieller limit R the mean of mine - R theirs is just not told apart from 0.
    for limit in (share["low"], share["high"]):
        t = stats.ttest_1samp(mine - limit * theirs, 0.0)
        assert t.pvalue == pytest.approx(0.05, abs=1e-6)


def test_a_tree_reads_texts_flags_and_missing_numbers() -> None:
    rng = np.random.default_rng(0)
    n = 3_000
    frame = pd.DataFrame(
        {
            "rules": rng.integers(0, 2, n),
            "kind": rng.choice(["it's", "b", "c"], n),
            "age": np.where(rng.random(n) < 0.3, np.nan, rng.random(n)),
        }
    )
    frame["bad"] = ((frame.kind == "it's") & frame.age.isna() & (rng.random(n) < 0.9)).astype(int)
    frame["score"] = frame.bad + 0.1 * rng.random(n)
    payoff = {"true_positive": 10, "false_positive": -1, "false_negative": -10, "true_negative": 0}
    found = run(frame, incumbent="rules", outcome="bad", scores={"score": "score"}, payoff=payoff,
                decisions={"tree_columns": ["kind", "age"]}).to_dict()  # fmt: skip
    assert "kind = it's" in " ".join(found["tree"]["ifs"])
    decided = duckdb.sql(f"SELECT {found['tree']['sql']} AS a FROM frame").df().a.to_numpy()
    assert np.array_equal(decided == 1, ((frame.kind == "it's") & frame.age.isna()).to_numpy())


def test_the_same_rows_grow_the_same_tree(frame: pd.DataFrame) -> None:
    asked = {"scores": {"trees": "trees"}, "time": "date", "unit": "payment_id",
             "decisions": {"tree_columns": ["amount", "country"]}}  # fmt: skip
    one, other = (run(f, **asked).to_dict()["tree"] for f in (frame, frame.sample(frac=1, random_state=1)))
    assert one == other
