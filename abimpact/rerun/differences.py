"""Two results held against each other, key by key."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Keys that tell the items of a list apart, the most telling ones together.
NAMES = ("proposed", "name", "metric", "code", "by", "value", "method", "rule", "variant", "threshold", "day", "other")
# Sentences for people: they are written anew by every version.
WORDS = ("headline", "message", "why", "do", "notes", "assumptions")
APART = ("schema", "provenance")
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that is not what it was; `size` of a number is relative to the larger of both, None of others."""

    key: str
    old: Any
    new: Any
    size: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """All that is in the old result against the new one.

    `compared` counts numbers, `sentences` the texts that read otherwise, `added` what only the new result has.
    """

    compared: int
    differences: tuple[Difference, ...]
    sentences: int
    added: int

    def beyond(self, tolerance: float) -> tuple[Difference, ...]:
        """The differences that count, the largest first; what is no number counts most."""
        found = [d for d in self.differences if d.size is None or d.size > tolerance]
        return tuple(sorted(found, key=lambda d: -(float("inf") if d.size is None else d.size)))

    @property
    def largest(self) -> Difference | None:
        """The largest difference of a number."""
        return max((d for d in self.differences if d.size is not None), key=lambda d: d.size or 0.0, default=None)


def hold_against(old: Mapping[str, Any], new: Mapping[str, Any]) -> Held:
    """Everything in `old` that is another in `new`, but where it came from."""
    counts: Counter[str] = Counter()
    found = tuple(_walk(_without(old), _without(new), "", 0.0, counts))
    return Held(compared=counts["numbers"], differences=found, sentences=counts["sentences"], added=counts["added"])


def _without(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in APART}


def _walk(old: Any, new: Any, key: str, scale: float, counts: Counter[str]) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _tables(old, new, key, counts)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _tables(_named(old), _named(new), key, counts, separator="")
    elif _is_number(old) and _is_number(new):
        counts["numbers"] += 1
        if old != new:
            yield Difference(key=key, old=old, new=new, size=_size(abs(new - old), max(abs(old), abs(new)), scale))
    elif old != new or type(old) is not type(new):
        counts["numbers"] += _is_number(old)
        yield Difference(key=key, old=old, new=new, size=None)


def _tables(
    old: Mapping[str, Any], new: Mapping[str, Any], key: str, counts: Counter[str], separator: str = "."
) -> Iterator[Difference]:
    both = (*old.values(), *new.values())
    scale = max((abs(x) for x in both if _is_number(x)), default=0.0) if {"low", "high"} <= set(old) else 0.0
    counts["added"] += len(set(new) - set(old))
    for name, value in old.items():
        if name in WORDS or (name == "because" and all(isinstance(x, str) for x in value or ())):
            counts["sentences"] += value != new.get(name)
        else:
            place = f"{key}{separator}{name}" if key else name
            yield from _walk(value, new.get(name), place, scale, counts)


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """Items under [what names them], else their number; a second one of a name under [name #2]."""
    seen: Counter[str] = Counter()
    found = {}
    for i, item in enumerate(items):
        name = _name(item) or str(i)
        seen[name] += 1
        found[f"[{name}]" if seen[name] == 1 else f"[{name} #{seen[name]}]"] = item
    return found


def _name(item: Any) -> str:
    if not isinstance(item, Mapping):
        return ""
    data = item.get("data")
    of_data = [data["metric"]] if isinstance(data, Mapping) and isinstance(data.get("metric"), str) else []
    return ", ".join([*(item[key] for key in NAMES if isinstance(item.get(key), str)), *of_data])


def _size(change: float, larger: float, scale: float) -> float:
    """The relative change; of a number that is rounding beside the others of its interval, relative to those."""
    return change / scale if change <= ROUNDING * scale else change / larger


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)
