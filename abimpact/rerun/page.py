"""What `abimpact rerun` prints: do the numbers of a stored result still hold, and if not, why?"""

from typing import Any

from abimpact.render import numbers
from abimpact.render.document import Document, Section, Table
from abimpact.rerun.differences import Difference
from abimpact.rerun.inputs import Input
from abimpact.rerun.recorded import RecordedFile
from abimpact.rerun.run import Rerun

SCHEMA = "abimpact/rerun/1"
# Differences that the page and the file list; all are counted.
SHOWN, WRITTEN = 10, 1_000
DIGEST = 12


def to_dict(found: Rerun) -> dict[str, Any]:
    """The outcome as plain dicts, lists, strings and numbers; `rerun` holds the whole new result."""
    held, largest = found.held, found.held and found.held.largest
    return {
        "schema": SCHEMA,
        "holds": found.holds,
        "headline": headline(found),
        "result": {"path": found.recorded.path, "verb": found.recorded.verb},
        "is_verdict_same": found.is_verdict_same,
        "is_input_same": found.is_input_same,
        "is_software_same": None if found.new is None else not found.software,
        "tolerance": found.tolerance,
        "numbers": held
        and {
            "compared": held.compared,
            "identical": held.compared - sum(_is_number(d.old) for d in held.differences),
            "different": sum(_is_number(d.old) for d in found.differences),
            "largest": largest and _difference(largest),
            "sentences_changed": held.sentences,
            "keys_added": held.added,
        },
        "differences": [_difference(d) for d in found.differences[:WRITTEN]],
        "differences_left_out": max(len(found.differences) - WRITTEN, 0),
        "inputs": [_input(i) for i in found.inputs],
        "software": [{"name": name, "old": old, "new": new} for name, old, new in found.software],
        "rerun": found.new,
    }


def headline(found: Rerun) -> str:
    """The answer in a sentence."""
    if found.held is None:
        return f"Not run again: {found.moved_on} is not what it was, so the numbers are not those of this file."
    compared = numbers.count(found.held.compared)
    if found.holds:
        largest = found.held.largest
        how = "to the last digit" if largest is None else f"but for rounding (at most {_size(largest)})"
        verdict = ", and so is the verdict" if found.is_verdict_same is not None else ""
        return f"The numbers hold: all {compared} are the same {how}{verdict}."
    count = sum(_is_number(d.old) for d in found.differences)
    if not count:
        others = numbers.count(len(found.differences))
        return (
            f"All {compared} numbers are the same, but not all the rest: {others} other values are not what they were."
        )
    said = {True: "the verdict is the same", False: "the verdict is another one"}
    verdict = f"; {said[found.is_verdict_same]}" if found.is_verdict_same is not None else ""
    differ = "is" if count == 1 else "are"
    return f"The numbers do not hold: {numbers.count(count)} of {compared} {differ} not what they were{verdict}."


def document(found: Rerun) -> Document:
    """The page."""
    made = found.recorded.provenance
    return Document(
        kind="A stored result, run again",
        word="HOLDS" if found.holds else "DIFFERS",
        tone="ship" if found.holds else "invalid",
        headline=headline(found),
        summary=" ".join(_causes(found)),
        sections=(
            _verdicts(found),
            _differences(found),
            Section(title="Inputs", tables=(_inputs(found.inputs),) if found.inputs else ()),
            Section(
                title="Versions",
                tables=(Table(headers=("", "then", "now"), alignment="lll", rows=found.software),)
                if found.software
                else (),
            ),
        ),
        footer=f"{found.recorded.path}: abimpact {found.recorded.verb}, written {made.created}.",
    )


def _causes(found: Rerun) -> list[str]:
    """What is not as it was, and what that means."""
    if found.moved_on:
        return [
            "It lies outside of the result's folder and the working folder, where only what is unchanged is read: if "
            f"it is to be read as it is now, say --data {found.moved_on}."
        ]
    changed = [i for i in found.inputs if i.status != "same"]
    largest = found.held and found.held.largest
    said = []
    if largest and not found.holds:
        said.append(f"The largest: {largest.key} is {_text(largest.new)} and was {_text(largest.old)}.")
    is_table = bool(changed) and all(_file(i).sha256 is None for i in changed)
    if is_table:
        said.append("Whether the input is what it was cannot be told: it has no digest.")
    elif changed:
        said.append(f"The input is not what it was: {_listed(changed)}.")
    else:
        said.append("The input is the same, by its digest." if found.inputs else "There was no log.")
    if found.software:
        named = ", ".join(f"{name} {new or 'none'} (then {old or 'none'})" for name, old, new in found.software[:4])
        said.append(f"Other versions: {named}{', …' if len(found.software) > 4 else ''}.")
    elif found.holds or changed:
        said.append("Versions are the same.")
    else:
        said.append("So are all versions: then the stored file was edited, or this is a bug to report.")
    return said


def _listed(changed: list[Input]) -> str:
    names = [f"{_file(i).path} ({i.status})" if _file(i).path else i.status for i in changed]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _file(found: Input) -> RecordedFile:
    return found.old or found.new or RecordedFile(path="")


def _verdicts(found: Rerun) -> Section:
    if found.is_verdict_same is not False or found.new is None:
        return Section(title="Verdict")
    then, now = (x["verdict"].get("headline") or x["verdict"].get("code") for x in (found.recorded.document, found.new))
    return Section(title="Verdict", facts=(("then", str(then)), ("now", str(now))))


def _differences(found: Rerun) -> Section:
    rows = tuple((d.key, _text(d.old), _text(d.new), _size(d)) for d in found.differences[:SHOWN])
    more = len(found.differences) - len(rows)
    return Section(
        title="Largest differences",
        sentences=(f"And {numbers.count(more)} more; -f json lists {WRITTEN}.",) if more else (),
        tables=(Table(headers=("key", "then", "now", "change"), alignment="lrrr", rows=rows),) if rows else (),
    )


def _inputs(inputs: tuple[Input, ...]) -> Table:
    rows = [(_file(i).path, i.status, *(_content(f) for f in (i.old, i.new))) for i in inputs[:SHOWN]]
    more = len(inputs) - len(rows)
    return Table(
        headers=("file", "status", "then (sha256)", "now"),
        alignment="llll",
        rows=tuple(rows) if not more else (*rows, (f"and {numbers.count(more)} more", "", "", "")),
    )


def _content(file: RecordedFile | None) -> str:
    return numbers.NONE if file is None or file.sha256 is None else f"{file.sha256[:DIGEST]}…"


def _size(found: Difference) -> str:
    if found.size is None:
        return "another"
    share = found.size * 100
    return f"{numbers.plain(float(f'{share:.2g}'))} %" if share >= 0.01 else f"{found.size:.1e}"


def _text(x: Any) -> str:
    if x is None:
        return numbers.NONE
    if isinstance(x, bool):
        return "yes" if x else "no"
    if isinstance(x, float):
        return f"{x:.6g}"
    text = str(x)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _difference(found: Difference) -> dict[str, Any]:
    return {"key": found.key, "old": found.old, "new": found.new, "relative": found.size}


def _input(found: Input) -> dict[str, Any]:
    def of(file: RecordedFile | None) -> dict[str, Any] | None:
        return None if file is None else {"path": file.path, "bytes": file.bytes, "sha256": file.sha256}

    return {"status": found.status, "old": of(found.old), "new": of(found.new)}


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)
