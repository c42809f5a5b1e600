"""The money of a plan: which length of test earns most, and which effect pays for itself."""

import math
from dataclasses import replace

from abimpact.decide.money import value
from abimpact.decide.testing import Prospect, Trials, before_test, prospect
from abimpact.decide.value import Effect
from abimpact.decide.worth import units_per_year
from abimpact.plan.goals import Designer
from abimpact.plan.values import Change, Seen
from abimpact.spec.metric import Better

WEEK = 7
# Tests longer than this are not looked at for their money.
LONGEST = 2 * 365


def money_of(d: Designer) -> Prospect | None:
    """The tests of whole weeks by their expected net value, for the first proposed variant; None without a prior."""
    terms, seen = d.known.terms, None
    if terms is not None:
        name = terms.costs_of(d.variants[1]).metric
        seen = next((k for k in d.known.kpis if k.metric.name == name), None)
    if terms is None or seen is None or d.daily is None:
        return None
    a_year = _volume(d)
    worth = before_test(terms, d.variants[1], seen.baseline, _sign(seen), a_year, d.request.level) if a_year else None
    if worth is None:
        return None
    parts = math.fsum(d.split)
    share = d.split[1] / parts * d.terms.traffic_share
    variance = seen.adjusted_sd**2 * (parts / d.split[0] + parts / d.split[1])
    trials = Trials(units_per_day=d.daily, share=share, variance=variance)
    longest = min(LONGEST, int(terms.horizon_years * 365 / 2))
    return prospect(worth, terms, trials, range(WEEK, max(longest, WEEK) + 1, WEEK))


def _volume(d: Designer) -> float | None:
    """Units a year: as declared, or those of a day times 365."""
    terms = d.known.terms
    if terms is None:
        return None
    if terms.units_per_year is not None:
        return terms.units_per_year
    return units_per_year(terms, round(d.known.daily_units * WEEK), WEEK) if d.known.daily_units else None


def break_even_of(d: Designer) -> Change | None:
    """The effect on the first primary KPI that pays for itself, where it is the one that is money."""
    terms, volume, seen = d.known.terms, _volume(d), d.known.kpis[0]
    if terms is None or volume is None or terms.costs_of(d.variants[1]).metric != seen.metric.name:
        return None
    effect = Effect(estimate=0.0, se=1.0, incumbent=seen.baseline or None, sign=_sign(seen))
    worth = value(effect, replace(terms, prior=None), d.variants[1], volume, d.request.level)
    return Change(absolute=worth.break_even_absolute, relative=worth.break_even_relative)


def _sign(seen: Seen) -> int:
    return 1 if seen.metric.better is Better.HIGHER else -1
