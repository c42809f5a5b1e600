"""Small logs for tests: a frame is opened as the pipeline opens it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abimpact.findings import Finding
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loading import load_frame
from abimpact.read.log import Log
from abimpact.read.opening import Opener
from abimpact.spec.metric import Role
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.resolve import resolve

UNITS = 2_000


def frame(units: int = UNITS, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """A sound log: one row per unit, two variants at random, a month of days, an outcome with no effect."""
    rng = np.random.default_rng(seed)
    made = {
        "unit": np.arange(units),
        "variant": rng.permutation(np.array(["rules", "ml"])[np.arange(units) % 2]),
        "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 28, units), unit="D"),
        "value": np.round(rng.gamma(2.0, 5.0, units), 2),
        "converted": (rng.random(units) < 0.2).astype(int),
        "sessions": 1 + rng.poisson(2.0, units),
        "country": rng.choice(["DE", "FR", "NL"], units),
    }
    return pd.DataFrame({**made, **columns})


@contextmanager
def opened(
    data: Any, specs: Sequence[str] = ("value",), *, threads: int | None = None, **request: Any
) -> Iterator[Log]:
    """The opened log of a frame; keyword arguments are fields of `Request`."""
    metrics = tuple(MetricRequest(spec=s, role=Role.PRIMARY if i == 0 else Role.SECONDARY) for i, s in enumerate(specs))
    asked: Mapping[str, Any] = {"unit": "unit", "variant": "variant", "incumbent": "rules", **request}
    engine = DuckDBEngine(threads=threads)
    try:
        engine.lock([])
        loaded = load_frame(engine, data)
        families = engine.describe(loaded.relation)
        experiment = resolve(Request(metrics=metrics, **asked), families)
        yield Opener(engine, loaded, families, experiment).open()
    finally:
        engine.close()


def by_code(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Findings by code; of several with one code, the first."""
    return {f.code: f for f in reversed(findings)}


def real_data() -> Path | None:
    """The folder of real logs, which are not part of the project; None where it is not there."""
    import os

    beside = Path(__file__).parents[2] / "shared" / "data" / "real"
    folder = Path(os.environ.get("ABIMPACT_REAL_DATA", beside))
    return folder if folder.is_dir() else None
