"""Twyman's law: a figure that looks too interesting is usually wrong."""

from collections.abc import Sequence

from abimpact.decide.report import MetricResult
from abimpact.findings import Finding, Severity
from abimpact.spec.metric import Role

# A lift whose whole interval lies beyond this is hardly ever due to a new variant of something that runs already.
IMPLAUSIBLE = 0.3


def too_good(results: Sequence[MetricResult]) -> list[Finding]:
    """Primary KPIs whose lift is certain to be larger than nearly all that were ever seen."""
    primaries = [r for r in results if r.metric.role is Role.PRIMARY and r.chosen]
    findings = []
    for result in primaries:
        assert result.chosen
        lift = result.chosen.relative
        ends = [x for x in (lift.low, lift.high) if x is not None]
        if len(ends) < 2 or min(map(abs, ends)) < IMPLAUSIBLE or min(ends) * max(ends) < 0:
            continue
        name, proposed = result.metric.name, result.proposed.variant
        findings.append(
            Finding(
                code="too_good",
                severity=Severity.WARN,
                message=f"{name} changes by {ends[0] * 100:+.0f} % to {ends[1] * 100:+.0f} % with {proposed}.",
                why="Effects of this size are nearly always errors: events counted twice or lost in one variant, "
                "another definition, a filter on something that the variant changes.",
                do="Look at single units of both variants before believing it.",
                data={"metric": name, "proposed": proposed, "low": ends[0], "high": ends[1], "beyond": IMPLAUSIBLE},
            )
        )
    if primaries and not findings:
        message = "No primary KPI changes by more than is plausible."
        return [Finding(code="too_good", severity=Severity.PASS, message=message)]
    return findings
