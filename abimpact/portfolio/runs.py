"""How the data of two runs of one experiment relate, and so how far chance alone moves a number between them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from abimpact.portfolio.stored import Stored, StoredSource


class Relation(StrEnum):
    """The new run's data seen from the old one's."""

    SAME = "same"
    GROWN = "grown"
    SHRUNK = "shrunk"
    RESTATED = "restated"
    SEPARATE = "separate"
    UNKNOWN = "unknown"


SAID = {
    Relation.SAME: "Both runs read the same data, so chance explains no change.",
    Relation.GROWN: "The new run has the old one's data and more: its numbers move by what the new units bring.",
    Relation.SHRUNK: "The new run has only a part of the old one's data.",
    Relation.RESTATED: "Both runs have the same units, but the files differ: the data were changed.",
    Relation.SEPARATE: "The runs have no data in common, as two experiments do not.",
    Relation.UNKNOWN: "How far the runs share their data is not known; what is said of chance holds either way.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """One file: `same`, `changed` (another content under its name), `added` or `removed`."""

    path: str
    change: str
    old: StoredSource | None
    new: StoredSource | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One value that differs between the runs; None where a run does not have it."""

    key: str
    old: Any
    new: Any


def relation(old: Stored, new: Stored) -> Relation:
    """How the data relate: by the files' digests, else by the days, else by the files' names and the units."""
    one, other = ({s.sha256 for s in run.provenance.sources} for run in (old, new))
    is_same = bool(one) and one == other
    if is_same and old.experiment.units == new.experiment.units:
        return Relation.SAME
    if one and other and (one < other or one > other):
        return Relation.GROWN if one < other else Relation.SHRUNK
    if _are_apart(old, new) or _are_apart(new, old):
        return Relation.SEPARATE
    if is_same:
        return _of_same_files(old, new)
    if one & other or not _is_one_experiment(old, new):
        return Relation.UNKNOWN
    before, after = sum(old.experiment.units.values()), sum(new.experiment.units.values())
    if before == after:
        return Relation.RESTATED
    return Relation.GROWN if after > before else Relation.SHRUNK


def _of_same_files(old: Stored, new: Stored) -> Relation:
    """The same files hold other units where the filter differs."""
    before, after = (run.provenance.config.get("where") for run in (old, new))
    if before and not after:
        return Relation.GROWN
    return Relation.SHRUNK if after and not before else Relation.UNKNOWN


def _are_apart(first: Stored, then: Stored) -> bool:
    end, start = first.experiment.end, then.experiment.start
    return end is not None and start is not None and end < start


def _is_one_experiment(old: Stored, new: Stored) -> bool:
    """Whether both runs are taken for the same experiment: the same variants, and the same first day or file names."""
    a, b = old.experiment, new.experiment
    if (a.incumbent, a.proposed, a.unit) != (b.incumbent, b.proposed, b.unit):
        return False
    names = [{PurePath(s.path).name for s in run.provenance.sources} for run in (old, new)]
    return (a.start is not None and a.start == b.start) or bool(names[0] & names[1])


def spread(how: Relation, ses: tuple[float, float], units: tuple[int, int]) -> tuple[float, float]:
    """The least and the largest standard deviation that chance gives the change between two runs' estimates.

    Separate data: sqrt(se_1^2 + se_2^2). Nested data with n of N units: the larger run's se times sqrt(N / n - 1), as
    its estimate is the mean of the smaller one's and of what the other units say.
    """
    apart = math.hypot(*ses)
    (few, _), (many, se) = sorted(zip(units, ses, strict=True))
    nested = se * math.sqrt(max(many / few - 1, 0.0)) if few else apart
    match how:
        case Relation.SEPARATE:
            return apart, apart
        case Relation.UNKNOWN:
            return min(nested, apart), max(nested, apart)
        case Relation.GROWN | Relation.SHRUNK:
            return nested, nested
        case _:
            return 0.0, 0.0


def source_changes(old: Stored, new: Stored) -> tuple[SourceChange, ...]:
    """Every file of either run, matched by content, then by path, then by name."""
    left = list(old.provenance.sources)
    found = []
    for source in new.provenance.sources:
        keys = (
            lambda s: s.sha256 == source.sha256,  # noqa: B023
            lambda s: s.path == source.path,  # noqa: B023
            lambda s: PurePath(s.path).name == PurePath(source.path).name,  # noqa: B023
        )
        match = next((s for is_match in keys for s in left if is_match(s)), None)
        if match is not None:
            left.remove(match)
        same = match is not None and match.sha256 == source.sha256
        change = "added" if match is None else "same" if same else "changed"
        found.append(SourceChange(path=source.path, change=change, old=match, new=source))
    return (*found, *(SourceChange(path=s.path, change="removed", old=s, new=None) for s in left))


def key_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[KeyChange, ...]:
    """The keys whose values differ, with dots for tables."""
    one, other = _flat(old), _flat(new)
    return tuple(
        KeyChange(key=key, old=one.get(key), new=other.get(key))
        for key in dict.fromkeys((*one, *other))
        if one.get(key) != other.get(key)
    )


def without_margin(spec: str) -> str:
    """A metric's SPEC without what it tolerates: `approved@2%` is `approved`."""
    return spec.partition("@")[0].removesuffix(":lower").strip()


def _metric_name(table: Mapping[str, Any], place: int) -> str:
    """The name of a metric, which its SPEC has before `=`."""
    spec = without_margin(str(table.get("spec") or ""))
    return str(table.get("name") or spec.partition("=")[0].strip() or place)


def _flat(value: object, prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, `value.currency`; metrics by their names, other lists as they are."""
    if isinstance(value, list) and value and all(isinstance(x, Mapping) for x in value):
        value = {_metric_name(x, i): x for i, x in enumerate(value)}
    if not isinstance(value, Mapping):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found
