"""The JSON is what the published schema says, whatever was asked."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

import abimpact
from abimpact import backtest
from tests.backtest.histories import payments, run
from tests.backtest.test_labels import CHOSEN, RELEASED, bandit

SCHEMA = json.loads((Path(abimpact.__file__).parent / "backtest" / "backtest.schema.json").read_text(encoding="utf-8"))
VALUE = {"currency": "EUR", "units_per_year": 1_000, "build_cost": 1, "run_cost_per_year": 1}
ASKED: dict[str, dict[str, Any]] = {
    "decisions": {"proposed": "ml"},
    "all that there is": {
        "scores": {"logistic": "logistic", "trees": "trees"},
        "time": "date",
        "segments": ["country"],
        "value": VALUE,
        "limits": [{"name": "reviews", "at_most": 5}],
        "decisions": {"rules_fired": "rules_fired", "reason": "reason", "tree_columns": ["amount", "country"]},
    },
    "released": {"scores": {"trees": "trees"}, **RELEASED},
    "nothing gained": {
        "scores": {"trees": "trees"},
        "payoff": {"true_positive": -5, "false_positive": -5},
        "decisions": {"tree_columns": ["amount"]},
    },
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    frame = payments(2_000)
    return frame.assign(
        reason=frame.country.where(frame.country != "SE"), country=frame.country.where(frame.amount > 9)
    )


@pytest.mark.parametrize("asked", ASKED)
def test_the_json_is_as_published(frame: pd.DataFrame, asked: str) -> None:
    jsonschema.validate(json.loads(run(frame, **ASKED[asked]).to_json()), SCHEMA)


def test_the_json_of_choices_is_as_published() -> None:
    frame, _ = bandit(n=1_000)
    jsonschema.validate(backtest(frame, decisions=CHOSEN, resamples=99, config="/dev/null").to_dict(), SCHEMA)
