"""Moments by stratum: what post-stratified effects are put together from."""

from collections.abc import Sequence

from abimpact.read.log import Column, Log
from abimpact.summarise.scan import scan_moments_by
from abimpact.summarise.summary import Moments, Strata


def scan_strata(log: Log, metrics: Sequence[Sequence[Column]]) -> list[Strata]:
    """The strata of each metric, from its columns; nothing if the log is not stratified."""
    return [] if log.strata is None else [found[0] for found in scan_strata_by(log, metrics, "0", 1)]


def scan_strata_by(log: Log, metrics: Sequence[Sequence[Column]], key: str, n_keys: int) -> list[list[Strata]]:
    """For each metric and each value 0…n_keys - 1 of the SQL number `key`, the strata of the units that have it."""
    assert log.strata is not None
    n = len(log.strata.names)
    moments = scan_moments_by(
        log.engine, log.relation, metrics, len(log.variants), f"({key}) * {n} + stratum", range(n_keys * n)
    )
    return [
        [
            Strata(
                by=log.strata.by,
                names=log.strata.names,
                phases=log.strata.phases,
                moments=tuple(moments[k * n + stratum][i] for stratum in range(n)),
            )
            for k in range(n_keys)
        ]
        for i in range(len(metrics))
    ]


def pooled(strata: Strata) -> tuple[Moments, ...]:
    """The moments of every variant over all strata."""
    first, *rest = strata.moments
    return tuple(sum((m[arm] for m in rest), start=moments) for arm, moments in enumerate(first))
