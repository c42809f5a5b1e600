"""`extends`: shared definitions, merged key by key; mistakes are named in the file that has them."""

from pathlib import Path

import pytest

from abimpact.errors import ConfigError
from abimpact.spec.config import load_request
from abimpact.spec.document import read_document
from abimpact.spec.metric import Role
from abimpact.spec.request import MetricRequest

COMPANY = """
[data]
unit = "user"
variant = "arm"
[data.derive]
half = "value / 2"
[[metric]]
name = "profit"
value = "revenue - refund"
[[metric]]
name = "errors"
role = "guardrail"
margin = "2%"
[analysis]
level = 0.9
segments = ["country", "device"]
[report]
owner = "Team"
locale = "de_DE"
"""
OWN = """
extends = "../company.toml"
[data]
incumbent = "rules"
[data.derive]
twice = "value * 2"
[[metric]]
name = "profit"
role = "primary"
[[metric]]
name = "visits"
[analysis]
segments = ["plan"]
[report]
title = "Checkout"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "test").mkdir()
    (tmp_path / "company.toml").write_text(COMPANY)
    path = tmp_path / "test" / "abimpact.toml"
    path.write_text(OWN)
    return path


def test_tables_are_merged_metrics_by_name_and_lists_replaced(own: Path) -> None:
    found = load_request({}, [], own)
    metrics = [m for m in found.metrics if isinstance(m, MetricRequest)]
    assert (found.unit, found.incumbent, found.level) == ("user", "rules", 0.9)
    assert found.derive == {"half": "value / 2", "twice": "value * 2"}
    assert [(m.name, m.role, m.value) for m in metrics] == [
        ("profit", Role.PRIMARY, "revenue - refund"),
        ("errors", Role.GUARDRAIL, None),
        ("visits", Role.SECONDARY, None),
    ]
    assert found.segments == ("plan",)
    told = found.presentation
    assert (told.title, told.owner, told.locale) == ("Checkout", "Team", "de_DE")


def test_a_file_that_is_extended_may_extend_another(own: Path) -> None:
    company = own.parents[1] / "company.toml"
    (own.parents[1] / "group.toml").write_text('[data]\nunit = "other"\ntime = "day"\n')
    company.write_text('extends = "group.toml"\n' + COMPANY)
    found = load_request({}, [], own)
    assert (found.unit, found.time) == ("user", "day")


def test_paths_are_relative_to_the_file_that_has_them(own: Path) -> None:
    company = own.parents[1] / "company.toml"
    company.write_text(COMPANY + '[[data.fill]]\nfile = "lists/users.csv"\n')
    assert read_document(own).table["data"]["fill"] == [{"file": "../lists/users.csv"}]


@pytest.mark.parametrize(
    ("company", "own_text", "file", "said"),
    [
        ('extends = "test/abimpact.toml"\n', OWN, "company.toml", "in a circle"),
        ("", 'extends = "abimpact.toml"', "abimpact.toml", "in a circle"),
        ("", 'extends = "../compny.toml"', "compny.toml, which", "relative to the file that has it"),
        ("", "extends = 3", "abimpact.toml", "not a path"),
        ("[data", OWN, "company.toml", "not valid TOML"),
        (COMPANY + "[dta]\n", OWN, "company.toml", "dta is not known"),
        (COMPANY + 'titel = "x"\n', OWN, "company.toml", "report.titel is not known. Did you mean 'title'?"),
        (COMPANY, OWN + "titel = 'x'\n", "test/abimpact.toml", "report.titel"),
        (COMPANY.replace('"guardrail"', '"guard"'), OWN, "company.toml", "metric[1].role"),
        (COMPANY, OWN.replace('"primary"', '"first"'), "test/abimpact.toml", "metric[0].role"),
        (COMPANY.replace("0.9", '"high"'), OWN, "company.toml", "analysis.level"),
        (COMPANY, OWN.replace('["plan"]', "[3]"), "test/abimpact.toml", "analysis.segments[0]"),
        (COMPANY.replace("de_DE", "de_ED"), OWN, "company.toml", "Did you mean 'de_DE'?"),
    ],
)
def test_mistakes_are_named_in_their_file(own: Path, company: str, own_text: str, file: str, said: str) -> None:
    (own.parents[1] / "company.toml").write_text(company)
    own.write_text(own_text)
    with pytest.raises(ConfigError) as caught:
        load_request({}, [], own)
    assert said in f"{caught.value.message} {caught.value.hint}"
    assert file in caught.value.message.partition(": ")[0]
