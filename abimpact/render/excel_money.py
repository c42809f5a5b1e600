"""The money sheet: inputs that may be changed, and formulas that follow them (docs/money.md)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from abimpact.decide.money import annuity, fading_annuity
from abimpact.decide.report import MetricResult, Report
from abimpact.decide.value import Value
from abimpact.estimate.estimate import Interval
from abimpact.render import phrases
from abimpact.render.escape import visible
from abimpact.render.workbook import Cell, Formula, Number
from abimpact.spec.metric import Better
from abimpact.spec.value import ValueTerms

_KINDS = {"once": "once", "per_year": "a year"}


@dataclass(frozen=True, slots=True)
class _Line:
    """One row: `fill` makes the cell of one variant; a formula names other rows by their `key`, in braces."""

    key: str
    label: str
    fill: Callable[[Value], Cell] = lambda _: None


def money_rows(report: Report) -> tuple[list[str], list[list[Cell]]]:
    """Heads and rows of the sheet: a column of inputs and results for each proposed variant that was valued."""
    assert report.terms is not None
    lines = [*_inputs(report, report.terms), *_costs(report, report.terms), *_results(report, report.terms)]
    places = {line.key: row for row, line in enumerate(lines, start=2)}
    rows: list[list[Cell]] = [[line.label] for line in lines]
    for i, value in enumerate(report.values, start=1):
        cells = {key: f"{_letters(i)}{row}" for key, row in places.items()}
        for row, line in zip(rows, lines, strict=True):
            cell = line.fill(value)
            row.append(cell.located(cells) if isinstance(cell, Formula) else cell)
    return ["Money", *(phrases.name(v.proposed) for v in report.values)], rows


def _inputs(report: Report, terms: ValueTerms) -> Iterator[_Line]:
    yield _Line("", "Inputs (change them: the results follow)")
    yield _Line("", "effect on", lambda v: v.metric)
    yield _given("mean", "effect per unit (positive: better)", lambda v: v.mean)
    yield _given("sd", "its standard deviation", lambda v: v.sd)
    yield _given("level", "level of the intervals", lambda v: v.npv.level, "0.##%")
    yield _given("incumbent", "value with the incumbent", lambda v: _result(report, v).incumbent.value)
    yield _given("sign", "1 if higher is better, -1 if lower", lambda v: _sign(report, v))
    yield _given("worth", f"{terms.currency} for each unit of effect", lambda v: 1 if v.costs.varying else terms.worth)
    yield _given("units", "units a year", lambda v: v.units_per_year, "#,##0")
    yield _given("horizon", "horizon in years", lambda _: terms.horizon_years)
    yield _given("rate", "discount rate a year", lambda _: terms.discount_rate, "0.0##%")


def _costs(report: Report, terms: ValueTerms) -> Iterator[_Line]:
    """One row for each item that any variant has; an item that a variant lacks costs it nothing."""
    for kind, when in _KINDS.items():
        for i, item in enumerate(_items(report, kind)):
            label = f"{item.removesuffix('_per_year').removesuffix('_cost').replace('_', ' ')}, {when}"
            yield _given(f"{kind}_{i}", label, partial(_amount, kind, item), _money(terms))
    yield _given("each", "each unit", lambda v: v.costs.per_unit)


def _results(report: Report, terms: ValueTerms) -> Iterator[_Line]:
    money, plain, months, share = _money(terms), "#,##0.0000", "#,##0.0", "0.0%"
    fading = fading_annuity(terms.horizon_years, terms.discount_rate, terms.advantage_half_life)
    years = annuity(terms.horizon_years, terms.discount_rate)
    once, per_year = ("+".join(f"{{{kind}_{i}}}" for i in range(len(_items(report, kind)))) for kind in _KINDS)
    yield _Line("", "Results (formulas)")
    yield _made("years", "discounted years", "=IF({rate}=0,{horizon},(1-(1+{rate})^(-{horizon}))/{rate})", years, plain)
    if terms.advantage_half_life is None:
        yield _made("fading", "discounted years of the advantage", "={years}", fading, plain)
    else:
        half = f"{terms.advantage_half_life:g}"
        yield _given("fading", f"discounted years of an advantage that halves in {half} years", lambda _: fading, plain)
    yield _made("spent", "costs once", f"={once}", lambda v: math.fsum(v.costs.once.values()), money)
    yield _made("running", "costs a year", f"={per_year}+{{each}}*{{units}}", _running, money)
    yield _made("fixed", "discounted costs", "={spent}+{years}*{running}", lambda v: v.fixed, money)
    yield _made("gain", "a year, for one unit of effect", "={units}*{worth}", lambda v: v.per_effect / fading, money)
    yield from _interval("a year, before costs", "{gain}", "0", lambda v: v.annual, money)
    yield from _interval("a year, net", "{gain}", "{running}", lambda v: v.annual_net, money)
    horizon = f"{terms.horizon_years:g}-year value"
    yield from _interval(horizon, "({gain}*{fading})", "{fixed}", lambda v: v.npv, money)
    effect = "={sign}*{fixed}/({gain}*{fading})"
    yield _made("even", "break-even effect", effect, lambda v: v.break_even_absolute, plain)
    lift = '=IF({incumbent}=0,"",{even}/ABS({incumbent}))'
    yield _made("", "break-even lift", lift, lambda v: v.break_even_relative, "+0.00%;-0.00%;0%")
    net = "({gain}*{mean}-{running})"
    pays_back = f'=IF({net}>0,12*{{spent}}/{net},"never")'
    yield _made("", "pays back in months", pays_back, _payback, months)
    yield _made("u", "standard deviations above break-even", "=({mean}-{sign}*{even})/{sd}", _above, plain)
    yield _made("", "pays with probability", "=NORMSDIST({u})", lambda v: v.probability_pays, share)
    yield _made("", "expected loss if shipped", _loss("-"), lambda v: v.loss_if_ship, money)
    yield _made("", "expected loss if kept", _loss(""), lambda v: v.loss_if_keep, money)


def _loss(side: str) -> str:
    """The unit normal loss in money: K sd (phi(u) ± u Phi(±u)), `side` being the sign of u."""
    density = "EXP(-{u}*{u}/2)/SQRT(2*PI())"
    return f"={{gain}}*{{fading}}*{{sd}}*MAX({density}+({side}{{u}})*NORMSDIST({side}{{u}}),0)"


def _interval(label: str, scale: str, less: str, get: Callable[[Value], Interval], style: str) -> Iterator[_Line]:
    """Estimate, low and high of an amount that is normal because the effect is."""
    spread = "NORMSINV(0.5+{level}/2)*{sd}"
    for end, effect in (("estimate", "{mean}"), ("low", f"({{mean}}-{spread})"), ("high", f"({{mean}}+{spread})")):
        told = label if end == "estimate" else f"{label}: {end}"
        yield _made("", told, f"={scale}*{effect}-{less}", partial(_end, get, end), style)


def _given(key: str, label: str, get: Callable[[Value], float | None], style: str = "General") -> _Line:
    return _Line(key, label, lambda v: Number(get(v), style, is_input=True))


def _made(key: str, label: str, formula: str, now: float | Callable[[Value], float | str | None], style: str) -> _Line:
    return _Line(key, label, lambda v: Formula(formula, now(v) if callable(now) else now, style))


def _items(report: Report, kind: str) -> list[str]:
    return list(dict.fromkeys(item for v in report.values for item in getattr(v.costs, kind)))


def _amount(kind: str, item: str, value: Value) -> float:
    return float(getattr(value.costs, kind).get(item, 0.0))


def _running(value: Value) -> float:
    return math.fsum(value.costs.per_year.values()) + value.costs.per_unit * value.units_per_year


def _end(get: Callable[[Value], Interval], end: str, value: Value) -> float | None:
    found: float | None = getattr(get(value), end)
    return found


def _payback(value: Value) -> float | str:
    return "never" if value.payback_months is None else value.payback_months


def _above(value: Value) -> float:
    return (value.mean - value.fixed / value.per_effect) / value.sd


def _result(report: Report, value: Value) -> MetricResult:
    return next(m for m in report.metrics if (m.metric.name, m.proposed.variant) == (value.metric, value.proposed))


def _sign(report: Report, value: Value) -> int:
    return 1 if _result(report, value).metric.better is Better.HIGHER else -1


def _money(terms: ValueTerms) -> str:
    """A number format with the currency; a quote would end the text in it."""
    return f'#,##0.00 "{visible(terms.currency).replace(chr(34), "")}"'


def _letters(column: int) -> str:
    """A column's name: 1 is B."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))
