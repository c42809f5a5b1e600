"""How often intervals miss, how wide they are and what they find: one regime at a time, through `estimate`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from draws import Arms, Floats, summary
from regimes import Regime
from scipy.special import stdtrit

from abimpact.estimate.estimate import Estimate, Interval, Kind
from abimpact.estimate.shape import shape_findings
from abimpact.estimate.skewed import FLAG
from abimpact.estimate.table import Comparison, estimate
from abimpact.findings import Severity
from abimpact.spec.metric import MetricKind

LEVEL = 0.95
# The default level, and where a p and a limit may fall on different sides of it by rounding alone.
ALPHA, ROUNDING = 1 - LEVEL, 1e-9


@dataclass(slots=True)
class Tally:
    """Sums over repetitions: limits below and above the truth, widths, findings of an effect."""

    n: float = 0.0
    below: float = 0.0
    above: float = 0.0
    width: float = 0.0
    found: float = 0.0

    def add(self, interval: Interval, truth: float, effect: float, weight: float) -> None:
        """One repetition (or `weight` equal ones)."""
        low, high = interval.low, interval.high
        assert low is not None
        assert high is not None
        self.n += weight
        self.below += weight * (high < truth)
        self.above += weight * (low > truth)
        self.width += weight * (high - low)
        # Intervals move with the data: with an effect they would be where they are now, shifted.
        self.found += weight * (low + effect > 0 or high + effect < 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One line of the table; all are shares of the repetitions with an estimate but `estimated`, of all."""

    family: str
    shape: str
    units: int
    split: str
    group: str
    method: str
    repetitions: int
    estimated: float
    below: float
    above: float
    plain_misses: float
    width: float
    lift_misses: float
    lift_bounded: float
    power: float | None
    plain_power: float | None
    flagged: float
    warned: float
    contradictions: int

    @property
    def misses(self) -> float:
        """How often the interval of the chosen method misses the truth."""
        return self.below + self.above


def measure(regime: Regime, repetitions: int, seed: int) -> Measured:
    """Simulate one regime."""
    rng = np.random.default_rng([seed, *regime_key(regime)])
    arms = regime.draw(rng, repetitions)
    chosen, plain = Tally(), Tally()
    lift_misses = bounded = flagged = warned = 0.0
    contradictions, methods = 0, set()
    for i, weight in _distinct(regime, arms):
        whole = summary(regime.kind, arms, i, covariates=regime.covariates)
        found = estimate(whole, 1, level=LEVEL, n_resamples=0, seed=0)
        if found.chosen is None:
            continue
        decides = found.estimates[-1]
        methods.add(decides.method)
        chosen.add(decides.absolute, regime.truth, regime.effect, weight)
        plain.add(_unwidened(found).absolute, regime.truth, regime.effect, weight)
        lift_misses += weight * _misses(decides.relative, regime.lift)
        bounded += weight * (decides.relative.kind is Kind.BOUNDED)
        flagged += weight * (decides.method == "skewed")
        warned += weight * any(f.code == "shapes_differ" and f.severity is Severity.WARN for f in shape_findings(whole))
        contradictions += sum(contradicts(e) for e in found.estimates)
    n = chosen.n
    return Measured(
        family=regime.family,
        shape=regime.shape,
        units=regime.units,
        split=regime.split,
        group=regime.group,
        method="/".join(sorted(methods)),
        repetitions=repetitions,
        estimated=n / repetitions,
        below=chosen.below / n,
        above=chosen.above / n,
        plain_misses=(plain.below + plain.above) / n,
        width=chosen.width / plain.width,
        lift_misses=lift_misses / n,
        lift_bounded=bounded / n,
        power=_power(regime, chosen),
        plain_power=_power(regime, plain),
        flagged=flagged / n,
        warned=warned / n,
        contradictions=contradictions,
    )


def regime_key(regime: Regime) -> list[int]:
    """A stream of random numbers for each regime, whatever the others are."""
    return list(f"{regime.family}|{regime.shape}|{regime.units}|{regime.split}|{regime.group}".encode())


def contradicts(e: Estimate) -> bool:
    """Whether a p-value, the interval of the difference and that of the lift tell different stories."""
    if e.pvalue is None or abs(e.pvalue - ALPHA) < ROUNDING:
        return False
    told = [_excludes_zero(e.absolute)]
    if e.relative.kind is Kind.BOUNDED:
        told.append(_excludes_zero(e.relative))
    return any(t != (e.pvalue < ALPHA) for t in told)


def _excludes_zero(interval: Interval) -> bool:
    low = -np.inf if interval.low is None else interval.low
    high = np.inf if interval.high is None else interval.high
    return bool(low > 0 or high < 0)


def _power(regime: Regime, tally: Tally) -> float | None:
    """The share that finds the effect, where there is one or one was asked for."""
    return tally.found / tally.n if regime.effect or regime.group == "effect" else None


def _unwidened(found: Comparison) -> Estimate:
    """What would have been chosen without the skew flag."""
    return next(e for e in reversed(found.estimates) if e.method != "skewed")


def _misses(relative: Interval, lift: float) -> bool:
    """Whether a lift's interval misses the truth; what is not bounded is not said to exclude anything here."""
    low = -np.inf if relative.low is None else relative.low
    high = np.inf if relative.high is None else relative.high
    return not low <= lift <= high


def _distinct(regime: Regime, arms: tuple[Arms, Arms]) -> Iterator[tuple[int, float]]:
    """Repetitions with how many are like them: proportions repeat, and their limits are searched for."""
    if regime.kind is not MetricKind.PROPORTION:
        yield from ((i, 1.0) for i in range(len(arms[0].mean)))
        return
    pairs = np.stack([a.nonzero for a in arms], axis=1)
    _, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    yield from zip(first.tolist(), counts.astype(float).tolist(), strict=True)


def measure_all(regimes: Sequence[Regime], repetitions: int, seed: int, told: Callable[[str], None]) -> list[Measured]:
    """Every regime, telling which one is at work."""
    found = []
    for regime in regimes:
        told(f"{regime.family}, {regime.shape}, {regime.units} {regime.split}")
        found.append(measure(regime, repetitions, seed))
    return found


def as_table(found: Sequence[Measured]) -> list[dict[str, object]]:
    """For JSON: seven digits are more than 10,000 repetitions tell."""
    return [{k: round(v, 7) if isinstance(v, float) else v for k, v in asdict(m).items()} for m in found]


Rule = Callable[..., Floats]


def rules() -> dict[str, Rule]:
    """Far half-widths of the rules that were compared, from q, se, |gamma| and the bounded standard errors."""
    return {
        "Welch": lambda q, se, **_: q * se,
        "as first written": lambda q, se, g, floor, **_: np.maximum(_stretch(q, g) * se, q * floor),
        "sturdier": lambda q, g, floor, **_: _stretch(q, g) * floor,
        "floor alone": lambda q, floor, **_: q * floor,
        "stretch at most the pooled": lambda q, g, floor, cap, **_: np.maximum(_stretch(q, g) * cap, q * floor),
        "and gamma at most 1 (chosen)": lambda q, g, floor, cap, **_: np.maximum(
            _stretch(q, np.minimum(g, 1.0)) * cap, q * floor
        ),
    }


def _stretch(q: Floats, g: Floats) -> Floats:
    stretched: Floats = q + g * (2 * q * q + 1) / 6
    return stretched


def compare_rules(regime: Regime, repetitions: int, seed: int) -> dict[str, tuple[float, float]]:
    """Misses and width (over Welch's) of each rule for a mean."""
    rng = np.random.default_rng([seed, *regime_key(regime)])
    c, t = regime.draw(rng, repetitions)
    n = c.n + t.n
    v_c, v_t = (a.second[:, 0, 0] / (a.n - 1) for a in (c, t))
    varies = v_c + v_t > 0
    pooled = (c.second + t.second)[:, 0, 0] / (n - 2)
    third = (c.third + t.third)[:, 0, 0, 0] / n
    with np.errstate(divide="ignore", invalid="ignore"):
        gamma = third * (1 / t.n**2 - 1 / c.n**2) / (pooled * (1 / t.n + 1 / c.n)) ** 1.5
        share = v_t / t.n / (v_t / t.n + v_c / c.n)
        df = 1 / (share**2 / (t.n - 1) + (1 - share) ** 2 / (c.n - 1))
    small, of, large = (v_t, t.n, v_c / c.n) if t.n < c.n else (v_c, c.n, v_t / t.n)
    floor, cap = (np.sqrt(bound(small, pooled) / of + large) for bound in (np.maximum, np.minimum))
    se, q = np.sqrt(v_t / t.n + v_c / c.n), stdtrit(np.where(varies, df, 1.0), 0.5 + LEVEL / 2)
    gap = t.mean[:, 0] - c.mean[:, 0] - regime.truth
    found = {}
    for name, far_of in rules().items():
        far = np.where(np.abs(gamma) > FLAG, far_of(q=q, se=se, g=np.abs(gamma), floor=floor, cap=cap), q * se)
        up, down = np.where(gamma > 0, far, q * se), np.where(gamma > 0, q * se, far)
        missed = (gap + up < 0) | (gap - down > 0)
        found[name] = (float(missed[varies].mean()), float((up + down)[varies].mean() / (2 * q * se)[varies].mean()))
    return found
