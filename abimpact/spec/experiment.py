"""The validated experiment: what every room to the right works from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from abimpact.spec.expression import Expression
from abimpact.spec.metric import Metric
from abimpact.spec.value import ValueTerms


class SeveralRows(StrEnum):
    """What to do with a unit that has several rows."""

    SUM = "sum"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is to be analysed, with every name resolved against the log's columns.

    `unit` None: each row is a unit. `incumbent` None and `proposed` empty are resolved by `read`
    from the variants present. `split` is the planned share of incumbent and each proposed variant
    (any positive scale), None when none was declared. `several_rows` None is the default rule of
    design.md §7. `derive` are new columns in order of definition. `value` is None where
    no money is asked for. `guesses` says in sentences what was assumed.
    """

    unit: str | None
    variant: str
    incumbent: str | None
    proposed: tuple[str, ...]
    time: str | None
    metrics: tuple[Metric, ...]
    segments: tuple[str, ...]
    split: tuple[float, ...] | None
    several_rows: SeveralRows | None
    where: Expression | None
    derive: Mapping[str, Expression]
    level: float
    resamples: int
    seed: int
    value: ValueTerms | None
    guesses: tuple[str, ...]
