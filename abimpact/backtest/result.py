"""The values of a backtest: what formats lay out and what `plan` reads. Nothing is computed here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from abimpact.backtest.capacity import Load
from abimpact.backtest.curve import Curve
from abimpact.backtest.tree import Tree
from abimpact.decide.provenance import Provenance
from abimpact.decide.value import Value
from abimpact.estimate.estimate import Interval
from abimpact.estimate.paired import Paired
from abimpact.findings import Finding
from abimpact.spec.backtest import Backtest
from abimpact.spec.presentation import Presentation


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Decisions of one kind (true positives, …): how many, and what they earned together."""

    units: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """One variant's decisions by kind, the rows on which it acts, and the mean value of a row under it."""

    cells: Mapping[str, Cell]
    acts: float
    mean: float
    variance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How much of the log speaks for a variant where outcomes are weighted.

    `rows` have a weight above 0 among those that count; `effective` is their effective number (Kish), `largest` the
    largest weight and `largest_share` its share of all weight.
    """

    rows: int
    effective: float
    largest: float
    largest_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongLabels:
    """The total difference if a share of the outcomes were wrong, by which outcomes: `both`, `ones` or `zeros`.

    `break_even` is the share at which nothing would be left (None: at no share up to a half).
    """

    shares: tuple[float, ...]
    totals: Mapping[str, tuple[Interval, ...]]
    break_even: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The difference on a part of the rows: a segment, a month. `agreeing` counts rows where both decide alike."""

    by: str
    value: str | None
    rows: int
    agreeing: int
    per_unit: Interval
    total: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """A rule or reason on the rows where variants disagree: what following the proposed there would earn.

    `stopped_right` and `stopped_wrong` count rows on which only the rules act, with outcome 1 and 0; `missed` and
    `alarmed` those on which only the proposed acts, likewise. `alone` counts disagreements where no other rule fired.
    """

    name: str
    rows: int
    disagreeing: int
    alone: int
    stopped_right: int
    stopped_wrong: int
    missed: int
    alarmed: int
    total: Interval
    pvalue: float | None
    pvalue_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is found of one proposed variant.

    `difference` is per unit by the chosen method; `threshold` is None for a decision of its own, `is_searched` says
    that it was found on the other half of the rows. `agreeing` of all `rows` are decided as the rules do.
    """

    name: str
    threshold: float | None
    is_searched: bool
    rows: int
    agreeing: int | None
    chosen: Paired
    estimates: tuple[Paired, ...]
    confusion: Confusion
    overlap: Overlap | None
    wrong_labels: WrongLabels | None
    loads: tuple[Load, ...]
    value: Value | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The paired difference of two proposed variants, per unit, `proposed` less `other`."""

    proposed: str
    other: str
    difference: Paired


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallTree:
    """The tree, and what share of `of`'s gain it earns (Fieller's interval)."""

    tree: Tree
    of: str
    share: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is recommended: `code` (test, keep, invalid) and `reason`, about the variant `proposed`.

    `rival` is the better-looking one that it was preferred to, being simpler; empty where it looks best itself.
    """

    code: str
    reason: str
    proposed: str
    rival: str = ""

    @property
    def blamed(self) -> str:
        """The variant by which the rules are held to account: the best-looking one."""
        return self.rival or self.proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """A whole backtest. `evaluated` of the log's usable `rows` (of `read`) are those that differences are about.

    `units` are what a mean is over: rows, or the units that have them. `split` says how thresholds were kept from being
    paid on the rows that they were found on.
    """

    asked: Backtest
    mode: str
    choice: Choice
    proposed: tuple[Outcome, ...]
    incumbent: Confusion
    incumbent_loads: tuple[Load, ...]
    pairs: tuple[Pair, ...]
    curves: tuple[Curve, ...]
    rules: tuple[Culprit, ...]
    reasons: tuple[Culprit, ...]
    tree: SmallTree | None
    findings: tuple[Finding, ...]
    read: int
    rows: int
    evaluated: int
    units: int
    start: date | None
    end: date | None
    split: str
    cut: date | None
    guesses: tuple[str, ...]
    presentation: Presentation
    provenance: Provenance

    def outcome(self, name: str) -> Outcome:
        """What is found of the proposed variant of that name."""
        return next(o for o in self.proposed if o.name == name)

    @property
    def days(self) -> int | None:
        """Days that the evaluated rows span."""
        return (self.end - self.start).days + 1 if self.start and self.end else None

    @property
    def deciding(self) -> Outcome:
        """The proposed variant that the choice is about."""
        return self.outcome(self.choice.proposed)
