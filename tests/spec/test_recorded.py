"""What a result records of a request is that request, whichever config made it."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from abimpact.render.json_metric import plain
from abimpact.spec import recorded
from abimpact.spec.config import load_request
from abimpact.spec.recorded import recorded_request
from abimpact.spec.request import Request

SAMPLES = Path(__file__).parents[2] / "sample_data"
# What is read back by itself, and not by the tables of a config.
BY_ITSELF = (
    "sources engine metrics covariates config signed first_day last_day split_schedule several_rows limits "
    "presentation value plan payoff"
)


@pytest.mark.parametrize("config", sorted(SAMPLES.rglob("*.toml")), ids=lambda path: "/".join(path.parts[-2:]))
def test_the_request_of_every_sample_is_read_back(config: Path) -> None:
    asked = load_request({"seed": 3, "level": 0.9}, ["log.csv"], config)
    found = recorded_request(plain(asked.to_dict()), "result.json")
    # Where paths may lead is not recorded: whoever reads a result has to say so.
    folders = [replace(r, fill=tuple(replace(f, within=None) for f in r.fill)) for r in (asked, found)]
    assert folders[0] == folders[1]


def test_no_field_is_forgotten() -> None:
    known = {*recorded.DATA, *recorded.ANALYSIS, *recorded.BY_VERBS, *BY_ITSELF.split()}
    assert {f.name for f in fields(Request)} <= known
