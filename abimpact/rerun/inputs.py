"""Which of a result's inputs are what they were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from abimpact.rerun.recorded import RecordedFile

Status = Literal["same", "changed", "missing", "added", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file as it was recorded and as it is now; None: not there. `unknown` is what has no digest, as on engines."""

    old: RecordedFile | None
    new: RecordedFile | None
    status: Status


def held_inputs(old: Sequence[RecordedFile], new: Sequence[RecordedFile], *, is_known: bool) -> tuple[Input, ...]:
    """Every file of both runs: paired by path, then by content, then by name.

    Not `is_known`: the new log was a table in memory, of which there is no digest.
    """
    left, pairs = list(new), []
    rest = list(old)
    for is_pair in (_by_path, _by_content, _by_name):
        for file in list(rest):
            other = next((f for f in left if is_pair(file, f)), None)
            if other is not None:
                left.remove(other)
                rest.remove(file)
                pairs.append(Input(old=file, new=other, status=_status(file, other)))
    order = {id(file): i for i, file in enumerate(old)}
    pairs += [Input(old=file, new=None, status="missing" if is_known else "unknown") for file in rest]
    pairs.sort(key=lambda pair: order[id(pair.old)])
    if not old and not new and not is_known:
        return (Input(old=None, new=None, status="unknown"),)
    return (*pairs, *(Input(old=None, new=file, status="added" if old else "unknown") for file in left))


def named_as_before(new: Any, inputs: Sequence[Input]) -> Any:
    """`new` with every file that moved under the path it had, so that places are no differences."""
    moved = {i.new.path: i.old.path for i in inputs if i.old and i.new and i.old.path != i.new.path}
    return _renamed(new, moved) if moved else new


def _renamed(value: Any, moved: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {moved.get(key, key): _renamed(item, moved) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, moved) for item in value]
    return moved.get(value, value) if isinstance(value, str) else value


def _by_path(one: RecordedFile, other: RecordedFile) -> bool:
    return one.path == other.path


def _by_content(one: RecordedFile, other: RecordedFile) -> bool:
    return one.sha256 is not None and one.sha256 == other.sha256


def _by_name(one: RecordedFile, other: RecordedFile) -> bool:
    return Path(one.path).name == Path(other.path).name


def _status(one: RecordedFile, other: RecordedFile) -> Status:
    if one.sha256 is None or other.sha256 is None:
        return "unknown"
    return "same" if one.sha256 == other.sha256 else "changed"
