"""Logs that are large in one way each: metrics, segments, files, variants, columns. Used by benchmarks/load.py too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

WHO = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a log: the sources and options of `abimpact report`."""

    sources: tuple[str, ...]
    options: tuple[str, ...]


def units(n: int, variants: int = 2, seed: int = 1) -> pd.DataFrame:
    """One row a unit: rules, and further variants at random, with a heavy-tailed and a 0/1 outcome."""
    rng = np.random.default_rng(seed)
    names = np.array(["rules", "ml", *(f"v{i:02}" for i in range(2, variants))])
    return pd.DataFrame(
        {
            "unit": np.arange(n),
            "variant": rng.permutation(names[np.arange(n) % variants]),
            "value": np.round(rng.lognormal(2, 1, n), 2),
            "bought": (rng.random(n) < 0.2).astype(int),
        }
    )


def metrics(folder: Path, count: int = 1_000, n: int = 20_000) -> Load:
    """As many metrics, each a column of its own: means, proportions and ratios."""
    rng = np.random.default_rng(2)
    log = units(n)
    columns = {f"m{i}": rng.poisson(i % 7 + 1, n) if i % 3 else (rng.random(n) < 0.3).astype(int) for i in range(count)}
    pd.concat([log, pd.DataFrame(columns)], axis=1).to_parquet(folder / "log.parquet")
    specs = [f"m{i}" if i % 10 else f"m{i}/value" for i in range(count)]
    return Load(("log.parquet",), tuple(x for spec in specs for x in ("-m", spec)))


def segments(folder: Path, count: int = 500, n: int = 100_000) -> Load:
    """As many values of a column to break effects down by."""
    rng = np.random.default_rng(3)
    log = units(n)
    log["shop"] = [f"shop {i}" for i in rng.integers(0, count, n)]
    log.to_parquet(folder / "log.parquet")
    return Load(("log.parquet",), ("-m", "value", "-m", "bought", "--segment", "shop"))


def files(folder: Path, count: int = 1_000, n: int = 100_000, ending: str = "parquet") -> Load:
    """As many files in one folder."""
    log = units(n)
    (folder / "log").mkdir()
    for i in range(count):
        part = log[i::count]
        if ending == "csv":
            part.to_csv(folder / "log" / f"{i:05}.csv", index=False)
        else:
            pq.write_table(pa.Table.from_pandas(part, preserve_index=False), folder / "log" / f"{i:05}.parquet")
    return Load(("log",), ("-m", "value", "-m", "bought"))


def csv_files(folder: Path, count: int = 1_000) -> Load:
    """As many text files."""
    return files(folder, count, ending="csv")


def variants(folder: Path, count: int = 50, n: int = 100_000) -> Load:
    """As many variants, the incumbent among them."""
    units(n, count).to_parquet(folder / "log.parquet")
    return Load(("log.parquet",), ("-m", "value", "-m", "bought"))


def columns(folder: Path, count: int = 10_000, n: int = 2_000, ending: str = "parquet") -> Load:
    """As many columns, of which five are used."""
    log = units(n)
    wide = pd.DataFrame({f"c{i}": np.arange(n) % 7 for i in range(count - len(log.columns))})
    both = pd.concat([log, wide], axis=1)
    if ending == "csv":
        both.to_csv(folder / "log.csv", index=False)
    else:
        both.to_parquet(folder / "log.parquet")
    return Load((f"log.{ending}",), ("-m", "value", "-m", "bought", "-m", "c17"))


def csv_columns(folder: Path, count: int = 10_000) -> Load:
    """As many columns of a text file."""
    return columns(folder, count, ending="csv")


# What is measured, by name, with the usual size.
LOADS: Mapping[str, tuple[Callable[..., Load], int]] = {
    "metrics": (metrics, 1_000),
    "segments": (segments, 500),
    "Parquet files": (files, 1_000),
    "CSV files": (csv_files, 1_000),
    "variants": (variants, 50),
    "columns in Parquet": (columns, 10_000),
    "columns in CSV": (csv_columns, 10_000),
}
