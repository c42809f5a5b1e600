"""Where both variants' decisions are logged: the effect on the units where they differ, from a log to the report."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abimpact import analyze
from abimpact.api import Report
from tests.logs import frame

CONFIG = """
[data.decisions]
incumbent = "by_rules"
proposed = "by_ml"
"""


def decided(units: int = 8_000, *, seed: int = 0, leak: float = 0.0) -> pd.DataFrame:
    """ml decides otherwise on a tenth of the units, where it earns 2 more; a leak of `leak` reaches all its units."""
    data, rng = frame(units, seed=seed), np.random.default_rng(seed + 100)
    data["by_rules"] = rng.integers(0, 2, units)
    data["by_ml"] = np.where(rng.random(units) < 0.1, 1 - data["by_rules"], data["by_rules"])
    is_ml = data["variant"] == "ml"
    data["value"] += np.where(is_ml & (data["by_rules"] != data["by_ml"]), 2.0, 0.0) + np.where(is_ml, leak, 0.0)
    return data


def report(data: pd.DataFrame, folder: Path, config: str = CONFIG, **asked: Any) -> Report:
    path = folder / "abimpact.toml"
    path.write_text(config)
    named: dict[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules"}
    return analyze(data, config=path, resamples=0, metrics=["value", "converted"], **{**named, **asked})


def test_the_effect_where_they_differ_is_welchs_and_diluted_by_their_share(tmp_path: Path) -> None:
    data = decided()
    result = report(data, tmp_path).to_dict()
    found = result["metrics"][0]["triggered"]
    differs = data["by_rules"] != data["by_ml"]
    t, c = (data.loc[differs & (data["variant"] == name), "value"] for name in ("ml", "rules"))
    expected = stats.ttest_ind(t, c, equal_var=False)
    assert found["units"] == {"rules": len(c), "ml": len(t)}
    assert found["alone"]["pvalue"] == pytest.approx(expected.pvalue, rel=1e-9)
    share = differs.mean()
    assert found["share"] == pytest.approx(share)
    assert found["diluted"]["absolute"]["estimate"] == pytest.approx(share * (t.mean() - c.mean()), rel=1e-9)
    v = t.var() / len(t) + c.var() / len(c)
    variance = share**2 * v + (t.mean() - c.mean()) ** 2 * share * (1 - share) / len(data)
    assert found["diluted"]["se"] == pytest.approx(np.sqrt(variance), rel=1e-9)
    welch = next(e for e in result["metrics"][0]["estimates"] if e["method"] == "welch")
    assert found["variance_ratio"] == pytest.approx(welch["se"] ** 2 / variance, rel=1e-9)
    assert found["variance_ratio"] > 3
    check = next(c for c in result["checks"] if c["code"] == "agreeing_units")
    assert check["severity"] == "pass"
    assert check["data"]["differing"] == differs.sum()


def test_the_report_says_it_in_words(tmp_path: Path) -> None:
    found = report(decided(), tmp_path)
    for text in (found.to_markdown(), found.to_html()):
        assert "decide differently" in text
        assert "less variance" in text


def test_what_differs_where_they_agree_refutes_it(tmp_path: Path) -> None:
    result = report(decided(leak=1.0), tmp_path).to_dict()
    check = next(c for c in result["checks"] if c["code"] == "agreeing_units")
    assert check["severity"] == "warn"
    assert check["data"]["pvalues"]["value"] < 0.01
    found = result["metrics"][0]["triggered"]
    assert found["alone"] is None
    assert found["not_estimated"]["reason"] == "agreeing_units"


def test_uneven_shares_refute_it(tmp_path: Path) -> None:
    data = decided()
    # As if only ml's own decisions were logged well: rules' units seem to agree more often.
    is_lost = (data["variant"] == "rules") & (np.arange(len(data)) % 2 == 0)
    data.loc[is_lost, "by_ml"] = data.loc[is_lost, "by_rules"]
    result = report(data, tmp_path).to_dict()
    check = next(c for c in result["checks"] if c["code"] == "agreeing_units")
    assert check["severity"] == "warn"
    assert check["data"]["balance_pvalue"] < 0.001


def test_a_score_acts_from_its_threshold_on(tmp_path: Path) -> None:
    data = decided()
    data["score"] = np.where(data["by_ml"] == 1, 0.9, 0.1)
    config = '[data.decisions]\nincumbent = "by_rules"\nscore = "score"\nthreshold = 0.5\n'
    by_score = report(data, tmp_path, config).to_dict()["metrics"][0]["triggered"]
    assert by_score == report(data, tmp_path).to_dict()["metrics"][0]["triggered"]


def test_decisions_may_be_words_and_a_missing_one_counts_as_different(tmp_path: Path) -> None:
    data = decided()
    words = {0: "Approve", 1: "decline"}
    data["by_rules"], data["by_ml"] = data["by_rules"].map(words), data["by_ml"].map(words).str.lower()
    expected = (data["by_rules"].str.lower() != data["by_ml"]).sum()
    result = report(data, tmp_path).to_dict()
    check = next(c for c in result["checks"] if c["code"] == "agreeing_units")
    assert check["data"]["differing"] == expected
    data.loc[data.index[:50], "by_ml"] = None
    again = (data["by_rules"].str.lower() != data["by_ml"]).sum()
    check = next(c for c in report(data, tmp_path).to_dict()["checks"] if c["code"] == "agreeing_units")
    assert check["data"]["differing"] == again


def test_several_rows_of_a_unit_have_the_decision_of_the_first(tmp_path: Path) -> None:
    data = decided(4_000)
    later = data.copy()
    later["by_ml"] = 1 - later["by_ml"]
    later["day"] += pd.Timedelta(days=1)
    both = pd.concat([data, later])
    found = report(both, tmp_path, several_rows="sum", time="day").to_dict()
    check = next(c for c in found["checks"] if c["code"] == "agreeing_units")
    assert check["data"]["differing"] == (data["by_rules"] != data["by_ml"]).sum()


def test_without_decisions_there_is_nothing(tmp_path: Path) -> None:
    result = report(decided(), tmp_path, "").to_dict()
    assert result["metrics"][0]["triggered"] is None
    assert "agreeing_units" not in {c["code"] for c in result["checks"]}


def test_a_backtests_config_asks_for_nothing_here(tmp_path: Path) -> None:
    result = report(decided(), tmp_path, '[data.decisions]\nincumbent = "by_rules"\noutcome = "converted"\n').to_dict()
    assert result["metrics"][0]["triggered"] is None
