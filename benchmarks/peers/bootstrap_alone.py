"""One metric resampled by abimpact and by scipy in one process: seconds a resample, and both intervals.

Arguments: a Parquet log, resamples of scipy.
"""

import sys
import time

import pyarrow.parquet as pq
from scipy.stats import bootstrap as by_rows

from abimpact.estimate.bootstrap import bootstrap
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import bins
from abimpact.summarise.scan import scan_moments
from abimpact.summarise.summary import MetricSummary
from tests.logs import opened

OWN = 9_999
path, resamples = sys.argv[1], int(sys.argv[2])
data = pq.read_table(path, columns=["user_id", "variant", "revenue"]).to_pandas()
with opened(data, ["revenue"], unit="user_id") as log:
    moments = scan_moments(log.engine, log.relation, [log.columns["revenue"]], 2)[0]
    started = time.perf_counter()
    binned = bins(log.engine, log.relation, MetricKind.MEAN, log.columns["revenue"], moments)
    metric = log.metrics[0]
    summary = MetricSummary(
        metric=metric,
        variants=log.variants,
        covariates=(),
        moments=moments,
        bins=binned,
        ranks=None,
        extremes=(moments[0].mean[:0],) * 2,
    )
    own = bootstrap(summary, 1, level=0.95, n_resamples=OWN, seed=1)
    taken = (time.perf_counter() - started) / OWN
rules, ml = (data.revenue[data.variant == v].to_numpy() for v in ("rules", "ml"))
started = time.perf_counter()
theirs = by_rows(
    (ml, rules),
    lambda t, c, axis=-1: t.mean(axis) - c.mean(axis),
    n_resamples=resamples,
    method="percentile",
    batch=10,
    rng=1,
)
taken_by_rows = (time.perf_counter() - started) / resamples
print(
    f"{OWN:,} resamples by abimpact: {1e6 * taken:,.1f} µs each, {own.absolute.low:.3f} to {own.absolute.high:.3f}; "
    f"{resamples:,} by scipy: {1e6 * taken_by_rows:,.0f} µs each, {theirs.confidence_interval.low:.3f} to "
    f"{theirs.confidence_interval.high:.3f}; {taken_by_rows / taken:,.0f} times faster."
)
