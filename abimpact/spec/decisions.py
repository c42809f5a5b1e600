"""What both variants would have decided, logged for every unit of a test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abimpact.spec.expression import Expression, parse_expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The incumbent's decision and the proposed variant's, or a score of it that acts from `threshold` on."""

    incumbent: Expression
    proposed: Expression
    threshold: float | None


def resolve_decisions(table: Mapping[str, Any] | None, columns: Mapping[str, str]) -> Decisions | None:
    """The decisions of `[data.decisions]`; None where it does not have both, as a backtest's may not."""
    table = table or {}
    text, threshold = table.get("proposed"), None
    if text is None and table.get("score") and table.get("threshold") is not None:
        text, threshold = table["score"], float(table["threshold"])
    if not table.get("incumbent") or text is None:
        return None
    return Decisions(
        incumbent=parse_expression(table["incumbent"], columns, "[data.decisions] incumbent"),
        proposed=parse_expression(text, columns, "[data.decisions] proposed"),
        threshold=threshold,
    )
