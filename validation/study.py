#!/usr/bin/env python3
"""The simulation study behind docs/validation.md: every method in every regime, through the code that users run.

`python validation/study.py` runs it (some 15 minutes of one core), keeps the numbers in validation/study.json and
writes docs/validation.md with its pictures; `--page` only writes the page from the numbers kept. The sums of each
repetition are drawn in blocks, and every repetition is then estimated by `abimpact.estimate.table.estimate`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from intervals import as_table, compare_rules, measure_all
from others import looks, margins, quantiles, resampled, whole_logs
from page import pictures, write
from regimes import Regime, all_regimes

REPETITIONS, SEED = 10_000, 20261125
HERE = Path(__file__).parent
DOCS, KEPT = HERE.parent / "docs", HERE / "study.json"


def run(repetitions: int, regimes: list[Regime] | None = None) -> dict[str, Any]:
    """Everything, or some regimes alone, with so many repetitions."""
    started = time.monotonic()

    def told(what: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {what}", file=sys.stderr)

    found: dict[str, Any] = {
        "repetitions": repetitions,
        "seed": SEED,
        "regimes": as_table(measure_all(regimes or all_regimes(), repetitions, SEED, told)),
    }
    if regimes is None:
        told("rules for skewed means")
        found["rules"] = rules(repetitions)
        for name, study, part in (
            ("margins", margins, 1.0),
            ("quantiles", quantiles, 0.4),
            ("resampled", resampled, 0.05),
            ("looks", looks, 0.1),
            ("whole_logs", whole_logs, 0.01),
        ):
            told(name)
            found[name] = study(round(repetitions * part), SEED)
    told("done")
    return found


def rules(repetitions: int) -> list[dict[str, Any]]:
    """What each rule for skewed means misses and how wide it is, by group of regimes in which the flag is up."""
    rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for regime in all_regimes():
        if "tail" in regime.shape and regime.split != "50:50":
            for name, told in compare_rules(regime, repetitions, SEED).items():
                rows.setdefault((name, regime.group), []).append(told)
    return [
        {
            "rule": name,
            "group": group,
            "regimes": len(told),
            "mean_misses": round(sum(m for m, _ in told) / len(told), 5),
            "most_misses": round(max(m for m, _ in told), 5),
            "mean_width": round(sum(w for _, w in told) / len(told), 4),
            "most_width": round(max(w for _, w in told), 4),
        }
        for (name, group), told in rows.items()
    ]


if __name__ == "__main__":
    if "--page" not in sys.argv[1:]:
        KEPT.write_text(json.dumps(run(REPETITIONS), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    target = DOCS / "validation.md"
    target.write_text(write(target.read_text(encoding="utf-8"), kept), encoding="utf-8")
    pictures(kept, DOCS)
