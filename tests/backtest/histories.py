"""Labelled histories for tests: the sample's generator, and what its decisions earn as pandas computes it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from abimpact import Backtest, backtest

SAMPLE = Path(__file__).parents[2] / "sample_data"
PAYOFF = {"true_positive": 0, "false_positive": -5, "false_negative": "-amount", "true_negative": "0.03 * amount"}
ASKED = {"incumbent": "rules_decision", "outcome": "fraud", "payoff": PAYOFF, "config": "/dev/null"}


def _made() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_backtest", SAMPLE / "make_backtest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_backtest"] = module
    spec.loader.exec_module(module)
    return module


make = _made()


def payments(n: int = 4_000, seed: int = 0, days: int = 20) -> pd.DataFrame:
    """A small history with all outcomes known, and the difference `d` of declining from 0.05 of `trees` on."""
    table = make.payments(np.random.default_rng(seed), n, days=days)
    frame: pd.DataFrame = table.to_pandas()
    frame["date"] = pd.to_datetime(frame.date)
    frame["ml"] = (frame.trees >= 0.05).astype(int)
    frame["d"] = make.differences(table, "trees", 0.05)
    return frame


def run(frame: Any, **more: Any) -> Backtest:
    """A backtest of a frame as asked; later keys win."""
    return backtest(frame, **{**ASKED, "resamples": 0, **more})


def earned(frame: pd.DataFrame, acts: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What declining where `acts` earns, payment by payment."""
    stopped = np.where(frame.fraud == 1, 0.0, -5.0)
    passed = np.where(frame.fraud == 1, -frame.amount, 0.03 * frame.amount)
    return np.where(np.asarray(acts) == 1, stopped, passed)


def rules(frame: pd.DataFrame) -> Any:
    """1 where the rules decline."""
    return (frame.rules_decision == "decline").astype(int)
