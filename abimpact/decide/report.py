"""The report: all that is known of one experiment, and the only thing that `render` sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from abimpact.decide.course import Course
from abimpact.decide.decision import Decision
from abimpact.decide.limits import Capacity
from abimpact.decide.planned import Planned
from abimpact.decide.promise import Promise
from abimpact.decide.provenance import Provenance
from abimpact.decide.value import Contrast, Value
from abimpact.estimate.estimate import Estimate, Interval, Margin, NotEstimated, Simultaneous, Triggered
from abimpact.findings import Finding
from abimpact.spec.corrections import Correction
from abimpact.spec.metric import Metric
from abimpact.spec.presentation import Presentation
from abimpact.spec.value import ValueTerms
from abimpact.summarise.distribution import Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One variant's units and value of a metric; `units` is that metric's n, `value` None if it has none."""

    variant: str
    units: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """The effect among the units with one `value` of the column `by` (None: without a value).

    `units` are those of the incumbent and the proposed variant with a value of the metric. `estimates` has the chosen
    one last (empty where there is none), its p adjusted over all segments and metrics; `shrunken` is the effect drawn
    towards that of all segments.
    """

    by: str
    value: str | None
    units: tuple[int, int]
    estimates: tuple[Estimate, ...]
    shrunken: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Whether the effect differs by the segments of the column `by`: Cochran's Q and what it says."""

    by: str
    statistic: float
    df: int
    pvalue: float
    i2: float
    tau2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """One metric compared between the incumbent and one proposed variant.

    `estimates` has every method that applies, the chosen one named by `chosen_method` (None, with
    `not_estimated`, when there is none). `guardrail` and `equivalence` are the tests against declared margins.
    `correction` is how the p-values of its family were adjusted; `simultaneous` has intervals that hold for all
    proposed variants together, where there are several. `course` is how the effect developed, None without dates.
    `distribution` is that of a primary metric's values, where it was asked for; `triggered` the effect where decisions
    differ, None where they were not logged.
    """

    metric: Metric
    incumbent: Arm
    proposed: Arm
    chosen_method: str | None
    estimates: tuple[Estimate, ...]
    not_estimated: NotEstimated | None
    guardrail: Margin | None
    equivalence: Margin | None
    segments: tuple[SegmentResult, ...] = ()
    heterogeneity: tuple[Heterogeneity, ...] = ()
    course: Course | None = None
    correction: Correction = Correction.NONE
    simultaneous: Simultaneous | None = None
    distribution: Distribution | None = None
    triggered: Triggered | NotEstimated | None = None

    @property
    def chosen(self) -> Estimate | None:
        """The estimate by the chosen method."""
        return next((e for e in self.estimates if e.method == self.chosen_method), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What is known of a log without looking at an outcome by variant; fields as in `Report`."""

    incumbent: str
    proposed: tuple[str, ...]
    unit: str | None
    units: Mapping[str, int]
    split: tuple[float, ...] | None
    start: date | None
    end: date | None
    timezone: str | None
    findings: tuple[Finding, ...]
    presentation: Presentation
    provenance: Provenance
    cluster: str | None = None
    clusters: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything about one experiment.

    `verdict` is the one of the best proposed variant, `verdicts` has one for each. `units` counts units per variant,
    incumbent first, `clusters` those of the column `cluster`, where these were randomised. `start` and `end` are None
    when the log has no time column; they are days of `timezone`. `metrics` is ordered by proposed variant, then as
    declared. `terms` is None where no money was asked for; else `values` has what each proposed variant is worth (none
    where its metric is not estimated), `contrasts` every two of them. `capacities` hold every `[[limit]]` against every
    proposed variant. `plan` is None where no signed plan was given, `promise` where no earlier report's was.
    """

    incumbent: str
    proposed: tuple[str, ...]
    unit: str | None
    units: Mapping[str, int]
    split: tuple[float, ...] | None
    start: date | None
    end: date | None
    timezone: str | None = None
    level: float
    findings: tuple[Finding, ...]
    metrics: tuple[MetricResult, ...]
    verdict: Decision
    verdicts: tuple[Decision, ...]
    terms: ValueTerms | None = None
    values: tuple[Value, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    plan: Planned | None = None
    promise: Promise | None = None
    provenance: Provenance
    presentation: Presentation
    cluster: str | None = None
    clusters: Mapping[str, int] | None = None

    def value_of(self, proposed: str) -> Value | None:
        """What a proposed variant is worth; None if that is not known."""
        return next((v for v in self.values if v.proposed == proposed), None)
