"""All checks of a log, in the order of the report. A new check is one function and one line here."""

from collections.abc import Callable, Sequence

from abimpact.check.clusters import few_clusters, missing_cluster
from abimpact.check.days import exposure_gaps, peeking, sample_ratio_over_time
from abimpact.check.events import event_windows, outcomes, unexposed
from abimpact.check.files import schema_drift
from abimpact.check.identity import (
    duplicate_rows,
    filtered_rows,
    guessed,
    looks_like_unit,
    missing_unit,
    missing_variant,
    mixed_currency,
    units_in_both_arms,
    unknown_variant,
)
from abimpact.check.interference import interference
from abimpact.check.missing import capped, missing_values, nonfinite_values
from abimpact.check.split import sample_ratio, too_few_units
from abimpact.check.time import immature, not_concurrent, variant_follows
from abimpact.findings import Finding
from abimpact.read.log import Log

CHECKS: tuple[Callable[[Log], Sequence[Finding]], ...] = (
    sample_ratio,
    units_in_both_arms,
    duplicate_rows,
    schema_drift,
    sample_ratio_over_time,
    exposure_gaps,
    not_concurrent,
    variant_follows,
    peeking,
    mixed_currency,
    interference,
    looks_like_unit,
    missing_unit,
    missing_cluster,
    missing_variant,
    unknown_variant,
    filtered_rows,
    outcomes,
    unexposed,
    event_windows,
    missing_values,
    nonfinite_values,
    capped,
    immature,
    too_few_units,
    few_clusters,
    guessed,
)


# What can be told without rows.
OF_AGGREGATES: tuple[Callable[[Log], Sequence[Finding]], ...] = (sample_ratio, too_few_units, guessed)


def run_checks(log: Log) -> tuple[Finding, ...]:
    """The findings of every check that applies to `log`."""
    checks = OF_AGGREGATES if log.experiment.aggregates else CHECKS
    return tuple(finding for check in checks for finding in check(log))
