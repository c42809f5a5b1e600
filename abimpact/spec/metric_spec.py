"""From a metric as declared (a command-line SPEC or a `[[metric]]` table) to a `Metric` over the log's columns.

SPEC is `column`, `numerator/denominator`, `column:p90` or `name=expression`, then `:lower` or `:higher`, then
`@margin`.
A division by something that reads a column is a ratio of sums; by a number alone it is arithmetic on each unit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from abimpact.errors import ConfigError, UsageError
from abimpact.spec.expression import Expression, column, find_column, parse_expression
from abimpact.spec.metric import Better, Metric, MetricKind, Role, Tolerance
from abimpact.spec.request import MetricRequest

# A quantile with a smaller share beyond it needs more units than there are.
RAREST = 1e-9
MARGIN = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(%|points?|pp|[^\d\s%.][^%]*)?\s*")
DAYS = re.compile(r"\s*(\d+)\s*(d|days?|w|weeks?)\s*")
NAMED = re.compile(r"([^=<>!]+)=(?!=)(.+)", re.DOTALL)
QUANTILE = re.compile(r"p(\d{1,3}(?:\.\d+)?)")


def parse_tolerance(text: str, what: str) -> Tolerance:
    """A margin: "2%" of the incumbent's value, "0.5 points" of a proportion, or "5 ms" in the metric's own unit."""
    match = MARGIN.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        raise ConfigError(f"{what}: {text!r} is no margin.", 'Write it like "2%", "0.5 points" or "5 ms".')
    amount, unit = float(match[1]), match[2] or ""
    if unit == "%":
        return Tolerance(amount=amount / 100, is_relative=True)
    return Tolerance(amount=amount / 100 if unit in ("point", "points", "pp") else amount, is_relative=False)


def parse_days(text: str, what: str) -> int:
    """A time of whole days or weeks: "90d", "12w"."""
    match = DAYS.fullmatch(text)
    if match is None or not int(match[1]):
        raise ConfigError(f"{what}: {text!r} is no time.", 'Write it like "90d" or "12w".')
    return int(match[1]) * (7 if match[2].startswith("w") else 1)


def resolve_metric(request: MetricRequest, columns: Mapping[str, str]) -> Metric:
    """The metric that `request` declares; an error names the metric and what it lacks."""
    if request.spec is not None:
        return _from_spec(request.spec, request, columns)
    what = f"metric {request.name!r}"
    kind = request.kind
    if kind is MetricKind.RATIO or request.numerator or request.denominator:
        if request.value or not (request.numerator and request.denominator):
            raise ConfigError(f"{what}: a ratio takes numerator and denominator, and no value.")
        value = parse_expression(request.numerator, columns, what)
        denominator: Expression | None = parse_expression(request.denominator, columns, what)
        kind = MetricKind.RATIO
    else:
        value = parse_expression(request.value or request.name or "", columns, what)
        denominator = None
    if request.weight is not None:
        if denominator is not None or kind is MetricKind.QUANTILE:
            raise ConfigError(f"{what}: a weight is for means and proportions.")
        value, denominator = _weighted(value, parse_expression(request.weight, columns, f"{what}, weight"))
        kind = MetricKind.RATIO
    if (kind is MetricKind.QUANTILE) != (request.quantile is not None):
        raise ConfigError(f'{what}: kind = "quantile" and quantile = 0.9 go together.')
    metric = Metric(
        name=request.name or value.text,
        kind=kind,
        role=request.role,
        better=request.better,
        value=value,
        denominator=denominator,
        quantile=_quantile(request.quantile, what),
    )
    return _with_margins(metric, request, columns, what)


def _weighted(value: Expression, weight: Expression) -> tuple[Expression, Expression]:
    """Sums of weighted values and of weights, to be divided; a unit that was not seen adds nothing to either.

    With 1 / P(seen) as weights this is the mean of all units (Hájek 1971), its variance that of a ratio.
    """
    used = tuple(dict.fromkeys((*value.columns, *weight.columns)))
    seen = f"({value.sql}) IS NOT NULL AND ({weight.sql}) IS NOT NULL"
    return (
        Expression(
            f"({value.text}) weighted by {weight.text}",
            f"CASE WHEN {seen} THEN ({weight.sql}) * ({value.sql}) ELSE 0 END",
            used,
        ),
        Expression(f"weight {weight.text}", f"CASE WHEN {seen} THEN {weight.sql} ELSE 0 END", used),
    )


def _from_spec(spec: str, request: MetricRequest, columns: Mapping[str, str]) -> Metric:
    what = f"metric {spec!r}"
    body, better, margin, quantile = spec, request.better, request.margin, None
    if spec not in columns:
        if "@" in body:
            body, _, margin = body.rpartition("@")
        while body not in columns and ":" in body:
            head, _, suffix = body.rpartition(":")
            if suffix in ("lower", "higher"):
                better = Better(suffix)
            elif match := QUANTILE.fullmatch(suffix):
                quantile = float(match[1]) / 100
                name = body
            else:
                break
            body = head
    name = name if quantile is not None else body
    if body not in columns and (match := NAMED.fullmatch(body)):
        name, body = match[1].strip(), match[2].strip()
    value, denominator = (column(body), None) if body in columns else _parts(body, columns, what)
    if quantile is not None and denominator is not None:
        raise UsageError(f"{what}: a quantile of a ratio is not supported.", "Name one column, like latency_ms:p90.")
    kind = MetricKind.QUANTILE if quantile is not None else MetricKind.RATIO if denominator else request.kind
    metric = Metric(
        name=name,
        kind=kind,
        role=request.role,
        better=better,
        value=value,
        denominator=denominator,
        quantile=_quantile(quantile, what),
    )
    return _with_margins(metric, replace(request, margin=margin), columns, what)


def _parts(body: str, columns: Mapping[str, str], what: str) -> tuple[Expression, Expression | None]:
    """Numerator and denominator, or one expression."""
    for i, character in enumerate(body):
        if character != "/":
            continue
        top, bottom = body[:i].strip(), body[i + 1 :].strip()
        if top in columns and bottom in columns:
            return column(top), column(bottom)
    whole = parse_expression(body, columns, what)
    if "/" not in body:
        return whole, None
    from sqlglot import exp, parse_one

    tree = parse_one(body, dialect="duckdb")
    if not isinstance(tree, exp.Div) or not list(tree.expression.find_all(exp.Column)):
        return whole, None
    top, bottom = (side.sql(dialect="duckdb") for side in (tree.this, tree.expression))
    return parse_expression(top, columns, what), parse_expression(bottom, columns, what)


def _quantile(quantile: float | None, what: str) -> float | None:
    if quantile is not None and not RAREST <= quantile <= 1 - RAREST:
        raise ConfigError(f"{what}: the quantile must lie between 0 and 1, and is {quantile:g}.")
    return quantile


def _with_margins(metric: Metric, request: MetricRequest, columns: Mapping[str, str], what: str) -> Metric:
    if request.margin is not None and metric.role is not Role.GUARDRAIL:
        raise ConfigError(
            f"{what}: a margin is for guardrails.", "Give its role as guardrail, or take the margin away."
        )
    if request.cap_quantile is not None and metric.kind not in (None, MetricKind.MEAN):
        raise ConfigError(f"{what}: only a mean can be capped.", "Take cap_quantile away.")
    return replace(
        metric,
        kind=MetricKind.MEAN if request.cap_quantile is not None else metric.kind,
        cap_quantile=request.cap_quantile,
        margin=parse_tolerance(request.margin, what) if request.margin is not None else None,
        equivalence_margin=parse_tolerance(request.equivalence_margin, what)
        if request.equivalence_margin is not None
        else None,
        covariates=covariates(request.covariates, columns, what),
        missing_is_zero=request.missing == "zero",
        matures_after=parse_days(request.matures_after, what) if request.matures_after else None,
    )


def covariates(names: Sequence[str], columns: Mapping[str, str], what: str) -> tuple[str, ...]:
    """The columns that `names` stand for, each once."""
    return tuple(dict.fromkeys(find_column(name, columns, f"{what}, covariate") for name in names))
