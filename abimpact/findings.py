"""What a check says: a value that any room may raise and every report shows.

Findings lie below all rooms, because some checks need a summary or an estimate to speak.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding weighs: `BLOCK` withholds the verdict, `WARN` asks for a look."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"
    PASS = "pass"


def by_chance(pvalue: float) -> str:
    """A p-value in plain words: how often chance alone does what was seen, or more."""
    if pvalue < 1e-6:
        return "by chance less than once in a million tests"
    if pvalue > 0.1:
        return "as chance often has it"
    often = 1 / pvalue
    digits = len(str(round(often))) - 2
    return f"by chance once in {round(often, -max(digits, 0)):,.0f} tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result: what was seen (with counts), what it means, what to do.

    `code` is a name of design.md §9; `data` carries the numbers under the keys fixed there.
    `why` and `do` are empty when the severity is `PASS`.
    """

    code: str
    severity: Severity
    message: str
    why: str = ""
    do: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
