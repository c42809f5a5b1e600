"""Money in words: what a variant is worth, what it costs, and what was assumed. Plain text for every format."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from abimpact.decide.report import MetricResult, Report
from abimpact.decide.value import MORE, Contrast, MoreData, Value
from abimpact.estimate.estimate import Interval
from abimpact.render import numbers, phrases
from abimpact.render.numbers import plain
from abimpact.spec.value import ValueTerms

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The money of one variant: two `lines` for ten seconds, then `rows`, `costs` and `assumptions` by label.

    `steps` lead from what the effect earns over the horizon to the net value. `sensitivity` is a table of net values:
    the first row has the headings, the others start with a volume.
    """

    lines: tuple[str, str]
    rows: tuple[Pair, ...]
    costs: tuple[Pair, ...]
    steps: tuple[Pair, ...]
    assumptions: tuple[Pair, ...]
    sensitivity: tuple[tuple[str, ...], ...]


def money(report: Report, worth: Value) -> Money:
    """What `worth` says."""
    terms = report.terms
    assert terms is not None
    currency = terms.currency
    net = f"{_interval(worth.annual_net, currency)} a year net"
    years = f"{plain(terms.horizon_years)}-year value"
    chance = f"pays with {chance_of(worth.probability_pays)} probability"
    return Money(
        lines=(
            f"{net} · {chance}",
            f"{breaks_even(report, worth)} · {years} {_interval(worth.npv, currency)}",
        ),
        rows=_rows(report, worth, terms),
        costs=_costs(worth, currency),
        steps=tuple(
            (label, numbers.money(x, currency)) for label, x in (*steps_of(worth), ("net", worth.npv.estimate or 0.0))
        ),
        assumptions=assumptions(terms, worth),
        sensitivity=_sensitivity(worth, currency),
    )


def steps_of(worth: Value) -> list[tuple[str, float]]:
    """What the effect earns over the horizon, discounted, and what each cost takes away."""
    return [("earned", worth.gross), *((cost_label(key), -amount) for key, amount in worth.spent.items() if amount)]


def breaks_even(report: Report, worth: Value) -> str:
    """The effect at which nothing is gained or lost."""
    if worth.break_even_absolute == 0:
        return "it costs nothing, so any gain pays"
    return f"break-even at {break_even(report, worth)}"


def break_even(report: Report, worth: Value) -> str:
    """The effect that pays for itself: a lift, or an amount where no lift can be given."""
    if worth.break_even_relative is not None:
        return numbers.signed(worth.break_even_relative, numbers.PERCENT)
    result = _result(report, worth)
    return numbers.signed(worth.break_even_absolute, numbers.difference_unit(result.metric.kind))


def chance_of(p: float) -> str:
    """A probability as a percentage that is never rounded to certainty."""
    return "over 99 %" if p > 0.99 else "under 1 %" if p < 0.01 else f"{p * 100:.0f} %"


def months(worth: Value) -> str:
    """When the variant has paid for being built."""
    found = worth.payback_months
    if found is None:
        return "never"
    if found < 1:
        return "less than a month" if found else "at once"
    n = math.ceil(found)
    return f"{n} month{'' if n == 1 else 's'}"


def another(worth: Value) -> MoreData:
    """What one more period like this one would tell."""
    return worth.more[MORE.index(1.0)]


def contrast(found: Contrast, currency: str) -> str:
    """Two proposed variants held against each other."""
    names, npv, better = (found.proposed, found.other), found.npv, found.probability_better
    if (npv.estimate or 0.0) < 0:
        names, better = names[::-1], 1 - better
        npv = replace(npv, estimate=_minus(npv.estimate), low=_minus(npv.high), high=_minus(npv.low))
    one, other = map(phrases.name, names)
    return (
        f"{one} is worth {_interval(npv, currency)} more than {other}; "
        f"it is the better one with {chance_of(better)} probability."
    )


def _minus(x: float | None) -> float | None:
    return None if x is None else -x


def assumptions(terms: ValueTerms, worth: Value) -> tuple[Pair, ...]:
    """What the money rests on besides the effect, and who said so."""

    def given(key: str) -> str:
        return "default" if key in terms.assumed else "given"

    volume = f"{numbers.count(round(worth.units_per_year))} units a year"
    if terms.units_per_year is None:
        share = f"{plain(terms.traffic_share * 100)} %"
        volume += (
            f" (from the log: units per day of all its variants × 365, the test having {share} of the traffic, "
            f"{given('traffic_share')})"
        )
    else:
        volume += " (given)"
    discount = f"{plain(terms.discount_rate * 100)} % a year ({given('discount_rate')})"
    half = terms.advantage_half_life
    lasting = f"halves every {plain(half)} years (given)" if half else "stays as it is over the horizon (assumed)"
    prior = terms.prior
    if prior is None:
        believed = "none: the estimate is not shrunk, and selected winners overstate"
    else:
        unit = f"{plain(prior.sd * 100)} % lift" if prior.is_relative else plain(prior.sd)
        believed = (
            f"effects around {plain(prior.mean)} with standard deviation {unit} (given); "
            f"the data weigh {worth.weight:.0%}"
        )
    return (
        ("volume", volume),
        (
            "worth",
            f"{plain(terms.worth)} {terms.currency} for each unit of {phrases.name(terms.metric)} ({given('worth')})",
        ),
        ("horizon", f"{plain(terms.horizon_years)} years ({given('horizon_years')})"),
        ("discount", discount),
        ("advantage", lasting),
        ("prior", believed.replace("%", " %").replace("  %", " %")),
        (
            "transfer",
            "those who get it after roll-out are like those in the test, and do not influence each other (assumed)",
        ),
    )


def _rows(report: Report, worth: Value, terms: ValueTerms) -> tuple[Pair, ...]:
    currency = terms.currency
    rows = [
        ("a year, before costs", _interval(worth.annual, currency)),
        ("a year, net", _interval(worth.annual_net, currency)),
        (f"{plain(terms.horizon_years)}-year value", _interval(worth.npv, currency)),
    ]
    if worth.resampled:
        rows.append((f"{plain(terms.horizon_years)}-year value, resampled", _interval(worth.resampled, currency)))
    rows += [
        ("break-even", break_even(report, worth)),
        ("pays back in", months(worth)),
        ("pays with probability", chance_of(worth.probability_pays)),
        ("expected loss if shipped", numbers.money(worth.loss_if_ship, currency)),
        ("expected loss if kept", numbers.money(worth.loss_if_keep, currency)),
    ]
    if worth.probability_best is not None:
        rows.append(("the best choice with probability", chance_of(worth.probability_best)))
    rows += [
        (
            f"{numbers.count(more.more_units)} more units",
            f"worth {numbers.money(more.worth, currency)}, cost {numbers.money(more.cost, currency)}",
        )
        for more in worth.more
    ]
    return tuple(rows)


def _costs(worth: Value, currency: str) -> tuple[Pair, ...]:
    costs = worth.costs
    rows = [(cost_label(key), f"{numbers.money(x, currency)} once") for key, x in costs.once.items()]
    rows += [(cost_label(key), f"{numbers.money(x, currency)} a year") for key, x in costs.per_year.items()]
    if costs.varying:
        rows.append(("each unit", f"{costs.varying.text} (as logged)"))
    elif costs.per_unit:
        a_year = numbers.money(costs.per_unit * worth.units_per_year, currency)
        rows.append(("each unit", f"{plain(costs.per_unit)} {currency}, {a_year} a year"))
    return tuple(rows)


def cost_label(key: str) -> str:
    """A cost's key as words: `run_cost_per_year` is run."""
    if key == "cost_per_unit":
        return "each unit"
    return key.removesuffix("_per_year").removesuffix("_cost").replace("_", " ")


def _sensitivity(worth: Value, currency: str) -> tuple[tuple[str, ...], ...]:
    volumes = list(dict.fromkeys(s.units_per_year for s in worth.sensitivity))
    effects = list(dict.fromkeys(s.effect for s in worth.sensitivity))
    lifts = {s.effect: s.lift for s in worth.sensitivity}
    net = {(s.units_per_year, s.effect): s.npv for s in worth.sensitivity}
    heads = [numbers.signed(e if (lift := lifts[e]) is None else lift, _unit(lift)) for e in effects]
    return (
        ("units a year", *heads),
        *((numbers.count(round(v)), *(numbers.money(net[v, e], currency) for e in effects)) for v in volumes),
    )


def _unit(lift: float | None) -> numbers.Unit:
    return numbers.PLAIN if lift is None else numbers.PERCENT


def _interval(interval: Interval, currency: str) -> str:
    """For example `312 k€ (84 to 540 k€)`."""
    estimate, low, high = interval.estimate, interval.low, interval.high
    assert estimate is not None
    assert low is not None
    assert high is not None
    return f"{numbers.money(estimate, currency)} ({numbers.money_range(low, high, currency)})"


def _result(report: Report, worth: Value) -> MetricResult:
    return next(m for m in report.metrics if m.metric.name == worth.metric and m.proposed.variant == worth.proposed)


def ranking(values: Sequence[Value]) -> list[Value]:
    """The highest net value first."""
    return sorted(values, key=lambda v: -(v.npv.estimate or 0.0))
