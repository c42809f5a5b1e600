"""`sequential` from the config to the report."""

from pathlib import Path
from typing import Any

import pytest

from abimpact import analyze
from abimpact.errors import ConfigError
from abimpact.estimate.monitor import AlwaysValid, GroupSequential
from abimpact.estimate.sequential import Spending
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
[analysis]
resamples = 0
{analysis}
"""


def estimates(folder: Path, data: str, analysis: str) -> tuple[str, dict[str, Any]]:
    path = folder / "abimpact.toml"
    path.write_text(CONFIG.format(data=data, analysis=analysis))
    told = analyze(frame(), config=path).to_dict()["metrics"][0]
    return told["chosen_method"], {e["method"]: e for e in told["estimates"]}


@pytest.mark.parametrize(
    ("data", "analysis", "critical"),
    [
        ("planned_units = 4_000", 'sequential = "always-valid"', AlwaysValid(4_000.0).critical(2_000, 0.05)),
        ("", 'sequential = "always-valid"', AlwaysValid(5_000.0).critical(2_000, 0.05)),
        (
            "planned_units = 4_000",
            'sequential = "group"\nlooks = [0.25, 0.5, 1.0]',
            GroupSequential((0.25, 0.5), Spending.OBRIEN_FLEMING).critical(2_000, 0.05),
        ),
        (
            "planned_end = 2026-04-25",
            'sequential = "group"\nlooks = [0.5, 1.0]\nspending = "pocock"',
            GroupSequential((0.5,), Spending.POCOCK).critical(2_000, 0.05),
        ),
        (
            "planned_units = 2_000",
            'sequential = "group"\nlooks = [0.5, 1.0]',
            GroupSequential((0.5, 1.0), Spending.OBRIEN_FLEMING).critical(2_000, 0.05),
        ),
    ],
)
def test_the_look_is_where_the_plan_says(tmp_path: Path, data: str, analysis: str, critical: float) -> None:
    chosen, found = estimates(tmp_path, data, analysis)
    assert chosen == "sequential"
    interval = found["sequential"]["absolute"]
    assert interval["high"] - interval["estimate"] == pytest.approx(critical * found["welch"]["se"], rel=1e-9)


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        ('sequential = "group"', "looks"),
        ('sequential = "group"\nlooks = [0.5, 0.25]', "rising"),
        ('sequential = "group"\nlooks = [0.5, 1.0]', "planned_units or planned_end"),
        ('sequential = "sometimes"', "sequential"),
        ('sequential = "group"\nlooks = [0.5, 1.5]', "looks"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, analysis: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        estimates(tmp_path, "", analysis)
    assert said in f"{caught.value} {caught.value.hint}"
