"""Which rows a terminal shows where there are more than anybody reads; what is left out is counted."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Row = TypeVar("Row")
# Rows of one table, variants, and findings on one page; -v and files have all.
MOST_ROWS, MOST_VARIANTS, MOST_CHECKS = 40, 12, 30


def most_telling(rows: Sequence[Row], most: int, is_telling: Callable[[Row], bool]) -> tuple[Sequence[Row], int]:
    """At most `most` of the rows in their order, those that `is_telling` before others, and how many are left out."""
    if len(rows) <= most:
        return rows, 0
    first = sorted(range(len(rows)), key=lambda i: (not is_telling(rows[i]), i))[:most]
    return [rows[i] for i in sorted(first)], len(rows) - most
