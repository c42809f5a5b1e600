"""Where clusters were randomised: are there enough, and do the variants have theirs?"""

import math
from collections.abc import Sequence

import numpy as np

from abimpact.check.split import (
    BLOCK_BELOW,
    SMALLEST_EXPECTED,
    SMALLEST_PVALUE,
    WARN_BELOW,
    nearest_split,
    sample_ratio_pvalue,
)
from abimpact.findings import Finding, Severity, by_chance
from abimpact.read.log import Clusters, Log

# Student's t with few clusters is optimistic (Cameron, Gelbach & Miller 2008); below the least nothing is estimated.
FEW_CLUSTERS, LEAST_CLUSTERS = 40, 5


def few_clusters(log: Log) -> list[Finding]:
    """So few clusters that intervals promise more than they know."""
    clusters = log.clusters
    if clusters is None:
        return []
    counts = dict(zip(log.variants, clusters.counts, strict=True))
    few = {v: n for v, n in counts.items() if n < FEW_CLUSTERS}
    data = {"clusters": counts, "total": clusters.total, "in_several": clusters.in_several, "needed": FEW_CLUSTERS}
    shared = f"; {clusters.in_several:,} hold several variants" if clusters.in_several else ""
    listed = ", ".join(f"{n:,} {v}" for v, n in counts.items())
    seen = f"{clusters.total:,} clusters ({log.experiment.cluster}) were randomised: {listed}{shared}."
    if not few:
        return [Finding(code="few_clusters", severity=Severity.PASS, message=seen, data=data)]
    return [
        Finding(
            code="few_clusters",
            severity=Severity.WARN,
            message=f"{seen} Intervals are sound from some {FEW_CLUSTERS} a variant on; below {LEAST_CLUSTERS} there "
            "are none.",
            why="What counts is how many clusters there are, however many units they hold; the spread between so few "
            "is hardly known.",
            do="Randomise more and smaller clusters, or run longer and switch variants within them.",
            data=data,
        )
    ]


def missing_cluster(log: Log) -> list[Finding]:
    """Rows without a cluster."""
    if log.clusters is None:
        return []
    rows = log.clusters.missing
    if not rows:
        message = "Every row names a cluster."
        return [Finding(code="missing_cluster", severity=Severity.PASS, message=message, data={"rows": 0})]
    return [
        Finding(
            code="missing_cluster",
            severity=Severity.WARN,
            message=f"{rows:,} of {log.row_counts.kept:,} rows name no cluster and were left out.",
            why="If they were lost more often in one variant, the comparison is biased.",
            do="Find out where the value gets lost.",
            data={"rows": rows},
        )
    ]


def cluster_ratio(log: Log, clusters: Clusters) -> list[Finding]:
    """The planned split held against the clusters, and against their units with clusters as what is random."""
    declared, is_shared = log.experiment.split, clusters.in_several > 0
    counts, what = (log.units, "units") if is_shared else (clusters.counts, "clusters")
    split = declared or nearest_split(counts)
    expected = [sum(counts) * s / math.fsum(split) for s in split]
    if min(expected) < SMALLEST_EXPECTED:
        return []
    of_units = units_pvalue(log, split)
    statistic, of_counts = of_units if is_shared else sample_ratio_pvalue(counts, split)
    least = min(of_counts, of_units[1])
    severity = Severity.BLOCK if least < BLOCK_BELOW else Severity.WARN if least < WARN_BELOW else Severity.PASS
    is_fine = severity is Severity.PASS
    planned = ":".join(f"{s:g}" for s in split)
    plan = f"{planned} was planned" if declared else f"No split was declared; {planned} is the nearest round one"
    arrived = f"{what}: " + ", ".join(f"{n:,} {v}" for v, n in zip(log.variants, counts, strict=True))
    arrived += f" ({by_chance(of_counts)})"
    if not is_shared:
        units = ", ".join(f"{n:,} {v}" for v, n in zip(log.variants, log.units, strict=True))
        arrived += f"; their units: {units} ({by_chance(of_units[1])})"
    return [
        Finding(
            code="sample_ratio",
            severity=severity,
            message=f"{plan}; {arrived}.",
            why="" if is_fine else f"{what.capitalize()} are missing from a variant, or hold fewer units in it.",
            do="" if is_fine else "Find the loss before trusting any KPI.",
            data={
                "counts": dict(zip(log.variants, counts, strict=True)),
                "expected": dict(zip(log.variants, expected, strict=True)),
                "statistic": statistic,
                "pvalue": of_counts,
                "declared": declared is not None,
                "of": what,
                "pvalue_units": of_units[1],
            },
        )
    ]


def units_pvalue(log: Log, split: Sequence[float]) -> tuple[float, float]:
    """Statistic and p that units follow `split`, whatever the sizes of the clusters (score test by cluster).

    With z_g a cluster's units of each variant but the first, less their planned shares of its units: the sum of z' over
    the covariance of that sum is chi-square with one df a variant, less one.
    """
    from scipy.special import chdtrc

    share = np.asarray(split, dtype=float) / math.fsum(split)
    arms = range(1, len(share))
    z = [f"(count_if(arm = {a}) - {float(share[a])!r} * count(*))" for a in arms]
    parts = [f"fsum(z{a})" for a in arms] + [f"fsum(z{a} * z{b})" for a in arms for b in arms]
    per_cluster = ", ".join(f"{sql} AS z{a}" for sql, a in zip(z, arms, strict=True))
    n, *values = log.engine.rows(
        f"SELECT count(*), {', '.join(parts)} FROM (SELECT {per_cluster} FROM {log.relation} GROUP BY cluster)"
    )[0]
    d = len(arms)
    total = np.array(values[:d], dtype=float)
    spread = np.reshape(np.array(values[d:], dtype=float), (d, d)) - np.outer(total, total) / n
    if n < 2 or np.linalg.matrix_rank(spread) < d:
        return 0.0, 1.0
    statistic = float(total @ np.linalg.solve(spread * n / (n - 1), total))
    return statistic, max(float(chdtrc(d, statistic)), SMALLEST_PVALUE)
