"""What a backtest says in sentences. Text is plain; formats escape it."""

from abimpact.backtest.curve import Point
from abimpact.backtest.gains import Mode
from abimpact.backtest.recommend import difference
from abimpact.backtest.result import BacktestReport, Culprit, Outcome
from abimpact.estimate.estimate import Interval
from abimpact.findings import Severity
from abimpact.render import numbers, phrases
from abimpact.render.numbers import PERCENT
from abimpact.spec.backtest import TREE

WORD = {"test": "TEST IT", "keep": "KEEP", "invalid": "INVALID"}
TONE = {"test": "ship", "keep": "keep", "invalid": "invalid"}
REPLAY = "A backtest replays decisions on what happened; what people would have done differently, only a test can show."
DAYS_PER_MONTH = 365 / 12
# Amounts below it are written with two digits: a cent is money's smallest, other payoffs may be small.
CENT, SMALL = 0.01, 0.1


def amount(report: BacktestReport, x: float) -> str:
    """Money as people round it, with the payoff's currency if there is one; small amounts keep two digits."""
    coin = report.asked.currency
    if 0 < abs(x) < (CENT if coin else SMALL):
        return f"{_small(x, abs(x))} {numbers.money(0.0, coin).removeprefix('0').strip()}".strip()
    return numbers.money(x, coin).strip()


def extent(report: BacktestReport, interval: Interval) -> str:
    """The limits of an amount: `8.1 to 16.4 k€`."""
    low, high, coin = interval.low, interval.high, report.asked.currency
    if low is None or high is None:
        return numbers.NONE if interval.estimate is None else "no limits"
    if 0 < (size := max(abs(low), abs(high))) < (CENT if coin else SMALL):
        unit = numbers.money(0.0, coin).removeprefix("0").strip()
        return f"{_small(low, size)} to {_small(high, size)} {unit}".strip()
    return numbers.money_range(low, high, coin).strip()


def _small(x: float, size: float) -> str:
    return numbers.fixed(x, numbers.places(size, 2)).lstrip("+")


def total_of(report: BacktestReport, outcome: Outcome) -> Interval:
    """The difference over all evaluated units."""
    from abimpact.estimate.paired import scaled

    return scaled(outcome.chosen.interval, report.units)


def units_name(report: BacktestReport) -> str:
    """What a mean is over."""
    return "units" if report.units != report.evaluated else "rows"


def headline(report: BacktestReport) -> str:
    """One sentence that can be forwarded."""
    choice, outcome = report.choice, report.deciding
    rules, ml = phrases.name(report.asked.name), phrases.name(outcome.name)
    if choice.code == "invalid":
        blocking = next(f for f in report.findings if f.severity is Severity.BLOCK)
        return f"No answer: {numbers.prose(blocking.message)}"
    if choice.reason == "simpler":
        return _simpler(report, rules)
    what = _had_decided(report, outcome, rules, ml)
    if choice.reason == "does_not_pay" and outcome.value:
        return (
            f"Keep {rules}: {what}, which does not pay for what {ml} costs (probability that it pays: "
            f"{_percent(outcome.value.probability_pays)})."
        )
    if choice.code == "test":
        differing = None if outcome.agreeing is None else _percent(1 - outcome.agreeing / outcome.rows)
        return f"Worth an A/B test: {what}{f'; they disagree on {differing}' if differing else ''}."
    if choice.reason == "worse":
        return f"Keep {rules}: {what}."
    return f"Keep {rules} for now: {what}, so either may be better; more history is cheaper than a test."


def _had_decided(report: BacktestReport, outcome: Outcome, rules: str, ml: str) -> str:
    total = total_of(report, outcome)
    n = f"{numbers.count(report.units)} {units_name(report)}"
    estimate = total.estimate or 0.0
    more, sign = ("more", 1) if estimate >= 0 else ("less", -1)
    per = amount(report, abs(outcome.chosen.interval.estimate or 0.0))
    shown = Interval(
        estimate=abs(estimate),
        low=total.low if sign > 0 else _minus(total.high),
        high=total.high if sign > 0 else _minus(total.low),
        level=total.level,
    )
    return (
        f"had {ml} decided instead of {rules}, {n} would have earned {amount(report, abs(estimate))} {more} "
        f"({extent(report, shown)}), {per} a {units_name(report)[:-1]}"
    )


def _simpler(report: BacktestReport, rules: str) -> str:
    assert report.tree is not None
    n, part = len(report.tree.tree.ifs), report.tree.share
    rival = phrases.name(report.choice.rival)
    ifs = f"{n} more IF{'' if n == 1 else 's'}"
    gap = difference(report.pairs, report.choice.rival, TREE)
    end = f"{rival} is not shown to earn more" if gap is None or gap.low is None or gap.low <= 0 else (
        f"what {rival} earns beyond that does not pay for what it costs"
    )  # fmt: skip
    total = total_of(report, report.deciding).estimate or 0.0
    of = f"{shared(part)} of what {rival} would" if part else amount(report, total)
    return f"Keep {rules}, with {ifs}: they would have earned {of}; {end}."


def shared(part: Interval) -> str:
    """A share with its limits: `78 % (61 % to 95 %)`."""
    if part.estimate is None:
        return numbers.NONE
    if part.low is None or part.high is None:
        return _percent(part.estimate)
    return f"{_percent(part.estimate)} ({_percent(part.low)} to {_percent(part.high)})"


def summary(report: BacktestReport) -> str:
    """The second line: where the threshold came from, what it was preferred to, and what a backtest can't see."""
    parts, outcome, choice = [], report.deciding, report.choice
    if choice.rival and choice.reason != "simpler":
        parts.append(f"{phrases.name(choice.rival)}, which is less simple, is not shown to earn more.")
    if outcome.is_searched and outcome.name != TREE:
        at = "it acts on nothing" if outcome.threshold is None else f"threshold {threshold(outcome.threshold)}"
        parts.append(f"Found on the first part of the log, paid on the other ({at}).")
    return " ".join([*parts, REPLAY])


def threshold(x: float) -> str:
    """A threshold with the digits that it needs."""
    return numbers.plain(float(f"{x:.6g}"))


def because(report: BacktestReport) -> tuple[str, ...]:
    """What was looked at, for every proposed variant."""
    told = []
    for outcome in report.proposed:
        i = outcome.chosen.interval
        side = "better" if (i.low or 0) > 0 else "worse" if (i.high or 0) < 0 else "not told apart from the rules"
        told.append(f"{phrases.name(outcome.name)}: {signed(report, i)} a row ({extent(report, i)}): {side}.")
    for pair in report.pairs:
        i = pair.difference.interval
        told.append(
            f"{phrases.name(pair.proposed)} against {phrases.name(pair.other)}: "
            f"{signed(report, i)} a row ({extent(report, i)})."
        )
    return tuple(told)


def culprit_sentence(report: BacktestReport, rule: Culprit) -> str:
    """What a rule or reason costs where the proposed variant disagrees."""
    month = "" if report.days is None else f", {amount(report, monthly(report, rule.total.estimate or 0.0))} a month"
    return (
        f"'{phrases.name(rule.name)}' stops {numbers.count(rule.stopped_wrong)} good ones that "
        f"{phrases.name(report.choice.blamed)} lets pass (and {numbers.count(rule.stopped_right)} bad ones): "
        f"{amount(report, rule.total.estimate or 0.0)} ({extent(report, rule.total)}){month}."
    )


def monthly(report: BacktestReport, x: float) -> float:
    """A total of the evaluated days as one of a month."""
    return x / (report.days or 1) * DAYS_PER_MONTH


def mode_sentence(report: BacktestReport) -> str:
    """How outcomes came to be known, in a sentence."""
    return {
        Mode.LABELLED.value: "Outcomes are known whatever was decided: differences are exact for these rows, and their "
        "intervals say what other rows would give.",
        Mode.RELEASED.value: "Outcomes were seen on a random part of the rows, whose probability is logged: seen rows "
        "are weighted by it, and a model takes what it explains out of the noise (doubly robust).",
        Mode.RANDOMISED.value: "The rules decided at random with logged probabilities: rows on which a variant decides "
        "alike are weighted by them (doubly robust).",
        Mode.CHOSEN.value: "One of many choices was made at random with logged probabilities: rows are weighted by how "
        "much likelier the proposed variant would have made the same choice.",
    }[report.mode]


def signed(report: BacktestReport, interval: Interval) -> str:
    """An interval's estimate with its sign; too few rows have none."""
    if interval.estimate is None:
        return numbers.NONE
    x = interval.estimate
    return ("+" if x > 0 else "") + amount(report, x)


def share(x: float) -> str:
    """A share in per cent, to three digits."""
    return numbers.fixed(x * 100, numbers.places(abs(x * 100), 3)).lstrip("+") + PERCENT.suffix


def quantity(x: float) -> str:
    """A number of things that need not be whole."""
    return numbers.fixed(x, numbers.places(abs(x), 3)).lstrip("+")


def level(report: BacktestReport) -> str:
    """The header of intervals."""
    return f"{numbers.plain(report.asked.level * 100)} % interval"


def at_threshold(point: Point) -> str:
    """A point of a curve by its threshold."""
    return "never" if point.threshold is None else threshold(point.threshold)


def _percent(x: float) -> str:
    return numbers.fixed(x * 100, numbers.places(abs(x * 100), 2)).lstrip("+") + PERCENT.suffix


def _minus(x: float | None) -> float | None:
    return None if x is None else -x
