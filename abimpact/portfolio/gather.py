"""From what a user names to a portfolio: result files, folders of them, reports at hand, a table of experiments."""

import os
from collections.abc import Sequence
from pathlib import Path

from abimpact.decide.report import Report
from abimpact.errors import DataError
from abimpact.findings import Finding, Severity
from abimpact.pipeline.reading import Running
from abimpact.pipeline.report import run_reports
from abimpact.portfolio.stored import OtherKindError, Stored, read_report, stored
from abimpact.read.sources import FORMATS
from abimpact.read.walking import files_matching
from abimpact.render.json import to_dict
from abimpact.spec.folders import MAGIC
from abimpact.spec.request import Request

LISTED = 5


def expand_results(sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """The JSON files that `sources` name (files, folders, patterns), and the sources that are something else."""
    results: list[str] = []
    others: list[str] = []
    for source in sources:
        if os.path.isdir(source):
            inside = sorted(str(path) for path in Path(source).glob("*.json"))
            results += inside
            if not inside and any(path.suffix.lower() in FORMATS for path in Path(source).iterdir()):
                others.append(source)
            elif not inside:
                raise DataError(f"{source}: has no .json file.", "Name the folder that holds the result.json files.")
        elif not source.lower().endswith(".json"):
            others.append(source)
        elif MAGIC & set(source) and not os.path.exists(source):
            matched = [str(path) for path in files_matching(source)]
            if not matched:
                raise DataError(f"{source}: matches no file.", "Check the pattern and the folder.")
            results += matched
        else:
            results.append(source)
    return list(dict.fromkeys(results)), others


def read_results(paths: Sequence[str]) -> tuple[list[Stored], list[Finding]]:
    """The reports in these files; what abimpact wrote for other verbs is left out and said, unless it is all there is.

    DataError names a file that is none of abimpact's, or of a version that cannot be read.
    """
    reports: list[Stored] = []
    others: list[str] = []
    for path in paths:
        try:
            reports.append(read_report(path))
        except OtherKindError:
            if len(paths) == 1:
                raise
            others.append(path)
    if others and not reports:
        raise DataError(
            f"None of the {len(others)} files is a report.",
            "Give result.json files, as abimpact report -o writes them.",
        )
    if not others:
        return reports, []
    told = ", ".join(others[:LISTED]) + (f" and {len(others) - LISTED} more" if len(others) > LISTED else "")
    found = Finding(
        code="not_reports",
        severity=Severity.WARN,
        message=f"{len(others)} of {len(paths)} files are no reports and were left out: {told}.",
        why="They hold what other verbs of abimpact write.",
        do="Name the result.json files alone.",
        data={"files": others},
    )
    return reports, [found]


def of_reports(reports: Sequence[Report]) -> list[Stored]:
    """Reports at hand, as if they had been stored."""
    return [stored(to_dict(report), report.presentation.title or "report") for report in reports]


def read_experiments(request: Request, *, command: str, running: Running) -> tuple[list[Stored], list[Finding]]:
    """A report on every experiment of a table of aggregates, and which have none."""
    reports, failed = run_reports(request, command=command, running=running)
    if not reports:
        name, why = next(iter(failed.items()))
        raise DataError(f"None of the {len(failed)} experiments can be analysed; {name}: {why}")
    if not failed:
        return of_reports(reports), []
    told = "; ".join(f"{name}: {why}" for name, why in list(failed.items())[:LISTED])
    found = Finding(
        code="not_analysed",
        severity=Severity.WARN,
        message=f"{len(failed)} of {len(failed) + len(reports)} experiments cannot be analysed ({told}).",
        why="They count nowhere.",
        do="Look at their rows, or leave them out with --where.",
        data={"experiments": failed},
    )
    return of_reports(reports), [found]
