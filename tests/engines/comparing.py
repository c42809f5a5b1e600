"""Two results as dictionaries, compared number by number."""

from collections.abc import Iterator
from typing import Any

# Engines add doubles in other orders, and their logarithms may differ in the last digit.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
# What is said of the run and not of the log.
APART = ("provenance",)


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two results differ: counts and texts exactly, other numbers by more than 1e-9 of themselves."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            if key not in APART:
                yield from differences(one.get(key, "—"), other.get(key, "—"), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}/{place}")
    elif isinstance(one, float) and isinstance(other, (int, float)):
        if abs(one - other) > max(RELATIVE * max(abs(one), abs(other)), ABSOLUTE):
            yield f"{path}: {one!r} and {other!r}"
    elif one != other:
        yield f"{path}: {one!r} and {other!r}"


def numbers(result: Any) -> int:
    """How many numbers a result holds."""
    if isinstance(result, dict):
        return sum(numbers(value) for key, value in result.items() if key not in APART)
    if isinstance(result, list):
        return sum(map(numbers, result))
    return int(isinstance(result, (int, float)) and not isinstance(result, bool))
