"""The numbers of a backtest as plain values: what `-f json` writes, and what `plan` reads."""

import math
from dataclasses import asdict
from typing import Any

from abimpact.backtest import words
from abimpact.backtest.capacity import Load
from abimpact.backtest.curve import Curve, Point
from abimpact.backtest.result import BacktestReport, Confusion, Culprit, Outcome, WrongLabels
from abimpact.backtest.size import POWER, size_of
from abimpact.decide.value import Value
from abimpact.estimate.paired import Paired, scaled
from abimpact.render.json import finding_of, provenance_of
from abimpact.render.json_metric import interval_of

SCHEMA = "abimpact/backtest/1"
# Points of a curve that are written, the best ones among them.
POINTS = 40


def figures(report: BacktestReport) -> dict[str, Any]:
    """The whole backtest; numbers unrounded, intervals that do not exist null."""
    deciding = report.deciding
    return {
        "schema": SCHEMA,
        "verdict": {
            "code": report.choice.code,
            "reason": report.choice.reason,
            "proposed": report.choice.proposed,
            "preferred_to": report.choice.rival or None,
            "headline": words.headline(report),
            "because": list(words.because(report)),
        },
        "difference": _difference(deciding.chosen, report.units),
        "agreement": _agreement(deciding),
        "confusion": {
            report.asked.name: _confusion(report.incumbent),
            **{o.name: _confusion(o.confusion) for o in report.proposed},
        },
        "thresholds": [t for curve in report.curves for t in _thresholds(report, curve)],
        "segments": [
            {
                "by": p.by,
                "value": p.value,
                "proposed": o.name,
                "units": p.rows,
                "agreement": {"share": p.agreeing / p.rows if p.rows else None, "units": p.agreeing},
                "difference": {"per_unit": interval_of(p.per_unit), "total": interval_of(p.total)},
            }
            for o in report.proposed
            for p in o.parts
        ],
        "proposed": [_outcome(report, o) for o in report.proposed],
        "contrasts": [
            {
                "proposed": p.proposed,
                "other": p.other,
                "difference": _difference(p.difference, report.units),
                "pvalue": p.difference.pvalue,
            }
            for p in report.pairs
        ],
        "rules": [_culprit(report, c) for c in report.rules],
        "reasons": [_culprit(report, c) for c in report.reasons],
        "tree": _tree(report),
        "limits": [_load(report.asked.name, load) for load in report.incumbent_loads]
        + [_load(o.name, load) for o in report.proposed for load in o.loads],
        "plan": _plan(report, deciding),
        "checks": [finding_of(f) for f in report.findings],
        "experiment": _experiment(report),
        "provenance": provenance_of(report.provenance),
    }


def _experiment(report: BacktestReport) -> dict[str, Any]:
    asked = report.asked
    return {
        "title": report.presentation.title,
        "owner": report.presentation.owner,
        "incumbent": asked.name,
        "proposed": [o.name for o in report.proposed],
        "unit": asked.unit,
        "units": report.units,
        "rows": {"read": report.read, "usable": report.rows, "evaluated": report.evaluated},
        "outcomes": report.mode,
        "currency": asked.currency or None,
        "payoff": {key: e.text for key, e in asked.payoff.items()},
        "found_on": report.split or None,
        "found_until": report.cut and report.cut.isoformat(),
        "start": report.start and report.start.isoformat(),
        "end": report.end and report.end.isoformat(),
    }


def _difference(found: Paired, units: int) -> dict[str, Any]:
    return {"per_unit": interval_of(found.interval), "total": interval_of(scaled(found.interval, units))}


def _agreement(outcome: Outcome) -> dict[str, Any]:
    n = outcome.agreeing
    return {"share": None if n is None else n / outcome.rows, "units": n}


def _confusion(confusion: Confusion) -> dict[str, Any]:
    cells: dict[str, Any] = {name: {"units": c.units, "value": c.value} for name, c in confusion.cells.items()}
    value = math.fsum(c.value for c in confusion.cells.values()) if cells else None
    return {**cells, "acts": confusion.acts, "value": value, "value_per_row": confusion.mean}


def _thresholds(report: BacktestReport, curve: Curve) -> list[dict[str, Any]]:
    from abimpact.backtest.page import shown_points

    is_searched = report.outcome(curve.score).is_searched
    return [
        {
            "score": curve.score,
            "threshold": p.threshold,
            "units": p.acts,
            "share": p.share,
            "difference": {
                "per_unit": interval_of(p.per_unit),
                "total": interval_of(scaled(p.per_unit, report.evaluated)),
            },
            "found_per_unit": p.found,
            "without_limits": interval_of(p.unlimited),
            "needed": list(p.needed),
            "fits": p.fits,
            "best": is_searched and k == curve.best,
            "best_without_limits": is_searched and k == curve.best_unlimited,
        }
        for k, p in _kept(report, curve, {*shown_points(curve), *shown_points(curve, POINTS)})
    ]


def _kept(report: BacktestReport, curve: Curve, places: set[int]) -> list[tuple[int, Point]]:
    """The points written: those shown, and the threshold that was given."""
    given = report.outcome(curve.score).threshold
    return [(k, p) for k, p in enumerate(curve.points) if k in places or p.threshold == given]


def _outcome(report: BacktestReport, o: Outcome) -> dict[str, Any]:
    return {
        "name": o.name,
        "threshold": o.threshold,
        "threshold_found": o.is_searched,
        "difference": _difference(o.chosen, report.units),
        "agreement": _agreement(o),
        "chosen_method": o.chosen.method,
        "pvalue": o.chosen.pvalue,
        "estimates": [
            {"method": e.method, **_difference(e, report.units), "se": e.se, "pvalue": e.pvalue, "notes": list(e.notes)}
            for e in o.estimates
        ],
        "overlap": o.overlap and asdict(o.overlap),
        "wrong_labels": o.wrong_labels and _wrong(o.wrong_labels),
        "value": o.value and _value(report, o.value),
    }


def _wrong(found: WrongLabels) -> dict[str, Any]:
    return {
        name: {
            "totals": [
                {"share": share, "total": interval_of(total)} for share, total in zip(found.shares, totals, strict=True)
            ],
            "break_even": found.break_even[name],
        }
        for name, totals in found.totals.items()
    }


def _value(report: BacktestReport, worth: Value) -> dict[str, Any]:
    return {
        "currency": report.asked.currency,
        "annual": interval_of(worth.annual),
        "annual_net": interval_of(worth.annual_net),
        "npv": interval_of(worth.npv),
        "break_even": worth.break_even_absolute,
        "payback_months": worth.payback_months,
        "probability_pays": worth.probability_pays,
        "units_per_year": worth.units_per_year,
    }


def _culprit(report: BacktestReport, c: Culprit) -> dict[str, Any]:
    scale = None if report.days is None else words.DAYS_PER_MONTH / report.days
    return {
        "name": c.name,
        "proposed": report.choice.blamed,
        "units": c.rows,
        "disagreeing": c.disagreeing,
        "alone": c.alone,
        "stopped": {"wrongly": c.stopped_wrong, "rightly": c.stopped_right},
        "not_stopped": {"wrongly": c.missed, "rightly": c.alarmed},
        "difference": {
            "total": interval_of(c.total),
            "per_month": None if scale is None else interval_of(scaled(c.total, scale)),
        },
        "pvalue": c.pvalue,
        "pvalue_adjusted": c.pvalue_adjusted,
    }


def _tree(report: BacktestReport) -> dict[str, Any] | None:
    if report.tree is None:
        return None
    tree = report.tree.tree
    return {
        "ifs": list(tree.ifs),
        "sql": tree.log_sql,
        "columns": list(report.asked.tree_columns),
        "grown_on_rows": tree.rows,
        "share_of_gain": report.tree.share and {"of": report.tree.of, **interval_of(report.tree.share)},
    }


def _load(name: str, load: Load) -> dict[str, Any]:
    return {
        "name": load.limit.name,
        "variant": name,
        "days": load.limit.days,
        "at_most": load.limit.at_most,
        "needed": load.average,
        "peak": load.peak,
        "peak_day": load.peak_day.isoformat(),
        "exceeded": load.is_exceeded,
        "periods": load.periods,
        "periods_over": load.periods_over,
    }


def _plan(report: BacktestReport, outcome: Outcome) -> dict[str, Any] | None:
    """What a test of this difference needs."""
    size = size_of(report)
    if size is None:
        return None
    return {
        "effect": interval_of(size.effect),
        "incumbent": {"mean": size.incumbent[0], "variance": size.incumbent[1]},
        "proposed": {"mean": size.proposed[0], "variance": size.proposed[1]},
        "sd": size.sd,
        "difference_variance": None if outcome.chosen.se is None else outcome.chosen.se**2 * report.units,
        "units_per_day": None if report.days is None else report.units / report.days,
        "power": POWER,
        "units_per_arm": size.units_per_arm,
        "units_per_arm_at_low": size.units_per_arm_at_low,
    }
