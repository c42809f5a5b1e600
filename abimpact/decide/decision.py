"""The values of a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What to do."""

    SHIP = "ship"
    KEEP = "keep"
    KEEP_TESTING = "keep_testing"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """One rule that was looked at: its name, whether it decided, and its numbers."""

    rule: str
    binds: bool
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict for one proposed variant, written `code/reason`; `because` has all rules looked at."""

    code: Verdict
    reason: str
    proposed: str
    because: tuple[Because, ...]
