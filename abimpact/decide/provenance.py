"""Where a result comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input file as it was read: a part of the log, or one that fills in the columns `fills`.

    Of a table on an engine neither size nor digest is known.

    `units` and `totals` (sums of each metric's value) are over rows of a known unit and a compared variant, before
    units in both variants and further rows of a unit are left out; `units` is None without a unit column.
    """

    path: str
    bytes: int | None
    rows: int | None
    sha256: str | None
    units: int | None = None
    totals: Mapping[str, float | None] = field(default_factory=dict)
    fills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is needed to run the analysis again. `created` is the only field that changes between equal runs."""

    abimpact: str
    python: str
    packages: Mapping[str, str]
    engine: str
    command: str
    config: Mapping[str, object]
    sources: tuple[Source, ...]
    seed: int
    created: str
