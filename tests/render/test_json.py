import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from abimpact.decide.report import Arm
from abimpact.render.json import to_dict, to_json
from tests.render.build import PROFIT, SITUATIONS, guardrail, invalid, ship, worse

SCHEMA = json.loads(files("abimpact.render").joinpath("report.schema.json").read_text())


@pytest.mark.parametrize("situation", SITUATIONS)
def test_report_follows_the_schema(situation: str) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(to_json(SITUATIONS[situation]())))


def test_schema_is_a_schema_and_closed() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    broken: Any = to_dict(ship())
    broken["metrics"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.Draft202012Validator(SCHEMA).validate(broken)


def test_keys_stand_in_their_order() -> None:
    told = to_dict(ship())
    assert list(told) == [
        "schema",
        "verdict",
        "verdicts",
        "experiment",
        "checks",
        "metrics",
        "value",
        "values",
        "limits",
        "contrasts",
        "plan",
        "promise",
        "provenance",
    ]
    assert list(told["metrics"][0]["estimates"][0]["relative"]) == [
        "estimate",
        "low",
        "high",
        "level",
        "kind",
    ]


def test_numbers_are_unrounded() -> None:
    told = to_dict(ship())["metrics"][0]
    assert told["estimates"][0]["relative"]["low"] == 0.0181
    assert told["proposed"] == {"variant": "ml", "units": 401_504, "value": 2.72}


def test_guardrail_status() -> None:
    status = {m["name"]: m["guardrail"] and m["guardrail"]["status"] for m in to_dict(guardrail())["metrics"]}
    assert status == {
        "profit per user": None,
        "conversion": None,
        "false declines": "worse",
        "unsubscribes": None,
    }
    assert to_dict(worse())["metrics"][2]["guardrail"]["status"] == "safe"


def test_invalid_keeps_its_kpis() -> None:
    assert to_dict(invalid())["metrics"][0]["estimates"]


def test_nan_is_an_error() -> None:
    bad = replace(PROFIT, proposed=Arm(variant="ml", units=1, value=float("nan")))
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(replace(ship(), metrics=(bad, *ship().metrics[1:])))


def test_dates_and_tuples_become_json() -> None:
    told = json.loads(to_json(ship()))
    assert told["experiment"]["start"] == "2026-03-01"
    assert told["experiment"]["split"] == [50, 50]
    assert told["provenance"]["config"]["data"]["from"] == "2026-03-01"
