"""From a request to a report: opens the log, while what comes after the first scans is imported beside them."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from abimpact.pipeline.provenance import Sources
from abimpact.pipeline.reading import LooksByMetric, Running, opened, opened_each
from abimpact.read.log import Log
from abimpact.spec.request import Request

if TYPE_CHECKING:
    from abimpact.decide.report import Report

ANALYSIS = "abimpact.pipeline.analysis"


def run_report(
    request: Request,
    *,
    command: str = "",
    frame: object = None,
    running: Running | None = None,
    with_distribution: bool = False,
    needed: Sequence[str] = (),
) -> "Report":
    """Read the log that `request` names (or the table `frame`), compare its variants and decide.

    `with_distribution` also counts the values of primary metrics, which pictures show and numbers need not. `needed`
    are modules that the caller wants afterwards: they are imported beside the scans.
    """
    running = running or Running()

    def finish(log: Log, looks: LooksByMetric, sources: Sources) -> "Report":
        from abimpact.pipeline.analysis import report_on
        from abimpact.pipeline.parts import with_distributions

        found = report_on(log, looks, request, sources, command, running.progress)
        if with_distribution and not looks:
            found = replace(found, metrics=with_distributions(log, found.metrics))
        return found

    def beside() -> None:
        import_analysis()
        for module in needed:
            import_module(module)

    return opened(request, frame, running, finish, beside)


def run_reports(
    request: Request, *, command: str = "", running: Running | None = None
) -> "tuple[list[Report], dict[str, str]]":
    """A report on every experiment of a table of aggregates, titled by its name, and why others have none."""
    import_analysis()
    from abimpact.pipeline.analysis import report_on

    running = running or Running()

    def finish(name: str, log: Log, looks: LooksByMetric, sources: Sources) -> "Report":
        named = replace(request, presentation=replace(request.presentation, title=name))
        found = report_on(log, looks, named, sources, command, lambda *_: None)
        config = {**found.provenance.config, "experiment": name}
        return replace(found, provenance=replace(found.provenance, config=config))

    return opened_each(request, running, finish)


def import_analysis() -> None:
    """Import what checks, summarises, estimates and decides, without numpy.f2py.

    scipy imports every name that numpy lists, and so a compiler of Fortran that takes longer than all the rest.
    """
    import numpy as np

    is_hidden = "f2py" not in vars(np)
    if is_hidden:
        np.f2py = None  # type: ignore[assignment]
    try:
        import_module(ANALYSIS)
    finally:
        if is_hidden and vars(np).get("f2py", 0) is None:
            del np.f2py
