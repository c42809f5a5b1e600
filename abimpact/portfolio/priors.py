"""Which tests may be taken together: a history for each KPI that has tests enough, one for the others together.

Lifts are fractions, so lifts of one KPI are comparable between tests and, less well, those of different KPIs. Absolute
effects are in the unit of their KPI and never taken together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abimpact.estimate.history import LEAST_TESTS, NONE, History, Shrinkage, history, shrinkage
from abimpact.portfolio.measured import Effect, Test

OTHERS = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """How far true lifts lie apart: of one KPI, or of all that have no history of their own (`metric` empty).

    `basis` is `estimated` from `effects` lifts, `given`, or `none` (too few tests: nothing is allowed for).
    """

    metric: str
    basis: str
    effects: int
    past: History | None

    def shrinkage(self, effect: Effect) -> Shrinkage:
        """What is left of an effect; all of it without a history."""
        if self.past is None or not effect.is_usable or not effect.se:
            return NONE
        return shrinkage(effect.se, self.past)


def priors_of(tests: Sequence[Test], given_sd: float | None) -> dict[str, Prior]:
    """The prior of every KPI by its name; KPIs without one of their own share that of `OTHERS`."""
    usable = [e for t in tests for e in t.effects if e.is_usable]
    names = dict.fromkeys(e.metric for e in usable)
    if given_sd is not None:
        past = History(tau2=given_sd**2, spread=0.0)
        return {OTHERS: Prior(metric=OTHERS, basis="given", effects=0, past=past)}
    found = {name: mine for name in names if len(mine := [e for e in usable if e.metric == name]) >= LEAST_TESTS}
    priors = {name: _estimated(name, mine) for name, mine in found.items()}
    rest = [e for e in usable if e.metric not in found and e.role == "primary"]
    if len(rest) >= LEAST_TESTS:
        return {**priors, OTHERS: _estimated(OTHERS, rest)}
    return {**priors, OTHERS: Prior(metric=OTHERS, basis="none", effects=len(rest), past=None)}


def prior_for(priors: Mapping[str, Prior], metric: str) -> Prior:
    """The prior that a KPI's lifts are drawn by."""
    return priors.get(metric, priors[OTHERS])


def _estimated(name: str, effects: Sequence[Effect]) -> Prior:
    lifts = [e.lift.estimate or 0.0 for e in effects if e.lift]
    past = history(lifts, [e.se or 0.0 for e in effects])
    return Prior(metric=name, basis="estimated", effects=len(effects), past=past)
