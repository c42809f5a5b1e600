#!/usr/bin/env python3
"""Deterministic synthetic A/B-experiment logs: one row per user, or per event.

Needs numpy and pyarrow only; Python 3.11+.  Rows are made and written in fixed
chunks of 250,000 users, so memory does not grow with --units (10M and 100M users
stay below 2 GiB).  The values depend on --seed, --units and the lift/share options
only, never on --row-group-size, --out or the file format (numpy PCG64 streams are
keyed by (seed, chunk number)).

    gen_users.py --units 1000000 --seed 7 --out users_1m.parquet
    gen_users.py --units 200000 --seed 7 --events --out events.csv

USERS MODE (default): one row per user.  The unit of randomisation is the user.

    column       type     unit        meaning
    user_id      int64    id          1..N, unique, ascending
    variant      string   -           'rules' (incumbent, control) or 'ml' (proposal)
    segment      string   -           6 values, skewed shares; shifts conversion/basket
    country      string   -           12 values, skewed shares; shifts the basket
    date         date32   day (UTC)   first exposure, 28 days from 2026-01-05 (a Monday);
                                      early days have more first exposures
    sessions     int32    count       >= 1, mean ~3.4, overdispersed; not moved by 'ml'
    orders       int32    count       ~86 % zero, overdispersed
    revenue      float64  EUR         zero-inflated lognormal sum of the user's orders,
                                      rounded to cents; 0 when orders = 0
    converted    int8     0/1         1 when orders > 0
    revenue_pre  float64  EUR         same user's revenue in the 28 days before
                                      exposure; Pearson correlation with revenue ~0.6;
                                      independent of variant
    latency_ms   float64  ms          the user's mean response time, lognormal,
                                      median ~120 for 'rules'

EVENTS MODE (--events): one row per event, about 5 events a user.  Within each chunk
of users rows are in time order, so one user's events are interleaved with others'.

    column       type           unit       meaning
    event_time   timestamp[us]  UTC        when it happened
    user_id      int64          id         as above (same seed => same users)
    variant      string         -          as above
    event        string         -          'exposure' (one per user, always first unless
                                           --pre-orders), 'session' (= sessions rows),
                                           'order' (= orders rows)
    value        float64        see event  exposure: null; session: length in seconds;
                                           order: amount in EUR
    The sum of a user's 'order' values equals `revenue` of users mode with the same
    seed to the cent.  --pre-orders adds one 'order' row dated before the exposure for
    each user with revenue_pre > 0 (sum = revenue_pre): an analysis must not count it
    as an outcome.

TRUE EFFECTS of 'ml' against 'rules' (all relative):
    P(converted)         + --lift-conversion       (exact in expectation)
    revenue per order    + --lift-revenue          (exact in expectation)
    revenue per user     (1 + lift-conversion) * (1 + lift-revenue) - 1
    orders per user      + --lift-conversion
    median latency       + --lift-latency
    sessions, revenue_pre: none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

CHUNK = 250_000  # users made at once; part of the data's definition, do not change
START = np.datetime64("2026-01-05")  # first exposure day, a Monday
DAYS = 28

VARIANTS = ("rules", "ml")
SEGMENTS = ("new", "casual", "regular", "loyal", "vip", "dormant")
SEGMENT_SHARE = np.array([0.30, 0.28, 0.20, 0.10, 0.02, 0.10])
SEGMENT_CONV = np.array([0.07, 0.12, 0.19, 0.28, 0.40, 0.04])  # P(converted), 'rules'
SEGMENT_BASKET = np.array([-0.10, 0.0, 0.05, 0.15, 0.70, -0.15])  # added to the log mean
COUNTRIES = ("US", "DE", "GB", "FR", "IT", "ES", "PL", "NL", "SE", "BR", "IN", "JP")
COUNTRY_SHARE = np.array([22, 14, 12, 10, 8, 7, 6, 5, 4, 5, 4, 3]) / 100.0
COUNTRY_BASKET = np.array([20, 8, 6, 4, 0, -4, -15, 8, 10, -20, -30, 12]) / 100.0
BASKET_LOG_MEAN, BASKET_LOG_SD = 3.3, 0.9  # one user's mean order value: e^3.3 ~ 27 EUR
PRE_STABLE = 0.62  # share of users whose pre-period resembles the experiment period
PRE_NOISE = 0.30  # log sd of the pre-period multiplier of those users

USERS_SCHEMA = pa.schema(
    [
        ("user_id", pa.int64()),
        ("variant", pa.string()),
        ("segment", pa.string()),
        ("country", pa.string()),
        ("date", pa.date32()),
        ("sessions", pa.int32()),
        ("orders", pa.int32()),
        ("revenue", pa.float64()),
        ("converted", pa.int8()),
        ("revenue_pre", pa.float64()),
        ("latency_ms", pa.float64()),
    ]
)
EVENTS_SCHEMA = pa.schema(
    [
        ("event_time", pa.timestamp("us")),
        ("user_id", pa.int64()),
        ("variant", pa.string()),
        ("event", pa.string()),
        ("value", pa.float64()),
    ]
)
EVENTS = ("exposure", "session", "order")


def _strings(codes: np.ndarray, values: tuple[str, ...]) -> pa.Array:
    index = pa.array(codes.astype(np.int8))
    return pa.DictionaryArray.from_arrays(index, pa.array(values)).cast(pa.string())


def _pick(rng: np.random.Generator, share: np.ndarray, n: int) -> np.ndarray:
    edges = np.cumsum(share)[:-1]
    return np.searchsorted(edges, rng.random(n), side="right").astype(np.int8)


def make_chunk(seed: int, index: int, n: int, opt: argparse.Namespace) -> dict:
    """Arrays of one chunk of users (at most CHUNK of them)."""
    rng = np.random.default_rng([seed, index])
    first = index * CHUNK + 1
    ml = rng.random(n) < opt.share_ml
    segment = _pick(rng, SEGMENT_SHARE, n)
    country = _pick(rng, COUNTRY_SHARE, n)
    weight = np.exp(-np.arange(DAYS) / 14.0)
    day = _pick(rng, weight / weight.sum(), n)

    # Sessions: 1 + negative binomial (gamma-mixed Poisson), mean 2.4, var 2.4 + 2.4^2/1.5.
    activity = rng.gamma(1.5, 1 / 1.5, n)
    sessions = 1 + rng.poisson(2.4 * activity)

    # Orders: the conversion draw does not depend on the other arrays, so that the
    # 'ml' lift is exact: P(converted | segment) * (1 + lift).
    conv_p = SEGMENT_CONV[segment]
    conv_u = rng.random(n)
    base_conv = conv_u < conv_p
    conv = conv_u < np.where(ml, conv_p * (1 + opt.lift_conversion), conv_p)
    orders_if = 1 + rng.poisson(0.35 * rng.gamma(0.8, 1 / 0.8, n) * np.sqrt(sessions))
    basket = np.exp(rng.normal(BASKET_LOG_MEAN, BASKET_LOG_SD, n) + SEGMENT_BASKET[segment] + COUNTRY_BASKET[country])
    revenue_if = orders_if * basket
    base_revenue = np.where(base_conv, revenue_if, 0.0)  # the world without 'ml'
    orders = np.where(conv, orders_if, 0)
    revenue = np.where(conv, revenue_if * np.where(ml, 1 + opt.lift_revenue, 1.0), 0.0)

    # Pre-period: for most users the no-'ml' revenue times noise, for the rest another
    # user's (a permutation), hence independent of variant and without a lift.
    stable = rng.random(n) < PRE_STABLE
    noise = np.exp(rng.normal(-(PRE_NOISE**2) / 2, PRE_NOISE, n))
    pre = np.where(stable, base_revenue * noise, rng.permutation(base_revenue))

    latency = 120.0 * np.exp(rng.normal(0.0, 0.45, n)) * np.where(ml, 1 + opt.lift_latency, 1.0)
    revenue = np.where(conv, np.maximum(np.round(revenue, 2), 0.01 * orders_if), 0.0)
    return {
        "user_id": np.arange(first, first + n, dtype=np.int64),
        "variant": ml.astype(np.int8),
        "segment": segment,
        "country": country,
        "date": START + day.astype("timedelta64[D]"),
        "sessions": sessions.astype(np.int32),
        "orders": orders.astype(np.int32),
        "revenue": np.round(revenue, 2),
        "converted": conv.astype(np.int8),
        "revenue_pre": np.round(pre, 2),
        "latency_ms": np.round(latency, 3),
    }


def users_table(chunk: dict) -> pa.Table:
    cols = [
        pa.array(chunk["user_id"]),
        _strings(chunk["variant"], VARIANTS),
        _strings(chunk["segment"], SEGMENTS),
        _strings(chunk["country"], COUNTRIES),
        pa.array(chunk["date"], pa.date32()),
        *(pa.array(chunk[c]) for c in USERS_SCHEMA.names[5:]),
    ]
    return pa.Table.from_arrays(cols, schema=USERS_SCHEMA)


def events_table(chunk: dict, seed: int, index: int, pre_orders: bool) -> pa.Table:
    rng = np.random.default_rng([seed, index, 1])  # apart from the users' stream
    n = len(chunk["user_id"])
    day_us = 86_400_000_000
    exposed = chunk["date"].astype("datetime64[us]").astype(np.int64) + rng.integers(0, day_us, n)
    parts = [(np.arange(n), exposed, np.zeros(n, np.int8), np.full(n, np.nan))]

    row = np.repeat(np.arange(n), chunk["sessions"])
    start = np.cumsum(chunk["sessions"]) - chunk["sessions"]
    after = rng.integers(1, 14 * day_us, len(row))
    after[start] = rng.integers(1, 60_000_000, n)  # first session: within a minute
    parts.append(
        (row, exposed[row] + after, np.ones(len(row), np.int8), np.round(rng.lognormal(4.8, 0.9, len(row)), 1))
    )

    orders = chunk["orders"].astype(np.int64)
    row = np.repeat(np.arange(n), orders)
    cents = np.rint(chunk["revenue"] * 100).astype(np.int64)
    each = cents // np.maximum(orders, 1)
    amount = each[row]
    bought = orders > 0
    last = (np.cumsum(orders) - 1)[bought]  # the last order takes the odd cents
    amount[last] += (cents - each * orders)[bought]
    parts.append(
        (
            row,
            exposed[row] + rng.integers(60_000_000, 14 * day_us, len(row)),
            np.full(len(row), 2, np.int8),
            amount / 100.0,
        )
    )
    if pre_orders:
        row = np.flatnonzero(chunk["revenue_pre"] > 0)
        parts.append(
            (
                row,
                exposed[row] - rng.integers(1, 28 * day_us, len(row)),
                np.full(len(row), 2, np.int8),
                chunk["revenue_pre"][row],
            )
        )

    row, time, event, value = (np.concatenate(p) for p in zip(*parts))
    order = np.argsort(time, kind="stable")
    row, time, event, value = row[order], time[order], event[order], value[order]
    cols = [
        pa.array(time, pa.timestamp("us")),
        pa.array(chunk["user_id"][row]),
        _strings(chunk["variant"][row], VARIANTS),
        _strings(event, EVENTS),
        pa.array(value, from_pandas=True),
    ]
    return pa.Table.from_arrays(cols, schema=EVENTS_SCHEMA)


def write(opt: argparse.Namespace) -> int:
    """Write the file; returns the number of rows."""
    schema = EVENTS_SCHEMA if opt.events else USERS_SCHEMA
    out = Path(opt.out)
    is_csv = out.suffix.lower() == ".csv"
    writer = pacsv.CSVWriter(out, schema) if is_csv else pq.ParquetWriter(out, schema, compression=opt.compression)
    rows, held, held_rows = 0, [], 0
    with writer:
        for index, first in enumerate(range(0, opt.units, CHUNK)):
            chunk = make_chunk(opt.seed, index, min(CHUNK, opt.units - first), opt)
            table = events_table(chunk, opt.seed, index, opt.pre_orders) if opt.events else users_table(chunk)
            rows += table.num_rows
            if is_csv:
                writer.write_table(table)
                continue
            held.append(table)
            held_rows += table.num_rows
            if held_rows >= opt.row_group_size:
                whole = pa.concat_tables(held)
                keep = held_rows % opt.row_group_size
                writer.write_table(whole.slice(0, held_rows - keep), opt.row_group_size)
                held, held_rows = ([whole.slice(held_rows - keep)], keep) if keep else ([], 0)
        if held_rows:
            writer.write_table(pa.concat_tables(held), opt.row_group_size)
    return rows


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--units", type=int, required=True, help="number of users")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--lift-conversion", type=float, default=0.05, help="relative, 'ml' vs 'rules'")
    p.add_argument("--lift-revenue", type=float, default=0.02, help="relative, of revenue per order")
    p.add_argument("--lift-latency", type=float, default=0.05, help="relative, of the median")
    p.add_argument("--share-ml", type=float, default=0.5, help="P(variant = 'ml'); not 0.5 gives an SRM")
    p.add_argument("--events", action="store_true", help="one row per event")
    p.add_argument("--pre-orders", action="store_true", help="with --events: pre-period orders too")
    p.add_argument("--out", required=True, help=".parquet or .csv")
    p.add_argument("--row-group-size", type=int, default=250_000, help="rows per Parquet row group")
    p.add_argument("--compression", default="snappy", help="Parquet codec: snappy, zstd, none")
    opt = p.parse_args(argv)
    if opt.units < 1 or opt.row_group_size < 1:
        p.error("--units and --row-group-size must be at least 1")
    if Path(opt.out).suffix.lower() not in {".parquet", ".csv"}:
        p.error("--out must end in .parquet or .csv")
    if SEGMENT_CONV.max() * (1 + opt.lift_conversion) > 1 or opt.lift_conversion < -1:
        p.error("--lift-conversion out of range")
    return opt


def main(argv: list[str] | None = None) -> int:
    opt = parse(argv)
    rows = write(opt)
    print(f"{opt.out}: {rows} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
