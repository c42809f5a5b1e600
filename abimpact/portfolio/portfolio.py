"""All tests together: how many shipped, what they earned, and what of that was luck (methods.md m)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtr

from abimpact.estimate.estimate import Interval
from abimpact.estimate.history import Measured, total
from abimpact.findings import Finding, Severity
from abimpact.portfolio.collect import collect, findings_of
from abimpact.portfolio.measured import Effect, Test, tests_of
from abimpact.portfolio.priors import Prior, prior_for, priors_of
from abimpact.portfolio.stored import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An effect with luck allowed for; `weight` is the share of it that is left, None (with `shrunken`) if unknown.

    `probability_worse` is the chance that the true effect is no improvement.
    """

    effect: Effect
    prior: Prior
    weight: float | None
    shrunken: Interval | None
    probability_worse: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A test's money with luck allowed for, and the chance that its net value is positive then."""

    currency: str
    annual: Measured
    annual_net: Interval
    npv: Interval
    measured_net: Interval
    measured_npv: Interval
    earned: Measured
    yearly: float
    spent: float
    probability_pays: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A test as it is listed: `rows` has its KPIs, the primary first."""

    test: Test
    rows: tuple[Row, ...]
    worth: Worth | None

    @property
    def primary(self) -> Row | None:
        """The row of the first primary KPI."""
        return next((r for r in self.rows if r.effect.role == "primary"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the shipped tests with money in one currency earn together, as measured and with luck allowed for."""

    currency: str
    tests: int
    measured_net: Interval
    annual_net: Interval
    measured_npv: Interval
    npv: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Curse:
    """The winners by one prior's tests: their mean lift (positive is better) as measured, and with luck allowed for."""

    prior: Prior
    winners: int
    measured: float
    shrunken: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeking:
    """How many comparisons were significant at some look, and at the last one."""

    comparisons: int
    at_some_look: int
    at_last_look: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Everything about many tests.

    `experiments` counts reports. `paid` are the shipped tests with money whose net value is positive with luck allowed
    for. `harmful` is how many of the shipped are expected to be no improvement; None where no luck is allowed for.
    """

    entries: tuple[Entry, ...]
    experiments: int
    level: float
    priors: tuple[Prior, ...]
    totals: tuple[Total, ...]
    curses: tuple[Curse, ...]
    peeking: Peeking | None
    findings: tuple[Finding, ...]

    @property
    def shipped(self) -> tuple[Entry, ...]:
        """The tests whose variant replaces the incumbent."""
        return tuple(e for e in self.entries if e.test.is_shipped)

    @property
    def valued(self) -> tuple[Entry, ...]:
        """The shipped tests that have money."""
        return tuple(e for e in self.shipped if e.worth)

    @property
    def paid(self) -> tuple[Entry, ...]:
        """The shipped tests whose net value over the horizon is positive with luck allowed for."""
        return tuple(e for e in self.valued if e.worth and (e.worth.npv.estimate or 0.0) > 0)

    @property
    def broken(self) -> tuple[str, ...]:
        """The experiments whose split is not the planned one."""
        failed = (e.test.name for e in self.entries if e.test.sample_ratio is Severity.BLOCK)
        return tuple(dict.fromkeys(failed))

    @property
    def harmful(self) -> float | None:
        """The expected number of shipped tests that are no improvement."""
        rows = [e.primary for e in self.shipped]
        chances = [r.probability_worse for r in rows if r and r.probability_worse is not None]
        return math.fsum(chances) if chances and len(chances) == len(rows) else None


def portfolio_of(
    reports: Sequence[Stored],
    *,
    level: float = 0.95,
    prior_lift_sd: float | None = None,
    findings: Sequence[Finding] = (),
) -> Portfolio:
    """All tests of `reports` together; of several reports of one experiment the latest counts.

    `prior_lift_sd` is the standard deviation of true lifts, estimated where it is not given; `findings` are those of
    reading the reports.
    """
    kept, repeated = collect(reports)
    tests = tests_of(kept)
    priors = priors_of(tests, prior_lift_sd)
    entries = tuple(_entry(t, priors, level) for t in tests)
    made = Portfolio(
        entries=entries,
        experiments=len(kept),
        level=level,
        priors=tuple(priors.values()),
        totals=_totals(entries, level),
        curses=tuple(c for p in priors.values() if (c := _curse(p, entries, level))),
        peeking=_peeking(kept, level),
        findings=(),
    )
    return replace(made, findings=(*findings, *repeated, *findings_of(kept, tests, priors)))


def _entry(test: Test, priors: dict[str, Prior], level: float) -> Entry:
    return Entry(
        test=test,
        rows=tuple(_row(e, prior_for(priors, e.metric), level) for e in test.effects),
        worth=_worth(test, priors, level),
    )


def _row(effect: Effect, prior: Prior, level: float) -> Row:
    if prior.past is None or not effect.is_usable or effect.lift is None:
        return Row(effect=effect, prior=prior, weight=None, shrunken=None, probability_worse=None)
    left = prior.shrinkage(effect)
    measured = Measured(estimate=effect.lift.estimate or 0.0, sd=effect.se or 0.0, shrinkage=left)
    found = measured.shrunken(level)
    return Row(
        effect=effect,
        prior=prior,
        weight=left.weight,
        shrunken=found,
        probability_worse=1 - _chance(effect.sign * (found.estimate or 0.0), measured.shrunken_sd),
    )


def _chance(mean: float, sd: float) -> float:
    """P(a normal variable is positive)."""
    return float(ndtr(mean / sd)) if sd else float(mean > 0)


def _worth(test: Test, priors: dict[str, Prior], level: float) -> Worth | None:
    money = test.money
    if money is None:
        return None
    prior = prior_for(priors, money.metric)
    effect = next((e for e in test.effects if e.metric == money.metric), None)
    annual, earned = money.annual, money.earned
    if effect is not None and not money.is_final:
        left = prior.shrinkage(effect)
        annual = replace(annual, shrinkage=left, family=prior.metric)
        earned = replace(earned, shrinkage=left, family=prior.metric)
    npv = _less(earned.shrunken(level), money.spent)
    return Worth(
        currency=money.currency,
        annual=annual,
        annual_net=_less(annual.shrunken(level), money.yearly),
        npv=npv,
        measured_net=_less(money.annual.shrunken(level), money.yearly),
        measured_npv=_less(money.earned.shrunken(level), money.spent),
        earned=earned,
        yearly=money.yearly,
        spent=money.spent,
        probability_pays=_chance(npv.estimate or 0.0, earned.shrunken_sd),
    )


def _less(interval: Interval, costs: float) -> Interval:
    low, mean, high = interval.low or 0.0, interval.estimate or 0.0, interval.high or 0.0
    return replace(interval, estimate=mean - costs, low=low - costs, high=high - costs)


def _totals(entries: Sequence[Entry], level: float) -> tuple[Total, ...]:
    """One total for each currency: amounts in several are not added up."""
    worths = [e.worth for e in entries if e.test.is_shipped and e.worth]
    found = []
    for currency in dict.fromkeys(w.currency for w in worths):
        mine = [w for w in worths if w.currency == currency]
        yearly, spent = math.fsum(w.yearly for w in mine), math.fsum(w.spent for w in mine)
        annual, earned = [w.annual for w in mine], [w.earned for w in mine]
        raw = [Measured(estimate=m.estimate, sd=m.sd) for m in annual]
        raw_earned = [Measured(estimate=m.estimate, sd=m.sd) for m in earned]
        found.append(
            Total(
                currency=currency,
                tests=len(mine),
                measured_net=_less(total(raw, level), yearly),
                annual_net=_less(total(annual, level), yearly),
                measured_npv=_less(total(raw_earned, level), spent),
                npv=_less(total(earned, level), spent),
            )
        )
    return tuple(found)


def _curse(prior: Prior, entries: Sequence[Entry], level: float) -> Curse | None:
    """The tests that look best: those significantly better at `level`."""
    rows = [
        r
        for e in entries
        for r in e.rows
        if r.prior is prior
        and (prior.metric or r.effect.role == "primary")
        and r.shrunken
        and r.effect.lift
        and (r.effect.pvalue or 0.0) < 1 - level
    ]
    winners = [r for r in rows if r.effect.lift and r.effect.sign * (r.effect.lift.estimate or 0.0) > 0]
    if not winners:
        return None
    return Curse(
        prior=prior,
        winners=len(winners),
        measured=math.fsum(r.effect.sign * (r.effect.lift.estimate or 0.0) for r in winners if r.effect.lift)
        / len(winners),
        shrunken=math.fsum(r.effect.sign * (r.shrunken.estimate or 0.0) for r in winners if r.shrunken) / len(winners),
    )


def _peeking(reports: Sequence[Stored], level: float) -> Peeking | None:
    looked = [c.data for run in reports for c in run.checks if c.code == "peeking" and "pvalue" in c.data]
    if not looked:
        return None
    return Peeking(
        comparisons=len(looked),
        at_some_look=sum(bool(d.get("significant_looks")) for d in looked),
        at_last_look=sum(d["pvalue"] < 1 - level for d in looked),
    )
