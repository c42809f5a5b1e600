from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from abimpact.decide.decision import Verdict
from abimpact.decide.report import Report
from abimpact.render.junit import to_junit
from tests.render.build import SITUATIONS, _named, guardrail, guardrail_open, invalid, pays, ship

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))


def cases(report: Report, outcome: str, **options: bool) -> list[str]:
    """The names of the test cases that ended so."""
    root = etree.fromstring(to_junit(report, **options).encode())
    return [case.get("name") for case in root.iter("testcase") if case.find(outcome) is not None]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_valid_and_counted(situation: str) -> None:
    report = SITUATIONS[situation]()
    root = etree.fromstring(to_junit(report).encode())
    assert SCHEMA.validate(root), SCHEMA.error_log
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))
    assert [len(suite.findall("testcase")) for suite in root] == [
        len(report.findings),
        sum(m.metric.role == "guardrail" for m in report.metrics),
        len(report.capacities),
        len(report.verdicts),
    ]


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=12))
def test_any_name_is_valid(text: str) -> None:
    root = etree.fromstring(to_junit(_named(text)).encode("utf-8", "strict"))
    assert SCHEMA.validate(root), SCHEMA.error_log


def test_what_fails() -> None:
    assert cases(ship(), "failure") == []
    assert cases(guardrail(), "failure") == ["false declines (ml)", "ml"]
    assert cases(guardrail_open(), "failure") == ["false declines (ml)", "ml"]
    assert cases(invalid(), "failure") == ["sample_ratio", "ml"]
    assert cases(pays(), "failure") == ["manual reviews a week (tree)", "tree"]


def test_a_guardrail_of_an_unsound_log_is_skipped() -> None:
    assert invalid().verdict.code is Verdict.INVALID
    assert cases(invalid(), "skipped") == ["false declines (ml)"]
    assert "+1.8 %" not in to_junit(invalid())
    assert cases(invalid(), "skipped", show_anyway=True) == []


def test_warnings_pass_and_are_told() -> None:
    assert "warn: outliers: 3 units carry 22 %" in to_junit(ship())
