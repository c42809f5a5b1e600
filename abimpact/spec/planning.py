"""What is asked of a plan: `[plan]` and the options of `abimpact plan`, and KPIs that no log shows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from abimpact.errors import ConfigError, UsageError
from abimpact.spec.metric import Metric, Role, Tolerance
from abimpact.spec.metric_spec import parse_tolerance, resolve_metric
from abimpact.spec.request import MetricRequest, Request

SHARE = re.compile(r"\s*([+−-]?)\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*")
WORD = re.compile(r"[^\W\d]\w*")
OPERATORS = frozenset("=/*+()<>")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """`[plan]` as declared; `lift` and `effect` are signed as changes, None where not given."""

    question: str
    start: date | None
    lift: float | None
    effect: float | None
    power: float
    units: int | None
    days: int | None
    daily_units: float | None
    traffic_share: float
    correlation: float | None
    comparisons: int | None
    claim: str
    margin: Tolerance | None
    known: Mapping[str, tuple[float, float | None]]
    then: Mapping[str, str]

    @property
    def has_target(self) -> bool:
        """Whether an effect to be found was named."""
        return self.lift is not None or self.effect is not None or self.claim != "better"


def plan_terms(request: Request, flags: Mapping[str, Any]) -> PlanTerms:
    """The terms that `[plan]` and the options make together; options win, and so does one of a pair that excludes."""
    from pydantic import ValidationError

    from abimpact.spec.schema import Plan

    table = dict(request.plan or {})
    for pair in (("lift", "effect"), ("units", "days")):
        if all(flags.get(key) is not None for key in pair):
            raise UsageError(f"--{pair[0]} and --{pair[1]} exclude each other.", "Give one of them.")
        if any(flags.get(key) is not None for key in pair):
            table = {key: value for key, value in table.items() if key not in pair}
    table |= {key: value for key, value in flags.items() if value is not None and key != "kpi"}
    table["kpi"] = [*table.get("kpi", ()), *flags.get("kpi", ())]
    try:
        plan = Plan.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfigError(f"[plan] {key}: {first['msg']}.", f"It is {first['input']!r}.") from error
    for one, other in (("lift", "effect"), ("units", "days")):
        if getattr(plan, one) is not None and getattr(plan, other) is not None:
            raise ConfigError(f"[plan]: {one} and {other} exclude each other.", "Give one of them.")
    if (plan.claim == "better") == (plan.margin is not None):
        raise ConfigError(
            "[plan]: a margin belongs to the claims safe and equivalent.", 'Write claim = "safe" and margin = "2%".'
        )
    return PlanTerms(
        question=plan.question,
        start=plan.start,
        lift=None if plan.lift is None else parse_lift(plan.lift),
        effect=plan.effect,
        power=plan.power,
        units=plan.units,
        days=plan.days,
        daily_units=plan.daily_units,
        traffic_share=plan.traffic_share,
        correlation=plan.covariate_correlation,
        comparisons=plan.comparisons,
        claim=plan.claim,
        margin=parse_tolerance(plan.margin, "[plan] margin") if plan.margin else None,
        known={kpi.name: (kpi.baseline, kpi.sd) for kpi in plan.kpi},
        then=plan.then,
    )


def parse_lift(text: str | float) -> float:
    """A lift written as "2%", "-2%" or 0.02; zero is none."""
    match = SHARE.fullmatch(str(text))
    size = float(match[2]) / (100 if match[3] else 1) if match else 0.0
    if not match or not size:
        raise ConfigError(f"[plan] lift: {text!r} is no lift.", 'Write it like "2%".')
    return size if match[1] in ("", "+") else -size


def named_metrics(request: Request) -> tuple[Metric, ...]:
    """The metrics as declared, where there is no log whose columns could be looked up."""
    found: dict[str, Metric] = {}
    for declared in request.metrics:
        metric = metric_of(declared)
        if metric.name in found:
            raise UsageError(f"Two metrics are called {metric.name!r}.", "Give one another name: -m name=expression.")
        found[metric.name] = metric
    if found and not any(m.role is Role.PRIMARY for m in found.values()):
        raise UsageError("No metric is primary.", 'Name the one that decides with -m, or give it role = "primary".')
    return tuple(found.values())


def metric_of(declared: Metric | MetricRequest) -> Metric:
    """A metric as declared, whatever the columns of a log may be."""
    return declared if isinstance(declared, Metric) else resolve_metric(declared, _columns(declared))


def _columns(declared: MetricRequest) -> dict[str, str]:
    """The columns that a declaration names: every word of it, and the whole where it is no expression."""
    parts = (declared.value, declared.numerator, declared.denominator, declared.weight)
    texts = [t for t in parts if t] or [declared.spec or declared.name or ""]
    words = {word for text in texts for word in WORD.findall(text)} | set(declared.covariates)
    whole = (declared.spec or "").partition("@")[0].partition(":")[0].strip()
    names = [declared.name or "", *([whole] if whole and not OPERATORS & set(whole) else [])]
    names += [text for text in texts if text != declared.spec]
    return dict.fromkeys((*words, *filter(None, names)), "float")
