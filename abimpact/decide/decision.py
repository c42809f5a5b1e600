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


# The reasons of every verdict; one that is invalid is named after the check that blocks.
REASONS: Mapping[Verdict, tuple[str, ...]] = {
    Verdict.SHIP: ("superior", "pays", "expected_value"),
    Verdict.KEEP: (
        "worse",
        "guardrail",
        "capacity",
        "does_not_pay",
        "equivalent",
        "not_worth_testing",
        "not_shown",
        "simpler",
    ),
    Verdict.KEEP_TESTING: ("inconclusive", "guardrail", "trade_off", "value", "immature"),
    Verdict.INVALID: ("not_an_experiment", "sample_ratio", "units_in_both_arms", "duplicate_rows", "too_few_units"),
}


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

    def data(self, rule: str) -> Mapping[str, Any]:
        """What a rule that was looked at found."""
        return next(b.data for b in self.because if b.rule == rule)
