"""The claim that each KPI is planned for, whatever its kind."""

from collections.abc import Callable
from typing import Protocol

from abimpact.estimate.claims import Kpi, Terms, better, detectable, equivalent, safe
from abimpact.estimate.power import Looking
from abimpact.estimate.quantile_power import QuantileClaim
from abimpact.plan.values import Change, ClaimKind, Seen
from abimpact.spec.metric import Better, MetricKind, Tolerance

# Lifts between which a quantile's detectable one is searched.
LARGEST_LIFT = 20.0


class Shown(Protocol):
    """A claim whose power is known (see `estimate.power.Claim`)."""

    @property
    def alpha(self) -> float:
        """The two-sided error rate of its bound."""

    def drift(self, n: float) -> float:
        """The mean of z with `n` units of the incumbent."""

    def power(self, n: float) -> float:
        """The chance to show it."""

    def units(self, power: float) -> float | None:
        """The incumbent's units for this power."""


def kpi_of(seen: Seen) -> Kpi:
    """The KPI as the formulas know it; a proportion is not adjusted."""
    is_proportion = seen.metric.kind is MetricKind.PROPORTION
    return Kpi(
        baseline=seen.baseline,
        sd=seen.sd if is_proportion else seen.adjusted_sd,
        is_proportion=is_proportion,
        better=seen.metric.better,
    )


def change_of(seen: Seen, absolute: float) -> Change:
    """A change in the KPI's unit, with the lift that it is."""
    return Change(absolute=absolute, relative=absolute / abs(seen.baseline) if seen.baseline else None)


def shown_better(seen: Seen, absolute: float, terms: Terms, level: float) -> Shown:
    """That the KPI changes, if its truth is a change of `absolute`."""
    if seen.curve is None:
        return better(kpi_of(seen), absolute, terms)
    side = 1 if absolute > 0 else -1
    return _quantile(seen, absolute / seen.baseline, ((side, 1.0, 0.0),), terms.alpha, terms, level, is_two_sided=True)


def shown_within(seen: Seen, claim: ClaimKind, margin: Tolerance, terms: Terms, level: float) -> Shown:
    """That the KPI is not worse by the margin, or not changed by it either way, if it does not change."""
    if seen.curve is None:
        return (safe if claim is ClaimKind.SAFE else equivalent)(kpi_of(seen), margin, terms)
    worse = -1 if seen.metric.better is Better.HIGHER else 1
    sides = (worse,) if claim is ClaimKind.SAFE else (-1, 1)
    edges = tuple(
        (-side, 1 + side * margin.amount, 0.0) if margin.is_relative else (-side, 1.0, side * margin.amount)
        for side in sides
    )
    return _quantile(seen, 0.0, edges, 2 * terms.alpha, terms, level, is_two_sided=False)


def _quantile(
    seen: Seen,
    lift: float,
    edges: tuple[tuple[int, float, float], ...],
    alpha: float,
    terms: Terms,
    level: float,
    *,
    is_two_sided: bool,
) -> QuantileClaim:
    assert seen.curve is not None
    assert seen.metric.quantile is not None
    return QuantileClaim(
        curve=seen.curve,
        quantile=seen.metric.quantile,
        level=level,
        lift=lift,
        edges=edges,
        ratio=terms.ratio,
        alpha=alpha,
        looking=terms.looking,
        is_two_sided=is_two_sided,
    )


def smallest_shown(seen: Seen, n: float, power: float, terms: Terms, level: float) -> Change | None:
    """The smallest wanted change that `n` units of the incumbent show; None if there is none."""
    if seen.curve is None:
        found = detectable(kpi_of(seen), n, power, terms)
        return None if found is None else change_of(seen, found)
    sign = 1 if seen.metric.better is Better.HIGHER else -1
    lift = _bisected(lambda x: shown_better(seen, sign * x * seen.baseline, terms, level).power(n), power, sign)
    return None if lift is None else change_of(seen, sign * lift * abs(seen.baseline))


def _bisected(power: Callable[[float], float], wanted: float, sign: int) -> float | None:
    """The lift at which a simulated power, which has steps, reaches what is wanted."""
    low, high = 0.0, LARGEST_LIFT if sign > 0 else 0.999
    if power(high) < wanted:
        return None
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= wanted else (middle, high)
    return high


def looking_of(sequential: str, looks: tuple[float, ...], spending: str) -> Looking:
    """How the planned test is looked at."""
    from abimpact.estimate.power import Anytime, Once, Planned
    from abimpact.estimate.sequential import Spending

    if sequential == "group":
        return Planned(looks, Spending(spending))
    return Anytime() if sequential == "always-valid" else Once()
