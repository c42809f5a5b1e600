"""A log with all that differs between engines: several rows a unit, nulls, odd texts, numbers of all sizes."""

import numpy as np
import pandas as pd

UNITS = 3_000
NAMES = ["DE", "Österreich", "it's", 'a "b"', "", "x\\y", None]
SHARES = [0.4, 0.3, 0.1, 0.1, 0.04, 0.03, 0.03]


def frame(units: int = UNITS, seed: int = 7) -> pd.DataFrame:
    """Rows of `units` units: a fifth come in several rows, some in two variants, some rows name no unit or variant."""
    rng = np.random.default_rng(seed)
    unit = np.concatenate([np.arange(units), rng.integers(0, units, units // 4)])
    rng.shuffle(unit)
    n = len(unit)
    variant = np.array(["rules", "ml", "Third"], dtype=object)[unit % 3]
    variant[rng.choice(n, 12, replace=False)] = "ml"
    variant[rng.choice(n, 9, replace=False)] = None
    variant[rng.choice(n, 4, replace=False)] = "old"
    name = np.array([f"user {i:05d}" for i in unit], dtype=object)
    name[rng.choice(n, 7, replace=False)] = None
    name[rng.choice(n, 5, replace=False)] = ""
    revenue = np.where(rng.random(n) < 0.4, 0.0, np.round(rng.lognormal(2.5, 1.3, n), 2)) - (rng.random(n) < 0.05) * 4.5
    revenue[rng.choice(n, 40, replace=False)] = np.nan
    before = np.round(rng.gamma(2.0, 9.0, n), 2)
    before[rng.choice(n, 60, replace=False)] = np.nan
    latency = rng.gamma(2.0, 120.0, n)
    started = pd.Timestamp("2026-03-01 00:00:00") + pd.to_timedelta(rng.permutation(n) * 97 + 13, unit="s")
    visits = pd.array(1 + rng.poisson(2.0, n), dtype="Int32")
    visits[rng.choice(n, 20, replace=False)] = None
    converted = pd.array(rng.random(n) < 0.2, dtype="boolean")
    converted[rng.choice(n, 30, replace=False)] = None
    return pd.DataFrame(
        {
            "person": name,
            "variant": variant,
            "started": started,
            "day": started.date,
            "revenue": revenue,
            "before": before,
            "latency": latency,
            "orders": rng.poisson(0.8, n),
            "visits": visits,
            "converted": converted,
            "small": rng.normal(0, 1e-9, n),
            "large": np.round(rng.lognormal(22, 1.0, n)),
            "country": np.array(NAMES, dtype=object)[rng.choice(len(NAMES), n, p=SHARES)],
            "amount": [f"{x:,.2f}" if x == x else "NA" for x in revenue],
            # Whole stores are in one variant, but for a few rows that name another.
            "store": [f"store {i % 60}" for i in unit],
            "zone": rng.choice(["eu", "us"], n),
        }
    )
