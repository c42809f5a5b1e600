"""Tables of counts, means and variances instead of rows: which column holds what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abimpact.errors import ConfigError
from abimpact.spec.expression import find_column

INCUMBENT = "incumbent_"
SPREADS = ("variance", "sum_squares")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregates:
    """Columns of `[data.aggregates]`: one row has one variant, or with `incumbent` columns a proposed one and both.

    `cells` and `incumbent` map count, mean or sum, and variance or sum_squares to columns. Rows of several `look`s are
    cumulative, of which the last counts; without looks, rows of one metric and variant are added up, and so are the
    parts of the units that `segment` names.
    """

    cells: Mapping[str, str]
    incumbent: Mapping[str, str]
    metric: str | None
    look: str | None
    experiment: str | None
    segment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Units, mean and variance (divisor n - 1, None if unknown) of one metric in one variant at one look."""

    metric: str
    variant: str
    look: float | None
    n: int
    mean: float
    variance: float | None
    segment: str | None = None


def resolve_aggregates(
    table: Mapping[str, Any], columns: Mapping[str, str], segments: Sequence[str] = ()
) -> Aggregates:
    """The columns that `[data.aggregates]` names, looked up in the table's; `segments` may name that of segments."""
    found = {key: find_column(name, columns, f"[data.aggregates] {key}") for key, name in table.items()}
    cells = {key: name for key, name in found.items() if key in ("count", "mean", "sum", *SPREADS)}
    incumbent = {key.removeprefix(INCUMBENT): name for key, name in found.items() if key.startswith(INCUMBENT)}
    for named in filter(None, (cells, incumbent)):
        if "count" not in named or not {"mean", "sum"} & set(named) or not set(SPREADS) & set(named):
            raise ConfigError(
                "[data.aggregates] needs count, mean (or sum) and variance (or sum_squares).",
                "Name their columns; those of the incumbent, if they stand in the same row, start with incumbent_.",
            )
    return Aggregates(
        cells=cells,
        incumbent=incumbent,
        metric=found.get("metric"),
        look=found.get("look"),
        experiment=found.get("experiment"),
        segment=_segment(found.get("segment"), [find_column(s, columns, "--segment") for s in segments]),
    )


def _segment(named: str | None, asked: Sequence[str]) -> str | None:
    """The column of segments: a table of aggregates can only be broken down by the one that its rows are about."""
    known = list(dict.fromkeys([*([named] if named else []), *asked]))
    if len(known) > 1:
        raise ConfigError(
            f"A table of aggregates has rows for one column of segments, not for {' and '.join(map(repr, known))}.",
            "Name one, in [data.aggregates] segment.",
        )
    return known[0] if known else None
