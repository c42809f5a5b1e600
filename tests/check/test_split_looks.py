"""The split at every look: the reference cases of methods.md g, and what it promises."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abimpact.check.split import any_look_pvalue, log_bayes_factor, sample_ratio
from tests.logs import frame, opened

CASES = [
    case
    for case in json.loads((Path(__file__).parents[1] / "golden" / "methods.json").read_text())["cases"]
    if case["kind"] == "srm_sequential"
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference_cases(case: dict[str, Any]) -> None:
    given = case["inputs"]
    found = log_bayes_factor(given["counts"], given["weights"], given["dirichlet_prior"])
    assert found == pytest.approx(case["expected"]["log_bayes_factor"], rel=1e-8, abs=1e-8)
    assert min(1.0, np.exp(-found)) == pytest.approx(case["expected"]["p_now"], rel=1e-8)


def test_it_is_the_least_over_the_days_so_far() -> None:
    with opened(frame(4_000), ["value"], time="day") as log:
        looks = np.cumsum(np.array(log.days.counts), axis=0)
        expected = min(1.0, *(np.exp(-log_bayes_factor(look, (1, 1), (50, 50))) for look in looks))
        assert any_look_pvalue(log, (1, 1)) == pytest.approx(expected)
        (finding,) = sample_ratio(log)
        assert finding.data["any_look_pvalue"] == pytest.approx(expected)
    with opened(frame(400).drop(columns="day"), ["value"]) as log:
        assert any_look_pvalue(log, (1, 1)) is None
