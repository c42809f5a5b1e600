"""Do the files of a log agree with each other: columns, names, types, and how categories are spelled?"""

import json
from collections.abc import Sequence
from difflib import SequenceMatcher

from abimpact.check.listing import MOST_LISTED, files_of, key, more
from abimpact.check.spelling import respelled
from abimpact.findings import Finding, Severity
from abimpact.read.joining import kind_of
from abimpact.read.log import Log
from abimpact.spec.resolve import UNIT_NAMES, VARIANT_NAMES

# How alike two names have to be to be taken for one that was misspelled.
ALIKE = 0.75
TYPES = {"number": "numbers", "date": "dates", "text": "text", "empty": "nothing", "other": "lists or records"}


def schema_drift(log: Log) -> list[Finding]:
    """Columns that files lack, call otherwise or type otherwise, and categories that are spelled in several ways.

    Where nothing differs nothing is said, so that a log reads the same in one file and in several.
    """
    findings = (
        [*_missing(log), *_filled(log), *_renamed(log), *_retyped(log)] if len(log.files) > 1 else [*_filled(log)]
    )
    return [*findings, *respelled(log)]


def _used(log: Log) -> dict[str, str]:
    """The columns that the analysis reads, and what for."""
    experiment = log.experiment
    found: dict[str, str] = {}
    for name in experiment.segments:
        found[name] = "segment"
    for metric in log.metrics:
        for expression in (metric.value, metric.denominator):
            found |= dict.fromkeys(expression.columns if expression else (), f"metric {metric.name}")
        found |= dict.fromkeys(metric.covariates, "covariate")
    if experiment.events:
        of_events = [e for a in experiment.events.aggregates for e in (a.value, a.condition)]
        found |= {c: "metrics" for e in of_events if e for c in e.columns}
        found |= {experiment.events.name: "event"} if experiment.events.name else {}
    if experiment.where:
        found |= dict.fromkeys(experiment.where.columns, "filter")
    if experiment.time:
        found[experiment.time] = "time"
    vital = {"unit": experiment.unit, "variant": experiment.variant}
    found |= {name: what for what, name in vital.items() if name}
    for name, derived in reversed(list(experiment.derive.items())):
        if name in found:
            found |= {c: found[name] for c in derived.columns if c not in found}
    return found


def _missing(log: Log) -> list[Finding]:
    """Columns that some files have and others lack."""
    some, used, filled = files_of(log), _used(log), {fill.column for fill in log.fills}
    every = dict.fromkeys(name for file in log.files for name in file.columns)
    findings, unused = [], {}
    for name in every:
        lacking = [file.path for file in log.files if name not in file.columns]
        if not lacking or name in filled:
            continue
        alike = _alike(log, name, lacking)
        if name in used or alike:
            findings.append(_lacks(log, name, used.get(name), lacking, alike))
        else:
            unused[name] = lacking
    if unused:
        listed = "; ".join(f"{name!r} ({some(files)})" for name, files in list(unused.items())[:MOST_LISTED])
        findings.append(
            Finding(
                code="schema_drift",
                severity=Severity.INFO,
                message=f"Columns that nothing here needs are not in all files: {listed}{more(len(unused))}.",
                why="It does no harm as long as nothing needs them.",
                data={"kind": "missing_column", "columns": unused},
            )
        )
    return _told_once(findings)


def _told_once(findings: Sequence[Finding]) -> list[Finding]:
    """Names that may be one are told with the name that matters most."""
    order = [Severity.BLOCK, Severity.WARN, Severity.INFO]
    once: list[Finding] = []
    told: set[str] = set()
    for finding in sorted(findings, key=lambda f: order.index(f.severity)):
        if finding.data.get("column") not in told:
            once.append(finding)
            told.update(finding.data.get("alike", ()))
    return once


def _alike(log: Log, name: str, lacking: Sequence[str]) -> list[str]:
    """The columns that files without `name` may have in its place: never in a file together with it."""
    having = [file for file in log.files if name in file.columns]
    others = {c: f for file in log.files if file.path in lacking for c, f in file.columns.items()}
    candidates = [
        c
        for c, family in others.items()
        if not any(c in file.columns for file in having)
        and (kind_of(family) == kind_of(having[0].columns[name]) or "text" in (family, having[0].columns[name]))
    ]
    return [c for c in candidates if _likeness(name, c) >= ALIKE]


def _likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1; well-known names of the same thing are as alike as can be."""
    a, b = (name.casefold() for name in (one, other))
    if any(a in names and b in names for names in (UNIT_NAMES, VARIANT_NAMES)):
        return 1.0
    a, b = ("".join(c for c in name if c.isalnum()) for name in (a, b))
    return 1.0 if a == b else SequenceMatcher(None, a, b).ratio()


def _lacks(log: Log, name: str, what: str | None, lacking: Sequence[str], alike: Sequence[str]) -> Finding:
    some = files_of(log)
    is_vital = what in ("unit", "variant")
    may_be_unit = log.experiment.unit is None and bool(alike) and name.casefold() in UNIT_NAMES
    severity = Severity.BLOCK if is_vital else Severity.WARN if what or may_be_unit else Severity.INFO
    lost = f"their rows have no {what} and are left out" if is_vital else "their rows have no value there"
    suggestion = ""
    for other in alike:
        there = [f.path for f in log.files if other in f.columns]
        suggestion += f" {some(there)} {_has(there)} {other!r} instead."
    names = ", ".join(json.dumps(other, ensure_ascii=False) for other in alike)
    return Finding(
        code="schema_drift",
        severity=severity,
        message=f"{some(lacking)} {_has(lacking)} no column {name!r}{f' ({what})' if what else ''}, which other files "
        f"have: {lost}.{suggestion}",
        why="What is compared then depends on the file that a row came from." if what else "",
        do=f"If that is the same column, say so: [data.columns] {key(name)} = [{names}]."
        if alike
        else "Export the files again with the column, or fill it in from another file by key: [[data.fill]].",
        data={"kind": "missing_column", "column": name, "used_as": what, "files": list(lacking), "alike": list(alike)},
    )


def _filled(log: Log) -> list[Finding]:
    """Columns that were filled in from another file, and how many rows found a value."""
    findings = []
    for fill in log.fills:
        none = fill.missing - fill.found
        findings.append(
            Finding(
                code="schema_drift",
                severity=Severity.WARN if none else Severity.INFO,
                message=f"{fill.column!r} was filled in from {fill.path} by {fill.by!r}: {fill.found:,} of "
                f"{fill.missing:,} rows without a value found one.",
                why="Rows without a value may differ from the others." if none else "",
                do=f"Add the missing values of {fill.by!r} to {fill.path}." if none else "",
                data={
                    "kind": "filled",
                    "column": fill.column,
                    "file": fill.path,
                    "by": fill.by,
                    "missing": fill.missing,
                    "found": fill.found,
                },
            )
        )
    return findings


def _renamed(log: Log) -> list[Finding]:
    """Columns that were taken for one although files call them otherwise: as declared, or by case alone."""
    some, names = files_of(log), dict[str, dict[str, str]]()
    for file in log.files:
        for name, own in file.names.items():
            names.setdefault(name, {})[file.path] = own
    if not names:
        return []
    listed = "; ".join(
        f"{name!r} is " + ", ".join(f"{own!r} in {some([path])}" for path, own in list(by_file.items())[:MOST_LISTED])
        for name, by_file in list(names.items())[:MOST_LISTED]
    )
    return [
        Finding(
            code="schema_drift",
            severity=Severity.INFO,
            message=f"Files call columns otherwise, and they were read as one: {listed}{more(len(names))}.",
            why="They are taken for the same by [data.columns], or because their names differ by case only.",
            data={"kind": "renamed", "columns": names},
        )
    ]


def _retyped(log: Log) -> list[Finding]:
    """Columns whose type is another in some files."""
    some, used, findings = files_of(log), _used(log), []
    for name in dict.fromkeys(name for file in log.files for name in file.columns):
        kinds: dict[str, list[str]] = {}
        for file in log.files:
            if name in file.columns and file.columns[name] != "empty":
                kinds.setdefault(kind_of(file.columns[name]), []).append(file.path)
        if len(kinds) < 2:
            continue
        is_text = log.families.get(name) == "text"
        read = TYPES.get(kind_of(log.families.get(name, "other")), "text")
        said = "; ".join(f"{TYPES.get(kind, kind)} in {some(files)}" for kind, files in kinds.items())
        what = used.get(name)
        findings.append(
            Finding(
                code="schema_drift",
                severity=Severity.WARN if what and is_text and what != "unit" else Severity.INFO,
                message=f"{name!r}{f' ({what})' if what else ''} has another type in some files: {said}. "
                f"All of it was read as {read}.",
                why="A column that changes its type often changes its meaning." if what and is_text else "",
                do="Look at some rows of each file." if what and is_text else "",
                data={"kind": "type", "column": name, "used_as": what, "types": kinds, "read_as": read},
            )
        )
    return findings


def _has(paths: Sequence[str]) -> str:
    return "has" if len(paths) == 1 else "have"
