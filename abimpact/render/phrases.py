"""Parts of sentences about one metric, one finding or some names; `words` makes sentences of them."""

from abimpact.decide.decision import Decision
from abimpact.decide.report import MetricResult, Report
from abimpact.findings import Finding
from abimpact.render import numbers
from abimpact.spec.metric import Better


def name(text: str) -> str:
    """A name from the data, so that an empty one can be seen."""
    return text.strip() or "(no name)"


def find(report: Report, decision: Decision, metric: str) -> MetricResult:
    """The result of a metric for the decision's variant."""
    return next(m for m in report.metrics if m.metric.name == metric and m.proposed.variant == decision.proposed)


def change(result: MetricResult) -> numbers.Change | None:
    """The chosen estimate as it is printed everywhere; None if the metric is not estimated."""
    if result.chosen is None:
        return None
    return numbers.change(*numbers.shown(result.chosen, result.metric.kind))


def guardrail_limit(result: MetricResult, *, is_signed: bool) -> str:
    """The worsening that a guardrail tolerates, "+5 %"; empty if it is only watched."""
    if result.metric.margin is None:
        return ""
    sign = (-1 if result.metric.better is Better.HIGHER else 1) if is_signed else 0
    return numbers.limit(result.metric.margin, result.metric.kind, sign)


def equivalence_limit(result: MetricResult) -> str:
    """The change declared too small to matter, without a sign; empty if none was declared."""
    margin = result.metric.equivalence_margin
    return numbers.limit(margin, result.metric.kind, 0) if margin else ""


def finding(found: Finding) -> str:
    """A finding in one line: what was seen, what it means, what to do."""
    return numbers.prose(" ".join(stop(part) for part in (found.message, found.why, found.do) if part))


def moves(result: MetricResult) -> str:
    """For example `profit falls by 2.0 % (−3.4 % to −0.6 %)`."""
    printed = change(result)
    if printed is None:
        return name(result.metric.name)
    verb = "fall" if printed.estimate.startswith("−") else "rise"
    return f"{does(result, verb)} by {printed.size} ({printed.limits})"


def does(result: MetricResult, verb: str) -> str:
    """A metric's name with a verb: many are plural (`false declines rise`)."""
    metric = name(result.metric.name)
    return f"{metric} {verb}" if metric.endswith("s") and not metric.endswith("ss") else f"{metric} {verb}s"


def stays(result: MetricResult) -> str:
    """For example `false declines stay within the limit (+5 %)`."""
    return f"{does(result, 'stay')} within the limit ({guardrail_limit(result, is_signed=True)})"


def breaks(result: MetricResult) -> str:
    """A guardrail that is broken, with its limit."""
    margin = guardrail_limit(result, is_signed=False)
    told = f"limit {margin}" if margin else "watched, no limit set"
    return f"{moves(result).removesuffix(')')}; {told})"


def described(report: Report, decision: Decision, metrics: list[str]) -> str:
    """For example `profit +4.2 % (+1.8 % to +6.7 %) and sales +1 % (…)`."""
    told = []
    for metric in metrics:
        result = find(report, decision, metric)
        printed = change(result)
        lower = ", lower is better" if result.metric.better is Better.LOWER else ""
        told.append(f"{name(metric)} {printed.lift} ({printed.limits}{lower})" if printed else name(metric))
    return joined(told)


def names(metrics: list[str]) -> str:
    """Names joined by "and"."""
    return joined([name(m) for m in metrics])


def joined(parts: list[str]) -> str:
    """Parts of a sentence joined by "and"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def stop(text: str) -> str:
    """`text` as a sentence."""
    return text if text.endswith((".", "!", "?")) else text + "."


def keep(report: Report) -> str:
    """What to do where the incumbent stands."""
    return f"Keep {name(report.incumbent)}"
