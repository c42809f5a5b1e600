"""scipy's percentile bootstrap of one metric, batched: the row-by-row way. Arguments: file, resamples."""

import sys

import pyarrow.parquet as pq
from scipy.stats import bootstrap

data = pq.read_table(sys.argv[1], columns=["variant", "revenue"]).to_pandas()
rules, ml = (data.revenue[data.variant == v].to_numpy() for v in ("rules", "ml"))
found = bootstrap(
    (ml, rules),
    lambda t, c, axis=-1: t.mean(axis) - c.mean(axis),
    n_resamples=int(sys.argv[2]),
    method="percentile",
    batch=10,
    rng=1,
)
print(found.confidence_interval)
