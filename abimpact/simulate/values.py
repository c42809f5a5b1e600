"""What a simulation finds: how often each method errs when nothing differs, and what it sees when something does."""

from collections.abc import Mapping
from dataclasses import dataclass

from abimpact.decide.provenance import Provenance
from abimpact.estimate.estimate import Interval
from abimpact.spec.presentation import Presentation

# Equal parts of [0, 1] in which p-values are counted.
PVALUE_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEffect:
    """A/A: one method of one metric over all repetitions in which the variants are the same.

    What the report would say `is_chosen`: by size and shape of each repetition's data a method is chosen, `method` most
    often and all as `chosen_methods` counts; the other rows are single methods in all repetitions that have them.
    `false_positives` is the share of significant results among those estimated, with its interval; `histogram` counts
    p-values in equal parts of [0, 1]. `not_estimated` counts the repetitions without a result, and `reason` says why
    most often.
    """

    metric: str
    method: str
    is_chosen: bool
    chosen_methods: Mapping[str, int]
    false_positives: Interval
    histogram: tuple[int, ...]
    not_estimated: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithEffect:
    """A/B: the chosen method of one metric where the proposed variant's values are raised by `lift`.

    `power` is the share of significant results of the right sign, `coverage` that of intervals that hold the truth.
    `exaggeration` is the mean lift of the significant results of the right sign over the true one, None without any;
    `wrong_sign` is the share of significant results with the wrong sign among all.
    """

    metric: str
    lift: float
    power: Interval
    coverage: Interval
    exaggeration: float | None
    wrong_sign: float
    not_estimated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSimulated:
    """A metric that was left out, with the reason."""

    metric: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """All that was simulated on one log.

    `pooled_units` are those of the log, whatever their variant; each repetition deals out `units` of them on average in
    the shares `split` to `variants` (incumbent, proposed). `is_trusted` says that no chosen
    method cries wolf more often than it says, None that it cannot be told.
    """

    variants: tuple[str, str]
    repetitions: int
    pooled_units: int
    units: int
    split: tuple[float, float]
    level: float
    no_effect: tuple[NoEffect, ...]
    with_effect: tuple[WithEffect, ...]
    not_simulated: tuple[NotSimulated, ...]
    is_trusted: bool | None
    because: tuple[str, ...]
    presentation: Presentation
    provenance: Provenance
