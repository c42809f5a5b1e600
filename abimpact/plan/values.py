"""The values of a plan: what is known before a test, what is to be shown, and what that takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from abimpact.decide.provenance import Provenance
from abimpact.decide.testing import Prospect
from abimpact.estimate.quantile_power import Curve
from abimpact.spec.metric import Metric, Tolerance
from abimpact.spec.planning import PlanTerms
from abimpact.spec.presentation import Presentation
from abimpact.spec.request import Request
from abimpact.spec.value import ValueTerms


class ClaimKind(StrEnum):
    """What is to be shown of a KPI."""

    BETTER = "better"
    SAFE = "safe"
    EQUIVALENT = "equivalent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a KPI before the test.

    `sd` is that of a unit (of its influence, for a ratio), `correlation` that with what is known before, `third` the
    mean cubed deviation. `curve` is there for quantiles only. `units` is how many showed it, None where it was told.
    """

    metric: Metric
    baseline: float
    sd: float
    correlation: float = 0.0
    third: float = 0.0
    curve: Curve | None = None
    units: int | None = None

    @property
    def adjusted_sd(self) -> float:
        """What is left of `sd` after adjustment."""
        return float(self.sd * (1 - self.correlation**2) ** 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that is known before the test: every KPI, the units that come in a day, and what was assumed.

    `variants` are those of the log, incumbent first, if it names any; `left_out` says in sentences what cannot be
    planned for.
    """

    variants: tuple[str, ...]
    kpis: tuple[Seen, ...]
    daily_units: float | None
    left_out: tuple[str, ...]
    guesses: tuple[str, ...]
    terms: ValueTerms | None
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An effect, signed: `absolute` in the KPI's unit, `relative` as a lift (None where the baseline is 0)."""

    absolute: float
    relative: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The power of the planned test if the truth is `change`."""

    change: Change
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiPlan:
    """One KPI: what is to be shown, and what the planned units show.

    `alpha` is the claim's error rate, two-sided for `better` and one-sided for margins. `exact` are the units of the
    incumbent and of each proposed variant that give the power wanted, not rounded (None: no number does, or nothing was
    asked), `total` them all. `power` and `detectable` are those of the plan's units; `overstated` is how many times
    its size an effect as planned will seem on average where it is shown.
    """

    seen: Seen
    claim: ClaimKind
    alpha: float
    change: Change | None
    margin: Tolerance | None
    exact: tuple[float, ...] | None
    total: int | None
    power: float | None
    detectable: Change | None
    overstated: float | None
    curve: tuple[Point, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A test of another size: units in all, days if traffic is known, and what it shows of the first primary KPI."""

    units: int
    days: int | None
    detectable: Change | None
    power: float | None
    is_planned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """The chance that several claims are all shown: at least, if they are independent, at most."""

    least: float
    independent: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A test before it starts.

    `units` are those of each variant, incumbent first; `days` those until they are in, `planned_days` the same in whole
    weeks. `guardrails` is the chance that all guardrails with a margin are shown safe, `everything` that of the primary
    claims as well. `mean_share` is the share of the units at which planned looks end the test on average, `inflation`
    how many times the units of a single look the looks take. `prospect` is the economic plan, `decides` says that it
    chose the length.
    """

    incumbent: str
    proposed: tuple[str, ...]
    split: tuple[float, ...]
    unit: str | None
    question: str
    level: float
    power: float
    comparisons: int
    sequential: str
    looks: tuple[float, ...]
    spending: str
    units: Mapping[str, int]
    daily_units: float | None
    traffic_share: float
    days: int | None
    planned_days: int | None
    start: date | None
    end: date | None
    kpis: tuple[KpiPlan, ...]
    options: tuple[Option, ...]
    guardrails: Together | None
    everything: Together | None
    mean_share: float | None
    inflation: float | None
    break_even: Change | None
    prospect: Prospect | None
    decides: bool
    then: Mapping[str, str]
    known: Known
    terms: PlanTerms
    request: Request

    @property
    def presentation(self) -> Presentation:
        """Title, owner, locale."""
        return self.request.presentation

    @property
    def total(self) -> int:
        """The units of all variants."""
        return sum(self.units.values())

    @property
    def primary(self) -> KpiPlan:
        """The first primary KPI."""
        return self.kpis[0]
