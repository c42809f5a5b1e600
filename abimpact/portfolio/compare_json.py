"""A comparison of two runs as `compare.json`, and as a flat table."""

from dataclasses import asdict
from typing import Any

from abimpact.estimate.estimate import Interval
from abimpact.portfolio.compare import Comparison, MetricChange
from abimpact.portfolio.compare_page import headline, variants
from abimpact.portfolio.runs import SAID
from abimpact.portfolio.stored import Stored, StoredValue

SCHEMA = "abimpact/compare/1"


def to_dict(found: Comparison) -> dict[str, Any]:
    """The comparison as plain dicts, lists, strings and numbers."""
    return {
        "schema": SCHEMA,
        "headline": headline(found),
        "old": _run(found.old),
        "new": _run(found.new),
        "verdict": {
            "changed": found.is_verdict_changed,
            "old": f"{found.old.verdict.code}/{found.old.verdict.reason}",
            "new": f"{found.new.verdict.code}/{found.new.verdict.reason}",
        },
        "data": {
            "relation": found.relation.value,
            "message": SAID[found.relation],
            "sources": [
                {
                    "path": s.path,
                    "change": s.change,
                    "old": s.old and asdict(s.old),
                    "new": s.new and asdict(s.new),
                }
                for s in found.sources
            ],
            "units": {
                name: {"old": found.old.experiment.units.get(name), "new": found.new.experiment.units.get(name)}
                for name in variants(found)
            },
            "period": {"old": _period(found.old), "new": _period(found.new)},
        },
        "config": [asdict(c) for c in found.config],
        "software": [asdict(c) for c in found.software],
        "metrics": [_metric(m) for m in found.metrics],
        "checks": [
            {"code": c.code, "metric": c.metric, "old": c.old and c.old.value, "new": c.new and c.new.value}
            for c in found.checks
        ],
        "values": [_value(old, new) for old, new in found.values],
    }


def _run(run: Stored) -> dict[str, Any]:
    return {
        "path": run.path,
        "title": run.experiment.title,
        "created": run.provenance.created,
        "abimpact": run.provenance.abimpact,
        "verdict": {"code": run.verdict.code, "reason": run.verdict.reason, "proposed": run.verdict.proposed},
    }


def _period(run: Stored) -> dict[str, str | None]:
    start, end = run.experiment.start, run.experiment.end
    return {"start": start.isoformat() if start else None, "end": end.isoformat() if end else None}


def _metric(m: MetricChange) -> dict[str, Any]:
    return {
        "name": m.name,
        "role": m.role,
        "kind": m.kind,
        "proposed": m.proposed,
        "scale": m.scale,
        "old": m.old and _interval(m.old),
        "new": m.new and _interval(m.new),
        "old_method": m.methods[0],
        "new_method": m.methods[1],
        "change": m.change,
        "spread": None if m.most is None else {"least": m.least, "most": m.most},
        "status": m.status.value,
        "outside_chance": m.outside_chance,
    }


def _interval(found: Interval) -> dict[str, Any]:
    return {"estimate": found.estimate, "low": found.low, "high": found.high, "level": found.level}


def _value(old: StoredValue | None, new: StoredValue | None) -> dict[str, Any]:
    known = new or old
    assert known is not None
    return {
        "proposed": known.proposed,
        "currency": {"old": old and old.currency, "new": new and new.currency},
        **{
            key: {side: run and _interval(getattr(run, key)) for side, run in (("old", old), ("new", new))}
            for key in ("annual", "annual_net", "npv")
        },
        "probability_pays": {"old": old and old.probability_pays, "new": new and new.probability_pays},
    }


def rows(found: Comparison) -> list[dict[str, Any]]:
    """A flat row for each metric."""
    flat = []
    for told in map(_metric, found.metrics):
        ends = {
            f"{side}_{end}": told[side] and told[side][end]
            for side in ("old", "new")
            for end in ("estimate", "low", "high")
        }
        kept = {
            k: v for k, v in told.items() if k not in ("old", "new", "spread", "change", "status", "outside_chance")
        }
        flat.append({**kept, **ends, **{k: told[k] for k in ("change", "status", "outside_chance")}})
    return flat
