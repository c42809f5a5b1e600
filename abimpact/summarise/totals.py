"""Sums over all rows that the summary knows already."""

import math

from abimpact.read.log import Log
from abimpact.read.totals import PARTS, sums_of
from abimpact.summarise.scan import nullable
from abimpact.summarise.summary import Summary


def known_totals(log: Log, summary: Summary) -> dict[str, float]:
    """By the names of `sums_of`: sums over the rows of compared variants, if each is a unit and none lacks a value."""
    counts = log.unit_counts
    if log.events or log.clusters or not log.raw or (counts and (counts.in_both or counts.repeated)):
        return {}
    found = {}
    for of_metric in summary.metrics:
        name, columns = of_metric.metric.name, log.columns[of_metric.metric.name]
        if name in log.caps or nullable(columns):
            continue
        for place, part in enumerate(PARTS[: len(columns)]):
            found[name + part] = math.fsum(m.n * float(m.mean[place]) for m in of_metric.moments)
    return {name: found[name] for name in sums_of(log) if name in found}
