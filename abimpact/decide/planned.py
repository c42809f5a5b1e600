"""Was the test run as it was planned? Every difference between a signed plan and what was done."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from abimpact.spec.calendar import parse_split
from abimpact.spec.experiment import Experiment
from abimpact.spec.metric import Metric, Tolerance
from abimpact.spec.planning import metric_of
from abimpact.spec.request import Request
from abimpact.spec.signed import SignedPlan

# A test that gets so much less or more than the units planned is another test.
FEW, MANY = 0.95, 1.05
# A look this close to a planned one is that one.
SAME_LOOK = 0.02
# Keys of a request's value that say how it was read.
HOW_READ = frozenset({"assumed", "is_optional"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One thing that was done otherwise; `planned` or `found` None where it was not there at all."""

    what: str
    planned: str | None
    found: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The signed plan of a test, and how the test deviates from it.

    `question` and `then` (what each verdict leads to) are the plan's. `is_unchanged` says that the plan is what was
    signed under `digest`.
    """

    path: str
    digest: str
    is_unchanged: bool
    question: str
    then: Mapping[str, str]
    deviations: tuple[Deviation, ...]

    @property
    def is_followed(self) -> bool:
        """Whether the test is the one that was signed, in every respect."""
        return self.is_unchanged and not self.deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the test went: its days and its units in all."""

    start: date | None
    end: date | None
    units: int


def held_against(
    signed: SignedPlan, planned: Request, request: Request, experiment: Experiment, course: Course
) -> Planned:
    """The plan, and what was done otherwise; `planned` is what the plan alone asks for."""
    plan = planned.plan or {}
    found = [
        *_settings(planned, experiment, request),
        *_metrics(planned, experiment.metrics[: len(request.metrics)]),
        *_limits(planned, request),
        *_money(planned.value, request.value if experiment.value else None),
        *_course(planned, plan.get("start"), course, experiment),
    ]
    return Planned(
        path=signed.path,
        digest=signed.digest,
        is_unchanged=signed.is_unchanged,
        question=plan.get("question", ""),
        then=plan.get("then", {}),
        deviations=tuple(found),
    )


def _settings(planned: Request, e: Experiment, request: Request) -> Iterator[Deviation]:
    """Variants, unit, filter and statistics."""
    pairs: list[tuple[str, object, object]] = [
        ("unit", planned.unit, e.unit),
        ("column of the variant", planned.variant, e.variant),
        ("incumbent", planned.incumbent, e.incumbent),
        ("proposed", ", ".join(planned.proposed) or None, ", ".join(e.proposed)),
        ("filter", planned.where or "all rows", e.where.text if e.where else "all rows"),
        ("several rows", planned.several_rows and planned.several_rows.value, e.several_rows and e.several_rows.value),
        ("missing outcomes", planned.missing, request.missing),
        ("level", planned.level, e.level),
        ("looked at", planned.sequential, e.sequential),
        ("looks", _listed(planned.looks), _listed(e.looks)),
        ("spending", planned.spending, e.spending),
    ]
    for what, before, now in pairs:
        if before is not None and str(before).casefold() != str(now).casefold():
            yield Deviation(what=what, planned=str(before), found=None if now is None else str(now))
    if planned.split and e.split and not _is_same_split(parse_split(planned.split), e.split):
        yield Deviation(what="split", planned=planned.split, found=":".join(f"{share:g}" for share in e.split))
    for name, text in planned.derive.items():
        now = e.derive.get(name)
        if now is None or now.text != text:
            yield Deviation(what=f"column {name}", planned=text, found=None if now is None else now.text)


def _listed(looks: Sequence[float]) -> str:
    return ", ".join(f"{look:g}" for look in looks)


def _is_same_split(one: Sequence[float], other: Sequence[float]) -> bool:
    shares = [[x / math.fsum(split) for x in split] for split in (one, other)]
    return len(one) == len(other) and all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(*shares, strict=True))


def _metrics(planned: Request, used: Sequence[Metric]) -> Iterator[Deviation]:
    """Metrics that are missing, new, or another thing under the same name."""
    now = {m.name: m for m in used}
    before = {m.name: m for m in map(metric_of, planned.metrics)}
    for name, metric in before.items():
        if name not in now:
            yield Deviation(what=f"KPI {name}", planned=metric.role.value, found=None)
            continue
        old, new = _told(metric, planned), _told(now[name], planned)
        for key in old:
            if old[key] != new[key]:
                yield Deviation(what=f"{key} of {name}", planned=old[key], found=new[key])
    for name, metric in now.items():
        if name not in before:
            yield Deviation(what=f"KPI {name}", planned=None, found=metric.role.value)


def _told(m: Metric, planned: Request) -> dict[str, str]:
    """What was agreed on a metric, as text."""
    value = m.value.text + (f" / {m.denominator.text}" if m.denominator else "")
    shared = planned.covariates if not m.covariates and m.quantile is None else ()
    return {
        "role": m.role.value,
        "definition": value + (f" at {m.quantile:g}" if m.quantile is not None else ""),
        "direction": m.better.value,
        "margin": _margin(m.margin),
        "equivalence margin": _margin(m.equivalence_margin),
        "covariates": ", ".join(m.covariates or shared) or "none",
        "cap": "none" if m.cap_quantile is None else f"{m.cap_quantile:g}",
        "time to mature": "none" if m.matures_after is None else f"{m.matures_after} days",
    }


def _margin(margin: Tolerance | None) -> str:
    if margin is None:
        return "none"
    return f"{margin.amount * 100:.12g} %" if margin.is_relative else f"{margin.amount:.12g}"


def _limits(planned: Request, request: Request) -> Iterator[Deviation]:
    before, now = ({t["name"]: t for t in tables} for tables in (planned.limits, request.limits))
    for name in dict.fromkeys((*before, *now)):
        old, new = (_limit(tables.get(name)) for tables in (before, now))
        if old != new:
            yield Deviation(what=f"limit {name}", planned=old, found=new)


def _limit(table: Mapping[str, Any] | None) -> str | None:
    return None if table is None else f"{table['value']} at most {table['at_most']:,.12g} a {table['per']}"


def _money(planned: Mapping[str, Any] | None, used: Mapping[str, Any] | None) -> Iterator[Deviation]:
    """Costs, worth, volume, horizon, prior, thresholds."""
    if planned is None:
        if used is not None:
            yield Deviation(what="costs", planned=None, found="given")
        return
    if used is None:
        yield Deviation(what="costs", planned="given", found=None)
        return
    before, now = dict(_flat(planned)), dict(_flat(used))
    for key in dict.fromkeys((*before, *now)):
        old, new = before.get(key), now.get(key)
        if old != new:
            yield Deviation(what=key.replace("_", " "), planned=_text(old), found=_text(new))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if key in HOW_READ:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, prefix if key in ("once", "per_year", "per_column") else f"{prefix}{key} ")
        elif value not in (None, (), []):
            yield prefix + key, list(value) if isinstance(value, tuple) else value


def _text(value: object) -> str | None:
    return None if value is None else f"{value:.12g}" if isinstance(value, (int, float)) else str(value)


def _course(planned: Request, start: date | None, course: Course, e: Experiment) -> Iterator[Deviation]:
    """The days and units of the test against those planned."""
    if start and course.start and course.start != start:
        yield Deviation(what="first day", planned=start.isoformat(), found=course.start.isoformat())
    end, units = planned.planned_end, planned.planned_units
    share = course.units / units if units else None
    if e.sequential == "group" and share is not None and e.looks:
        if min(abs(look - share) for look in e.looks) > SAME_LOOK and share < 1:
            yield Deviation(what="look", planned=f"at {_listed(e.looks)} of the units", found=f"at {share:.2f}")
        return
    if e.sequential == "always-valid":
        return
    if end and course.end and course.end != end:
        yield Deviation(what="last day", planned=end.isoformat(), found=course.end.isoformat())
    if units and share is not None and not FEW <= share <= MANY:
        yield Deviation(what="units", planned=f"{units:,}", found=f"{course.units:,}")
