"""tea-tasting on its fastest backend (lazy polars): tests and sample ratio, no bootstrap."""

import sys

import polars as pl
import tea_tasting as tt

experiment = tt.Experiment(
    converted=tt.Proportion("converted"),
    orders=tt.Mean("orders"),
    revenue=tt.Mean("revenue"),
    revenue_per_order=tt.RatioOfMeans("revenue", "orders"),
    revenue_adjusted=tt.Mean("revenue", "revenue_pre"),
    sample_ratio=tt.SampleRatio(),
    variant="variant",
)
print(experiment.analyze(pl.scan_parquet(sys.argv[1]), control="rules"))
