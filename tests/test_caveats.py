"""Notes on what is not final, and on what is likely too large."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abimpact import analyze
from abimpact.decide.caveats import SO_FAR
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
[[metric]]
name = "sessions"
role = "guardrail"
margin = "20%"
[analysis]
resamples = 0
{analysis}
"""


def told(folder: Path, data: str = "", analysis: str = "", log: Any = None) -> Any:
    path = folder / "abimpact.toml"
    path.write_text(CONFIG.format(data=data, analysis=analysis))
    return analyze(frame() if log is None else log, config=path)


def notes(report: Any) -> list[str]:
    metric = report.to_dict()["metrics"][0]
    return list(next(e["notes"] for e in metric["estimates"] if e["method"] == metric["chosen_method"]))


@pytest.mark.parametrize("data", ["planned_units = 4_000", "planned_end = 2026-04-25"])
def test_before_the_planned_end_nothing_is_shown_as_final(tmp_path: Path, data: str) -> None:
    report = told(tmp_path, data)
    assert SO_FAR in notes(report)
    assert SO_FAR in report.to_markdown()
    assert "holds so far" in report.to_markdown()
    assert SO_FAR not in notes(told(tmp_path, data, 'sequential = "always-valid"'))


@pytest.mark.parametrize("data", ["", "planned_units = 2_000", "planned_end = 2026-03-28"])
def test_a_test_at_its_end_is_final(tmp_path: Path, data: str) -> None:
    report = told(tmp_path, data)
    assert SO_FAR not in notes(report)
    assert "holds so far" not in report.to_markdown()


def test_a_just_significant_effect_is_said_to_be_too_large(tmp_path: Path) -> None:
    log = frame()
    gap = log.loc[log["variant"] == "ml", "value"].mean() - log.loc[log["variant"] == "rules", "value"].mean()
    se = log["value"].std() * np.sqrt(2 / 1_000)
    for z, is_told in ((1.0, False), (2.3, True), (4.0, False)):
        moved = log.assign(value=log["value"] + np.where(log["variant"] == "ml", z * se - gap, 0.0))
        assert any("too large on average" in n for n in notes(told(tmp_path, log=moved))) == is_told
