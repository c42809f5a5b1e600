"""Every number that a page prints is one of the JSON's, to the digits printed."""

import re
from typing import Any

import pandas as pd
import pytest

from abimpact.backtest.formats import render
from abimpact.render import numbers
from abimpact.render.table import Options
from tests.backtest.histories import payments, run
from tests.render.test_every_number import agrees, leaves, quantities, words

ASKED: dict[str, dict[str, Any]] = {
    "all that there is": {
        "scores": {"logistic": "logistic", "trees": "trees"},
        "time": "date",
        "segments": ["country"],
        "value": {"currency": "EUR", "units_per_year": 50_000, "build_cost": 100, "run_cost_per_year": 900},
        "limits": [{"name": "reviews", "at_most": 5}],
        "decisions": {"rules_fired": "rules_fired", "reason": "country"},
    },
    "no money": {"proposed": "ml", "payoff": {"true_positive": 0.01, "false_positive": -0.02}},
    "released": {
        "scores": {"trees": "trees"},
        "outcome": "fraud_released",
        "decisions": {"release_probability": "release_probability", "tree_columns": ["new_card", "country"]},
    },
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    # What a rule is called is no number of the report.
    return payments(3_000).assign(rules_fired=lambda f: f.rules_fired.str.replace(r"\d+", "many", regex=True))


@pytest.mark.parametrize("name", ["terminal", "markdown", "text"])
@pytest.mark.parametrize("asked", ASKED)
def test_every_printed_number_is_the_jsons(frame: pd.DataFrame, asked: str, name: str) -> None:
    found = run(frame, **{**ASKED[asked], "resamples": 199})
    told, report = found.to_dict(), found.values
    text = render(report, name, Options(width=200, is_verbose=True))
    values = [x for x in leaves(told) if isinstance(x, int | float) and not isinstance(x, bool)]
    values += [sum(f.severity == s for f in report.findings) for s in ("pass", "info", "warn", "block")]
    # Shares of agreement are told as such and as disagreement; a threshold is 6 digits of its own; IFs are counted.
    values += [1 - o["agreement"]["share"] for o in told["proposed"]]
    values += [float(f"{t['threshold']:.6g}") for t in told["thresholds"] if t["threshold"] is not None]
    values += [len(told["tree"]["ifs"]) if told["tree"] else 0, *range(1, 9)]
    said = words(iter(x for x in leaves(told) if isinstance(x, str)))
    days = [load["peak_day"] for load in told["limits"]]
    for phrase in (
        *(numbers.day(pd.Timestamp(d).date()) for d in days),
        numbers.period(report.start, report.end),
        *re.findall(r"\d{4}-\d\d", text),
    ):
        text = text.replace(phrase, " ") if phrase else text
    printed = quantities(text) - said
    assert len(quantities(text)) > 10 or name == "text"
    assert sorted(word for word in printed if not any(agrees(word, x) for x in values)) == []
    # A wrong number would be found.
    assert not any(agrees("+4.3127", x) or agrees("0.123456", x) for x in values)
