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


def events(units: int = 400, seed: int = 3) -> pd.DataFrame:
    """Events before, in and after windows, of several exposures and variants, some without a unit or a time."""
    rng = np.random.default_rng(seed)
    n = units * 8
    unit = rng.integers(0, units, n)
    moment = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.permutation(n * 1_000)[:n], unit="s")
    event = rng.choice(["exposure", "session", "order", "other"], n, p=[0.2, 0.4, 0.3, 0.1])
    variant = np.where(unit % 2, "ml", "rules").astype(object)
    variant[rng.random(n) < 0.01] = "ml"
    variant[(rng.random(n) < 0.3) & (event != "exposure")] = None
    made = pd.DataFrame({"unit": pd.array(unit, dtype="Int64"), "event_time": moment, "event": event})
    made["value"] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(1, 9, n)).astype(float)
    made["country"] = np.array(["DE", "FR", None], dtype=object)[rng.integers(0, 3, n)]
    made["variant"] = variant
    made.loc[rng.random(n) < 0.01, "unit"] = pd.NA
    made.loc[rng.random(n) < 0.01, "event_time"] = pd.NaT
    return made
