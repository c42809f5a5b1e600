"""Stored reports for tests: dictionaries as `result.json` holds them, made from a real one."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from abimpact import analyze

SAMPLE = Path(__file__).parents[2] / "sample_data" / "checkouts.parquet"


@cache
def _sample() -> dict[str, Any]:
    return analyze(SAMPLE, resamples=0).to_dict()


def sample() -> dict[str, Any]:
    """The sample's report, to be changed at will."""
    return deepcopy(_sample())


def run(
    number: int,
    lift: float,
    se: float,
    *,
    code: str = "keep",
    metric: str = "profit",
    better: str = "higher",
    currency: str | None = None,
    **changed: Any,
) -> dict[str, Any]:
    """A report on one KPI: a lift of `lift` with a standard error of `se` on 10,000 units an arm.

    With `currency`, a unit of lift earns 1,000 a year for two years and costs 10 a year and 15 at once.
    """
    base = 10.0
    # Equal arms: the error of the lift is se / m_c * sqrt((1 + R^2) / 2).
    plain = se * base / np.sqrt((1 + (1 + lift) ** 2) / 2)

    def interval(x: float, half: float) -> dict[str, Any]:
        return {"estimate": x, "low": x - half, "high": x + half, "level": 0.95, "kind": "bounded"}

    z = 1.959963984540054
    told = sample()
    told["verdict"] = {"code": code, "reason": "test", "proposed": "ml", "headline": "", "because": []}
    told["verdicts"] = [told["verdict"]]
    told["experiment"] |= {"units": {"rules": 10_000, "ml": 10_000}, "proposed": ["ml"], "title": f"test {number}"}
    told["checks"] = [
        {"code": "sample_ratio", "severity": "pass", "message": "", "why": "", "do": "", "data": {}},
    ]
    told["metrics"] = [
        {
            **told["metrics"][0],
            "name": metric,
            "better": better,
            "incumbent": {"variant": "rules", "units": 10_000, "value": base},
            "proposed": {"variant": "ml", "units": 10_000, "value": base * (1 + lift)},
            "chosen_method": "welch",
            "estimates": [
                {
                    "method": "welch",
                    "absolute": interval(lift * base, z * plain),
                    "relative": interval(lift, z * se),
                    "statistic": lift / se,
                    "df": 19_998.0,
                    "pvalue": 0.01 if abs(lift) > 1.96 * se else 0.5,
                    "pvalue_adjusted": None,
                    "se": float(plain),
                    "notes": [],
                }
            ],
        }
    ]
    told["value"], told["values"] = None, []
    if currency:
        money = {
            "proposed": "ml",
            "metric": metric,
            "currency": currency,
            "annual": interval(1_000 * lift, 1_000 * se * z),
            "annual_net": interval(1_000 * lift - 10, 1_000 * se * z),
            "npv": interval(2_000 * lift - 35, 2_000 * se * z),
            "probability_pays": 0.5,
            "posterior": {"mean": 0, "sd": 1, "weight": 1.0},
            "over_horizon": {"earned": 2_000 * lift, "spent": {"build_cost": 15.0, "run_cost_per_year": 20.0}},
        }
        told["value"], told["values"] = money, [money]
    told["provenance"]["sources"] = [
        {"path": f"{number}.parquet", "bytes": 1, "rows": 20_000, "sha256": f"{number:064}"}
    ]
    return {**told, **changed}


def history(seed: int = 0, tests: int = 24, tau: float = 0.02, se: float = 0.01, **more: Any) -> list[dict[str, Any]]:
    """Reports on `tests` experiments whose true lifts are normal; what is significantly better ships."""
    rng = np.random.default_rng(seed)
    found = rng.normal(0, tau, tests) + rng.normal(0, se, tests)
    return [run(i, float(d), se, code="ship" if d > 1.96 * se else "keep", **more) for i, d in enumerate(found)]
