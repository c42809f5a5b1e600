"""The wording of verdicts that money decides; `words` says which of these sentences is asked for."""

from abimpact.decide.decision import Decision
from abimpact.decide.report import Report
from abimpact.decide.value import Value
from abimpact.render import money, numbers, phrases


def pays(report: Report, decision: Decision) -> str:
    """It pays, and when."""
    proposed, incumbent, worth = (
        phrases.name(decision.proposed),
        phrases.name(report.incumbent),
        _worth(report, decision),
    )
    return f"{proposed} earns more than {incumbent}: {moves(report, decision)}; {_pays_back(worth)}."


def expected_value(report: Report, decision: Decision) -> str:
    """It pays more likely than not."""
    worth, proposed = _worth(report, decision), phrases.name(decision.proposed)
    return (
        f"{proposed} pays more likely than not ({money.chance_of(worth.probability_pays)}): "
        f"{moves(report, decision)}, expected net value {_npv(report, worth)}; {_no_more(report, worth)}."
    )


def does_not_pay(report: Report, decision: Decision) -> str:
    """What it brings, and what it would need."""
    worth, proposed = _worth(report, decision), phrases.name(decision.proposed)
    chance = f"probability that it pays: {money.chance_of(worth.probability_pays)}"
    if worth.break_even_absolute == 0:
        return f"{phrases.keep(report)}: {proposed} does not earn more, {moves(report, decision)} ({chance})."
    needs = f"but needs {money.break_even(report, worth)} to pay for itself"
    return f"{phrases.keep(report)}: {proposed} brings {moves(report, decision)}, {needs} ({chance})."


def not_worth_testing(report: Report, decision: Decision) -> str:
    """It is not expected to pay."""
    worth, proposed = _worth(report, decision), phrases.name(decision.proposed)
    return (
        f"{phrases.keep(report)}: {proposed} is not expected to pay ({money.chance_of(worth.probability_pays)}; "
        f"{moves(report, decision)}, and it needs {money.break_even(report, worth)}); {_no_more(report, worth)}."
    )


def more_is_worth(report: Report, decision: Decision) -> str:
    """What another period is worth, and what it costs."""
    worth, currency = _worth(report, decision), _currency(report)
    more = money.another(worth)
    return (
        f"Not decided: {moves(report, decision)}, and {phrases.name(decision.proposed)} pays with "
        f"{money.chance_of(worth.probability_pays)} probability. {_another(report, more.more_units)} would be worth "
        f"{numbers.money(more.worth, currency)} and cost {numbers.money(more.cost, currency)}."
    )


def simpler(report: Report, decision: Decision) -> str:
    """Why the simpler variant stands."""
    simpler = phrases.name(decision.data("simplicity")["simpler"])
    return f"Keep {simpler}, the simpler one: {against_simpler(report, decision)}"


def against_simpler(report: Report, decision: Decision) -> str:
    """How a variant compares in money with the simpler one that stands."""
    pair = {decision.proposed, decision.data("simplicity")["simpler"]}
    found = next(c for c in report.contrasts if {c.proposed, c.other} == pair)
    return money.contrast(found, _currency(report))


def value(report: Report, decision: Decision) -> str:
    """The chance that it pays, and what is expected."""
    worth = _worth(report, decision)
    net = f"{phrases.name(decision.proposed)} pays with {money.chance_of(worth.probability_pays)} probability"
    return f"{net}; expected net value {_npv(report, worth)}; {money.breaks_even(report, worth)}."


def moves(report: Report, decision: Decision) -> str:
    """The effect on the money metric: `profit per user +4.2 % (+1.8 % to +6.7 %)`."""
    return phrases.described(report, decision, [_worth(report, decision).metric])


def _pays_back(worth: Value) -> str:
    found = money.months(worth)
    return "it pays from the first day" if found == "at once" else f"it pays its costs in {found}"


def _another(report: Report, units: int) -> str:
    if report.start and report.end:
        days = (report.end - report.start).days + 1
        return f"Another {days} day{'' if days == 1 else 's'} like these"
    return f"Another {numbers.count(units)} units"


def _no_more(report: Report, worth: Value) -> str:
    """Why the decision is taken now."""
    if not worth.more:
        return "the test has ended"
    more, currency = money.another(worth), _currency(report)
    if more.worth > more.cost:
        return "the test has ended"
    another = _another(report, more.more_units)
    return (
        f"{another[0].lower()}{another[1:]} would cost {numbers.money(more.cost, currency)} "
        f"and be worth {numbers.money(more.worth, currency)}"
    )


def _npv(report: Report, worth: Value) -> str:
    low, high = worth.npv.low or 0.0, worth.npv.high or 0.0
    currency = _currency(report)
    return f"{numbers.money(worth.npv.estimate or 0.0, currency)} ({numbers.money_range(low, high, currency)})"


def _worth(report: Report, decision: Decision) -> Value:
    worth = report.value_of(decision.proposed)
    assert worth is not None
    return worth


def _currency(report: Report) -> str:
    assert report.terms is not None
    return report.terms.currency
