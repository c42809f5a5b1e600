"""Who asks for what: the variants and their shares, and what is to be shown of each KPI at which error rate."""

import math
from dataclasses import dataclass, replace

from abimpact.errors import UsageError
from abimpact.estimate.claims import Terms
from abimpact.estimate.power import Looking
from abimpact.plan.claims import Shown, change_of, looking_of, shown_better, shown_within
from abimpact.plan.values import Change, ClaimKind, Known, Seen
from abimpact.spec.calendar import parse_split
from abimpact.spec.metric import MetricKind, Role, Tolerance
from abimpact.spec.planning import PlanTerms
from abimpact.spec.request import Request


@dataclass(frozen=True, slots=True)
class Designer:
    """A request with all that is known; `split` has the incumbent's share first, `comparisons` share the error."""

    request: Request
    terms: PlanTerms
    known: Known
    variants: tuple[str, ...]
    split: tuple[float, ...]
    comparisons: int
    looking: Looking

    @property
    def ratios(self) -> tuple[float, ...]:
        """Units of each proposed variant for each of the incumbent."""
        return tuple(share / self.split[0] for share in self.split[1:])

    @property
    def daily(self) -> float | None:
        """The units of the test that come in a day."""
        units = self.terms.daily_units or self.known.daily_units
        return units * self.terms.traffic_share if units else None

    def claim_terms(self, alpha: float, ratio: float) -> Terms:
        """How a claim is tested."""
        return Terms(alpha=alpha, ratio=ratio, looking=self.looking)

    def incumbent_units(self, total: float) -> float:
        """The incumbent's part of a total."""
        return total * self.split[0] / math.fsum(self.split)

    def total(self, incumbent: float) -> float:
        """The units of all variants, given those of the incumbent."""
        return incumbent * math.fsum(self.split) / self.split[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is to be shown of one KPI, at which error rate; `change` None: nothing was asked."""

    seen: Seen
    claim: ClaimKind
    alpha: float
    change: Change | None
    margin: Tolerance | None


def designer(request: Request, terms: PlanTerms, known: Known) -> Designer:
    """The variants and their shares, as named, or counted by the split."""
    shares = parse_split(request.split) if request.split else None
    named = tuple(request.proposed) or known.variants[1:]
    count = len(named) or (len(shares) - 1 if shares else 1)
    proposed = named or (("proposed",) if count == 1 else tuple(f"proposed {i + 1}" for i in range(count)))
    split = shares or (1.0,) * (count + 1)
    if len(split) != count + 1:
        raise UsageError(
            f"--split has {len(split)} parts for {count + 1} variants.",
            "Give one number a variant, the incumbent's first.",
        )
    looks = request.looks
    if request.sequential == "group" and (not looks or list(looks) != sorted(set(looks)) or looks[-1] != 1):
        raise UsageError(
            "Planned looks need their places.",
            "Give rising shares that end at 1: --look 0.25 --look 0.5 --look 0.75 --look 1.",
        )
    primaries = [k for k in known.kpis if k.metric.role is Role.PRIMARY]
    return Designer(
        request=request,
        terms=terms,
        known=known,
        variants=(request.incumbent or next(iter(known.variants), "incumbent"), *proposed),
        split=split,
        comparisons=terms.comparisons or len(primaries) * count,
        looking=looking_of(request.sequential, looks, request.spending),
    )


def goal_of(d: Designer, seen: Seen) -> Goal:
    """Primaries share the error (Holm 1979); guardrails must hold one and all, so that each has its own."""
    alpha, metric, terms = 1 - d.request.level, seen.metric, d.terms
    if metric.role is Role.GUARDRAIL:
        claim = ClaimKind.SAFE if metric.margin else ClaimKind.BETTER
        return Goal(seen=seen, claim=claim, alpha=alpha, change=None, margin=metric.margin)
    if terms.correlation is not None:
        seen = replace(seen, correlation=terms.correlation)
    claim, shared = ClaimKind(terms.claim), alpha / d.comparisons
    if claim is not ClaimKind.BETTER:
        # Margins have an error rate of their own, as in the report.
        return Goal(seen=seen, claim=claim, alpha=alpha, change=None, margin=terms.margin)
    absolute = terms.effect if terms.effect is not None else (terms.lift or 0.0) * abs(seen.baseline)
    if terms.lift is not None and not seen.baseline:
        raise UsageError(f"{metric.name!r} is 0 today, of which there is no lift.", "Give --effect in its unit.")
    if metric.kind is MetricKind.PROPORTION and not 0 < seen.baseline + absolute < 1:
        raise UsageError(
            f"{metric.name!r} is {seen.baseline:g} today and cannot change by {absolute:+g}.", "Give a smaller effect."
        )
    return Goal(
        seen=seen, claim=claim, alpha=shared, change=change_of(seen, absolute) if absolute else None, margin=None
    )


def shown(d: Designer, goal: Goal, ratio: float, change: Change | None = None) -> Shown | None:
    """The claim of a goal at one proposed variant's share; None where nothing was asked."""
    how = d.claim_terms(goal.alpha, ratio)
    if goal.margin is not None:
        return shown_within(goal.seen, goal.claim, goal.margin, how, d.request.level)
    change = change or goal.change
    return None if change is None else shown_better(goal.seen, change.absolute, how, d.request.level)


def needed(d: Designer, goal: Goal) -> float | None:
    """The incumbent's units for the power wanted with every proposed variant; None where nothing was asked."""
    claims = [claim for ratio in d.ratios if (claim := shown(d, goal, ratio))]
    if not claims:
        return None
    found = [claim.units(d.terms.power) for claim in claims]
    if any(n is None for n in found):
        raise UsageError(
            f"No number of units shows that of {goal.seen.metric.name!r}.", "Name a larger effect or margin."
        )
    return max(n for n in found if n is not None)
