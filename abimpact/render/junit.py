"""The report as JUnit XML: one test case for each check, guardrail and verdict, for the test page of a CI server.

Valid against the schemas of Ant (windyroad/JUnit-Schema) and Jenkins (xunit-plugin, junit-10.xsd).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from abimpact.decide.decision import Verdict
from abimpact.decide.limits import Capacity
from abimpact.decide.report import MetricResult, Report
from abimpact.findings import Finding, Severity
from abimpact.render import phrases, words
from abimpact.render.capacity import limit_row
from abimpact.render.escape import xml
from abimpact.render.rows import guardrail_row
from abimpact.render.table import Options
from abimpact.spec.metric import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One test case: `outcome` is `failure`, `skipped` or empty (it passes), `type` what a failure is of."""

    name: str
    outcome: str = ""
    type: str = ""
    message: str = ""


def to_junit(report: Report, *, show_anyway: bool = False) -> str:
    """The report as JUnit XML.

    A check fails if it blocks, a guardrail unless it is shown to hold (one without a limit: if it is shown worse),
    a limit at roll-out if it is exceeded, a verdict unless it is SHIP. Warnings pass and stand in `system-out`.
    With an invalid verdict guardrails are skipped and limits left out, unless `show_anyway`.
    """
    is_withheld = report.verdict.code is Verdict.INVALID and not show_anyway
    rails = [m for m in report.metrics if m.metric.role is Role.GUARDRAIL]
    suites = {
        "checks": [_check(f) for f in report.findings],
        "guardrails": [_withheld(m) if is_withheld else _guardrail(m) for m in rails],
        "limits": [] if is_withheld else [_limit(c) for c in report.capacities],
        "verdicts": _verdicts(report),
    }
    return _written(suites, report.findings, report.provenance.created)


def checks_to_junit(findings: Sequence[Finding], created: str) -> str:
    """The checks alone as JUnit XML; `created` is an ISO time."""
    return _written({"checks": [_check(f) for f in findings]}, findings, created)


def _written(suites: Mapping[str, Sequence[_Case]], findings: Sequence[Finding], created: str) -> str:
    told = [f"{f.severity}: {f.code}: {phrases.finding(f)}" for f in findings if f.severity is not Severity.PASS]
    root = Element("testsuites")
    for name, cases in suites.items():
        _suite(root, created, name, cases, "\n".join(told) if name == "checks" else "")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def render(report: Report, options: Options) -> str:
    """`to_junit` for the table of formats."""
    return to_junit(report, show_anyway=options.show_anyway)


def _check(found: Finding) -> _Case:
    name = f"{found.code}: {found.data['metric']}" if "metric" in found.data else found.code
    if found.severity is not Severity.BLOCK:
        return _Case(name=name)
    return _Case(name=name, outcome="failure", type=found.code, message=phrases.finding(found))


def _guardrail(result: MetricResult) -> _Case:
    row = guardrail_row(result)
    fails = row.tone != "better" if result.metric.margin else row.tone == "worse"
    message = f"{row.name}: {row.change}, worst case {row.worst}, limit {row.limit}: {row.status}"
    return _Case(name=_named(result), outcome="failure" if fails else "", type="guardrail", message=message)


def _withheld(result: MetricResult) -> _Case:
    return _Case(name=_named(result), outcome="skipped", message=words.WITHHELD)


def _named(result: MetricResult) -> str:
    return f"{result.metric.name} ({result.proposed.variant})"


def _limit(found: Capacity) -> _Case:
    row = limit_row(found)
    message = f"{row.name} at full roll-out: {row.proposed} ({row.interval}), limit {row.limit}: {row.status}"
    outcome = "failure" if found.is_exceeded else ""
    return _Case(name=f"{row.name} ({found.proposed})", outcome=outcome, type="limit", message=message)


def _verdicts(report: Report) -> list[_Case]:
    return [
        _Case(
            name=decision.proposed,
            outcome="" if decision.code is Verdict.SHIP else "failure",
            type=f"{decision.code}/{decision.reason}",
            message=words.headline(report, decision),
        )
        for decision in report.verdicts
    ]


def _suite(root: Element, created: str, name: str, cases: Sequence[_Case], told: str) -> None:
    """One suite with the attributes and the order of parts that both schemas ask for."""
    outcomes = [case.outcome for case in cases]
    suite = SubElement(
        root,
        "testsuite",
        {
            "id": str(len(root)),
            "package": "abimpact",
            "name": f"abimpact {name}",
            "timestamp": created[:19],
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(outcomes.count("failure")),
            "errors": "0",
            "skipped": str(outcomes.count("skipped")),
            "time": "0",
        },
    )
    SubElement(suite, "properties")
    for case in cases:
        attributes = {"classname": f"abimpact.{name}", "name": xml(case.name), "time": "0"}
        element = SubElement(suite, "testcase", attributes)
        if case.outcome == "failure":
            SubElement(element, "failure", {"type": xml(case.type), "message": xml(case.message)})
        elif case.outcome:
            SubElement(element, "skipped", {"message": xml(case.message)})
    SubElement(suite, "system-out").text = "\n".join(xml(line) for line in told.splitlines())
    SubElement(suite, "system-err")
