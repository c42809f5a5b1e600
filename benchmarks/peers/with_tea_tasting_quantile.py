"""tea-tasting's bootstrap of a median, with 1,000 resamples."""

import sys

import polars as pl
import tea_tasting as tt

experiment = tt.Experiment(latency=tt.Quantile("latency_ms", 0.5, n_resamples=1_000), variant="variant")
data = pl.read_parquet(sys.argv[1], columns=["variant", "latency_ms"])
print(experiment.analyze(data, control="rules"))
