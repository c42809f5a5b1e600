"""A portfolio as `portfolio.json`, and as a flat table."""

import math
from dataclasses import asdict
from typing import Any

from abimpact.estimate.estimate import Interval
from abimpact.portfolio.portfolio import Entry, Portfolio, Row, Total, Worth
from abimpact.portfolio.portfolio_page import headline
from abimpact.portfolio.priors import Prior
from abimpact.render.json import finding_of

SCHEMA = "abimpact/portfolio/1"


def to_dict(found: Portfolio) -> dict[str, Any]:
    """The portfolio as plain dicts, lists, strings and numbers."""
    shipped = {e.test.experiment for e in found.shipped}
    return {
        "schema": SCHEMA,
        "headline": headline(found),
        "level": found.level,
        "experiments": found.experiments,
        "tests": [_test(e) for e in found.entries],
        "shipped": {"experiments": len(shipped), "share": len(shipped) / found.experiments},
        "paid": {
            "tests": len(found.paid),
            "of": len(found.valued),
            "share": len(found.paid) / len(found.valued) if found.valued else None,
            "expected": math.fsum(e.worth.probability_pays for e in found.valued if e.worth) if found.valued else None,
        },
        "expected_harmful": found.harmful,
        "sample_ratio": {"failed": list(found.broken), "share": len(found.broken) / found.experiments},
        "peeking": found.peeking and asdict(found.peeking),
        "priors": [_prior(p) for p in found.priors],
        "winners": [
            {"metric": c.prior.metric or None, "comparisons": c.winners, "measured": c.measured, "shrunken": c.shrunken}
            for c in found.curses
        ],
        "total": _total(found.totals[0]) if len(found.totals) == 1 else None,
        "totals": [_total(t) for t in found.totals],
        "checks": [finding_of(f) for f in found.findings],
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "tests": total.tests,
        "annual_net": _interval(total.annual_net),
        "npv": _interval(total.npv),
        "measured": {"annual_net": _interval(total.measured_net), "npv": _interval(total.measured_npv)},
    }


def _test(entry: Entry) -> dict[str, Any]:
    t = entry.test
    return {
        "experiment": t.name,
        "path": t.path,
        "incumbent": t.incumbent,
        "proposed": t.proposed,
        "units": t.units,
        "start": t.start and t.start.isoformat(),
        "end": t.end and t.end.isoformat(),
        "verdict": {"code": t.code, "reason": t.verdict_reason},
        "shipped": t.is_shipped,
        "sample_ratio": t.sample_ratio and t.sample_ratio.value,
        "metrics": [_row(r) for r in entry.rows],
        "value": entry.worth and _worth(entry.worth),
    }


def _row(row: Row) -> dict[str, Any]:
    e = row.effect
    return {
        "name": e.metric,
        "role": e.role,
        "kind": e.kind,
        "better": "higher" if e.sign > 0 else "lower",
        "lift": e.lift and _interval(e.lift),
        "se": e.se,
        "pvalue": e.pvalue,
        "prior": row.prior.metric or None,
        "weight": row.weight,
        "shrunken": row.shrunken and _interval(row.shrunken),
        "probability_worse": row.probability_worse,
        "left_out": e.reason or None,
    }


def _worth(worth: Worth) -> dict[str, Any]:
    return {
        "currency": worth.currency,
        "annual_net": _interval(worth.annual_net),
        "npv": _interval(worth.npv),
        "measured": {"annual_net": _interval(worth.measured_net), "npv": _interval(worth.measured_npv)},
        "probability_pays": worth.probability_pays,
    }


def _prior(prior: Prior) -> dict[str, Any]:
    return {
        "metric": prior.metric or None,
        "basis": prior.basis,
        "effects": prior.effects,
        "mean": 0.0,
        "tau2": prior.past.tau2 if prior.past else None,
        "sd": prior.past.tau2**0.5 if prior.past else None,
    }


def _interval(found: Interval) -> dict[str, Any]:
    return {"estimate": found.estimate, "low": found.low, "high": found.high, "level": found.level}


def rows(found: Portfolio) -> list[dict[str, Any]]:
    """A flat row for each test and KPI; money stands in the row of the primary KPI."""
    flat = []
    for entry in found.entries:
        told = _test(entry)
        for i, metric in enumerate(told["metrics"]):
            worth = told["value"] if i == 0 else None
            flat.append(
                {
                    **{k: told[k] for k in ("experiment", "incumbent", "proposed", "units", "start", "end")},
                    "verdict": f"{entry.test.code}/{entry.test.verdict_reason}",
                    "shipped": told["shipped"],
                    "sample_ratio": told["sample_ratio"],
                    **{k: metric[k] for k in ("name", "role", "better")},
                    **_ends("lift", metric["lift"]),
                    **{k: metric[k] for k in ("se", "pvalue", "weight")},
                    **_ends("shrunken", metric["shrunken"]),
                    "left_out": metric["left_out"],
                    "currency": worth and worth["currency"],
                    **_ends("annual_net", worth and worth["annual_net"]),
                    **_ends("npv", worth and worth["npv"]),
                }
            )
    return flat


def _ends(prefix: str, interval: dict[str, Any] | None) -> dict[str, Any]:
    return {f"{prefix}_{end}": interval and interval[end] for end in ("estimate", "low", "high")}
