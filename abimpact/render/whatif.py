"""What a reader may change in the page: the numbers that the money follows from, and what follows."""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scipy.special import ndtri

from abimpact.decide.report import Report
from abimpact.decide.value import Value
from abimpact.render import numbers
from abimpact.render.money import cost_label
from abimpact.render.numbers import plain
from abimpact.spec.metric import Better

_SCRIPT = Path(__file__).parent / "templates" / "whatif.js"


@dataclass(frozen=True, slots=True)
class Field:
    """One input: its key, what it is called, and its value as a number of JavaScript."""

    key: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """One variant's inputs; `numbers` is the JSON that the script reads, `results` the rows that it fills in."""

    fields: tuple[Field, ...]
    results: tuple[tuple[str, str], ...]
    numbers: str


def whatif(report: Report, proposed: str) -> WhatIf | None:
    """The inputs for a proposed variant; None without money, or where each unit's cost is part of the effect."""
    worth, terms = report.value_of(proposed), report.terms
    if worth is None or terms is None or worth.costs.varying is not None:
        return None
    costs, years = worth.costs, plain(terms.horizon_years)
    fields = [
        Field("units_per_year", "units a year", _typed(worth.units_per_year)),
        Field("worth", f"worth of one, {terms.currency}", _typed(terms.worth)),
        *(Field(f"once.{key}", f"{cost_label(key)}, once", _typed(x)) for key, x in costs.once.items()),
        *(Field(f"per_year.{key}", f"{cost_label(key)}, a year", _typed(x)) for key, x in costs.per_year.items()),
        Field("cost_per_unit", "each unit", _typed(costs.per_unit)),
        Field("horizon_years", "years", _typed(terms.horizon_years)),
        Field("discount_rate", "discount rate", _typed(terms.discount_rate)),
    ]
    return WhatIf(
        fields=tuple(fields),
        results=(
            ("a year, before costs", "annual"),
            ("a year, net", "annual_net"),
            ("value over all years", "npv"),
            ("break-even", "break_even"),
            ("pays back in", "payback"),
            ("pays with probability", "pays"),
        ),
        numbers=json.dumps(_given(report, worth) | {"years": years}),
    )


def _typed(x: float) -> str:
    """A number as people type it."""
    return f"{x:.15g}"


def _given(report: Report, worth: Value) -> dict[str, object]:
    """What the script needs beside the inputs: the effect after the test, and how numbers are written."""
    terms = report.terms
    assert terms is not None
    result = next(m for m in report.metrics if m.metric.name == worth.metric and m.proposed.variant == worth.proposed)
    is_lift, scale = worth.break_even_relative is not None, 1.0
    if worth.break_even_relative is not None:
        # One over the incumbent's value, which a cost of nothing does not tell.
        known = worth.break_even_absolute and worth.break_even_relative / worth.break_even_absolute
        scale = known or 1 / abs(result.incumbent.value or 1.0)
    unit = numbers.PERCENT if is_lift else numbers.difference_unit(result.metric.kind)
    decimal, group = numbers.marks()
    return {
        "mean": worth.mean,
        "sd": worth.sd,
        "z": float(ndtri(0.5 + report.level / 2)),
        "half_life": terms.advantage_half_life,
        "sign": 1 if result.metric.better is Better.HIGHER else -1,
        "scale": scale,
        "factor": unit.factor,
        "suffix": unit.suffix,
        "coin": numbers.coin_of(terms.currency),
        "decimal": decimal,
        "group": group,
    }


@cache
def script() -> str:
    """The script itself: the same for every page, so that its digest can be allowed and nothing else."""
    return _SCRIPT.read_text(encoding="utf-8")


def script_hash() -> str:
    """The script's digest as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
