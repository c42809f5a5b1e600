"""From stored reports to tests: every proposed variant by its KPIs, its verdict and its money."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

from scipy.special import ndtri

from abimpact.estimate.estimate import Interval, Kind
from abimpact.estimate.history import Measured
from abimpact.findings import Severity
from abimpact.portfolio.stored import Stored, StoredMetric, StoredValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One KPI's lift in one test.

    `reason` says why it tells nothing of other tests (empty: it does). `sign` is -1 where lower is better, `se` the
    standard error of the lift.
    """

    metric: str
    role: str
    kind: str | None
    sign: int
    lift: Interval | None
    se: float | None
    pvalue: float | None
    reason: str

    @property
    def is_usable(self) -> bool:
        """Whether the lift and its error are known, in a log that is sound."""
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a test is worth, as its report says: a year before and after costs, and over the horizon.

    `annual`, `earned` are measured effects in money, `yearly`, `spent` the costs that are taken from them. `is_final`:
    the report has allowed for luck by a prior of its own. `metric` is the KPI that was valued.
    """

    currency: str
    metric: str
    annual: Measured
    yearly: float
    earned: Measured
    spent: float
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A proposed variant in an experiment (the number of its report): the primary KPI's effect first.

    `is_chosen`: the experiment's verdict is about this variant. `sample_ratio` is None where it was not checked.
    """

    __test__ = False  # not for pytest

    experiment: int
    name: str
    path: str
    incumbent: str
    proposed: str
    units: int
    start: date | None
    end: date | None
    code: str
    verdict_reason: str
    is_chosen: bool
    sample_ratio: Severity | None
    effects: tuple[Effect, ...]
    money: Money | None

    @property
    def primary(self) -> Effect | None:
        """The effect on the first primary KPI."""
        return next((e for e in self.effects if e.role == "primary"), None)

    @property
    def is_shipped(self) -> bool:
        """Whether this variant replaces the incumbent."""
        return self.is_chosen and self.code == "ship"


def tests_of(reports: Sequence[Stored]) -> tuple[Test, ...]:
    """Every proposed variant of every report, in their order."""
    names = _names(reports)
    return tuple(_test(i, names[i], run, place) for i, run in enumerate(reports) for place in range(len(run.verdicts)))


def _names(reports: Sequence[Stored]) -> list[str]:
    """The reports' names; those that several have are told apart by their paths."""
    plain = [run.name for run in reports]
    folders = [f"{PurePath(run.path).parent.name}/{name}" for run, name in zip(reports, plain, strict=True)]
    return [
        name if plain.count(name) == 1 else folder if folders.count(folder) == 1 else run.path or name
        for run, name, folder in zip(reports, plain, folders, strict=True)
    ]


def _test(number: int, name: str, run: Stored, place: int) -> Test:
    decision = run.verdicts[place]
    mine = [m for m in run.metrics if m.proposed.variant == decision.proposed and m.role != "guardrail"]
    is_sound = decision.code != "invalid"
    order = {"primary": 0, "secondary": 1}
    ratio = [c.severity for c in run.checks if c.code == "sample_ratio"]
    worth = next((v for v in run.values if v.proposed == decision.proposed), None)
    return Test(
        experiment=number,
        name=name,
        path=run.path,
        incumbent=run.experiment.incumbent,
        proposed=decision.proposed,
        units=sum(run.experiment.units.get(v, 0) for v in (run.experiment.incumbent, decision.proposed)),
        start=run.experiment.start,
        end=run.experiment.end,
        code=decision.code,
        verdict_reason=decision.reason,
        is_chosen=decision.proposed == run.verdict.proposed,
        sample_ratio=ratio[0] if ratio else None,
        effects=tuple(_effect(m, is_sound=is_sound) for m in sorted(mine, key=lambda m: order[m.role])),
        money=_money(worth) if worth and is_sound else None,
    )


def _effect(m: StoredMetric, *, is_sound: bool) -> Effect:
    chosen = m.chosen
    lift = chosen.relative if chosen and chosen.relative.kind is Kind.BOUNDED else None
    reason = ""
    if not is_sound:
        reason = "the log is not sound"
    elif chosen is None:
        reason = "not estimated"
    elif lift is None or lift.estimate is None:
        reason = "no bounded lift"
    elif not m.lift_se:
        reason = "no standard error"
    return Effect(
        metric=m.name,
        role=m.role,
        kind=m.kind,
        sign=m.sign,
        lift=lift,
        se=m.lift_se,
        pvalue=chosen.pvalue if chosen else None,
        reason=reason,
    )


def _money(v: StoredValue) -> Money | None:
    ends = [(i.estimate, i.low, i.high) for i in (v.annual, v.annual_net, v.npv)]
    if any(x is None for end in ends for x in end):
        return None
    annual, net = v.annual.estimate or 0.0, v.annual_net.estimate or 0.0
    return Money(
        currency=v.currency.upper(),
        metric=v.metric,
        annual=Measured(estimate=annual, sd=_sd(v.annual)),
        yearly=annual - net,
        earned=Measured(estimate=v.over_horizon.earned, sd=_sd(v.npv)),
        spent=math.fsum(v.over_horizon.spent.values()),
        is_final=v.posterior.weight < 1,
    )


def _sd(interval: Interval) -> float:
    """The standard deviation of a normal interval."""
    return ((interval.high or 0.0) - (interval.low or 0.0)) / 2 / float(ndtri(0.5 + interval.level / 2))
