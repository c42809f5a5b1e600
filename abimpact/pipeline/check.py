"""Composes the rooms that check a log; no outcome is compared."""

from dataclasses import replace
from pathlib import Path

from abimpact.check.table import run_checks
from abimpact.decide.report import CheckReport
from abimpact.findings import Finding
from abimpact.pipeline.provenance import Sources, further_file, provenance, with_options
from abimpact.pipeline.reading import LooksByMetric, Running, opened
from abimpact.read.log import Log
from abimpact.spec.request import Request


def run_check(
    request: Request,
    *,
    command: str = "",
    frame: object = None,
    running: Running | None = None,
    reconciled: str | None = None,
) -> CheckReport:
    """Read the log that `request` names (or the table `frame`) and check it; no outcome is compared.

    `reconciled` names a table of someone else's totals that the log is held against.
    """

    def finish(log: Log, _: LooksByMetric, sources: Sources) -> CheckReport:
        return CheckReport(
            incumbent=log.variants[0],
            proposed=log.variants[1:],
            unit=log.experiment.unit,
            units=dict(zip(log.variants, log.units, strict=True)),
            split=log.experiment.split,
            start=log.days.start,
            end=log.days.end,
            timezone=log.experiment.calendar.timezone,
            cluster=log.experiment.cluster,
            clusters=dict(zip(log.variants, log.clusters.counts, strict=True)) if log.clusters else None,
            findings=(*run_checks(log), *_of_summary(log), *_reconciled(log, reconciled)),
            presentation=request.presentation,
            provenance=with_options(
                provenance(log.engine, request, sources({}), command), reconciled=_totals_file(reconciled)
            ),
        )

    return opened(replace(request, needs_metrics=False), frame, running or Running(), finish)


def _totals_file(place: str | None) -> dict[str, str] | None:
    """The file of someone else's totals; of a workbook, the place in it belongs to the path."""
    if place is None:
        return None
    return {**further_file(place if Path(place).is_file() else place.rpartition("#")[0]), "path": place}


def _of_summary(log: Log) -> tuple[Finding, ...]:
    """The checks that need a summary and still compare no outcome."""
    if not log.metrics or log.experiment.aggregates:
        return ()
    from abimpact.estimate.diagnose import diagnose_blind
    from abimpact.summarise.summarise import summarise

    return diagnose_blind(summarise(log, with_bins=False, ranks_wanted=lambda *_: [], progress=lambda _: None))


def _reconciled(log: Log, place: str | None) -> list[Finding]:
    """How the log compares with the totals at `place`, if there are any."""
    if place is None:
        return []
    from abimpact.check.reconcile import reconcile
    from abimpact.read.their_totals import read_totals

    return [reconcile(log, read_totals(place, (*log.variants, *log.row_counts.unknown)))]
