#!/usr/bin/env python3
"""Does following the verdicts pay? Simulated tests, decided by the real `decide` and by rules of thumb.

A company has many projects like the worked example of docs/decisions-pay.md: a profit of 2.60 a unit (sd 3.35), 12
million units a year, of which 35 % are earned; the variant costs 90,000 to build and 60,000 a year, and counts for 2
years at 10 %. So an effect of 0.0266 breaks even. True effects are drawn from N(0, sd^2). A period of testing has
100,000 units a variant.

What a rule earns is counted with the mean of the true effects that go with all that was ever shown of a test, which
has the expectation of counting with the true effect itself, and less noise (Rao-Blackwell): shipping earns the net
value of the whole horizon less what the incumbent's half of further periods forwent; keeping costs what further periods
cost to run, plus or minus what the proposed half did in them. `python validation/decisions_pay.py` writes
docs/decisions-pay.md and its picture.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from abimpact.decide.decision import Verdict
from abimpact.decide.families import adjust_pvalues
from abimpact.decide.money import annuity, value
from abimpact.decide.report import Arm, MetricResult
from abimpact.decide.value import Effect, Trial, Value
from abimpact.decide.verdict import decide
from abimpact.estimate.arm import ArmMean
from abimpact.estimate.estimate import Estimate
from abimpact.estimate.welch import compare, difference
from abimpact.spec.expression import column
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.spec.value import Costs, Prior, ValueTerms

MEAN, SD, UNITS = 2.6, 3.35, 100_000
VOLUME, WORTH, BUILD, RUN, YEARS, RATE = 12e6, 0.35, 90_000.0, 60_000.0, 2.0, 0.1
PERIOD = 2 * UNITS / VOLUME  # in years
SPREADS = (0.05, 0.03, 0.02)
LOOKS = (1, 4)
TESTS, SEED = 5_000, 20261124
PER_EFFECT = annuity(YEARS, RATE) * VOLUME * WORTH
FIXED = annuity(YEARS, RATE) * RUN + BUILD
DOCS = Path(__file__).parents[1] / "docs"
ORACLE = "who knows the effect"
METRIC = Metric(name="profit", kind=MetricKind.MEAN, role=Role.PRIMARY, better=Better.HIGHER, value=column("profit"))
TERMS = ValueTerms(
    metric="profit",
    worth=WORTH,
    currency="EUR",
    units_per_year=VOLUME,
    traffic_share=1.0,
    horizon_years=YEARS,
    discount_rate=RATE,
    usual=Costs(once={"build_cost": BUILD}, per_year={"run_cost_per_year": RUN}, metric="profit"),
    costs={},
    test_cost_per_day=0.0,
    prior=None,
    advantage_half_life=None,
    ship_probability=0.95,
    keep_probability=0.05,
    simplest_first=(),
    assumed=(),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a test shows after some periods; `is_last` says that there will be no more."""

    estimate: Estimate
    units: int
    is_last: bool


# A rule says ship (True), keep (False), or go on (None).
Rule = Callable[[Look], bool | None]


def _stop(look: Look, *, ships: bool) -> bool | None:
    return True if ships else False if look.is_last else None


def significant(look: Look) -> bool | None:
    """Ship when p < .05 and the effect is positive."""
    e = look.estimate
    return _stop(look, ships=(e.pvalue or 1.0) < 0.05 and (e.absolute.estimate or 0.0) > 0)


def positive(look: Look) -> bool | None:
    """Ship when the estimate is positive: there is always something to do at the first look."""
    return (look.estimate.absolute.estimate or 0.0) > 0


def certain(look: Look) -> bool | None:
    """Ship when the low end of the interval beats the break-even."""
    return _stop(look, ships=(look.estimate.absolute.low or 0.0) > FIXED / PER_EFFECT)


def worth(look: Look, terms: ValueTerms) -> Value:
    """What the tool says a look is worth."""
    effect = Effect(estimate=look.estimate.absolute.estimate or 0.0, se=look.estimate.se or 0.0, incumbent=MEAN)
    trial = Trial(units=2 * look.units, share=0.5, years=PERIOD * look.units / UNITS)
    return value(effect, terms, "ml", VOLUME, 0.95, trial)


def abimpact(terms: ValueTerms) -> Rule:
    """The verdict of the tool: `keep_testing` goes on."""

    def rule(look: Look) -> bool | None:
        arms = (Arm(variant=v, units=look.units, value=MEAN) for v in ("rules", "ml"))
        result = MetricResult(
            metric=METRIC, incumbent=next(arms), proposed=next(arms), chosen_method="welch",
            estimates=(look.estimate,), not_estimated=None, guardrail=None, equivalence=None,
        )  # fmt: skip
        verdict = decide(
            (), adjust_pvalues([result]), "ml", 0.95, worth=worth(look, terms), terms=terms, is_ended=look.is_last
        ).code
        return None if verdict is Verdict.KEEP_TESTING else verdict is Verdict.SHIP

    return rule


def stated(terms: ValueTerms, spread: float) -> ValueTerms:
    """The terms with the prior that is true here."""
    return replace(terms, prior=Prior(mean=0.0, sd=spread, is_relative=False))


def rules(spread: float) -> dict[str, Rule]:
    """All rules by their names in the table."""
    return {
        "abimpact, prior stated": abimpact(stated(TERMS, spread)),
        "abimpact, no prior": abimpact(TERMS),
        "ship when p < .05": significant,
        "ship when the estimate is positive": positive,
        "ship when the low end beats break-even": certain,
    }


def looks(rng: np.random.Generator, effect: float, most: int) -> Iterator[Look]:
    """One test, look by look; every period adds fresh units."""
    noise = SD * np.sqrt(1 / UNITS)
    sums = np.cumsum(rng.normal(0.0, noise, (2, most)), axis=1) / np.arange(1, most + 1)
    for k in range(most):
        units = UNITS * (k + 1)
        c, t = (
            ArmMean(n=units, value=float(m), variance=SD**2, third=0.0)
            for m in (MEAN + sums[0, k], MEAN + effect + sums[1, k])
        )
        yield Look(compare(difference(t, c), "welch", 0.95), units, k == most - 1)


def expected(shown: list[Look], spread: float) -> float:
    """The mean of true effects that go with the whole of a test, all looks included."""
    last = shown[-1].estimate
    se = last.se or 0.0
    return (last.absolute.estimate or 0.0) * spread**2 / (spread**2 + se**2)


def earned(rule: Rule, shown: list[Look], effect: float) -> float:
    """What following `rule` earns when the true effect is `effect`."""
    gain = VOLUME * WORTH * effect * PERIOD / 2  # of half the units in a further period
    for k, look in enumerate(shown):
        ships = rule(look)
        if ships is not None:
            return PER_EFFECT * effect - FIXED - k * gain if ships else k * (gain - RUN * PERIOD)
    raise AssertionError("a rule has to decide at the last look")


def study(tests: int = TESTS, seed: int = SEED) -> dict[tuple[float, int], dict[str, np.ndarray]]:
    """What every rule earned in every test, by the spread of true effects and the number of looks."""
    found = {}
    for spread in SPREADS:
        for most in LOOKS:
            rng = np.random.default_rng([seed, round(spread * 1000), most])
            told = rules(spread)
            net: dict[str, list[float]] = {name: [] for name in (*told, ORACLE)}
            for effect in rng.normal(0.0, spread, tests):
                shown = list(looks(rng, effect, most))
                counted = expected(shown, spread)
                for name, rule in told.items():
                    net[name].append(earned(rule, shown, counted))
                net[ORACLE].append(max(PER_EFFECT * effect - FIXED, 0.0))
            found[spread, most] = {name: np.array(values) for name, values in net.items()}
    return found


def calibration(tests: int = 20_000, seed: int = SEED, spread: float = 0.03) -> list[tuple[float, float, int]]:
    """Mean stated probability that it pays, the share that does, and tests, by tenths of the probability."""
    rng = np.random.default_rng([seed, 1])
    effects = rng.normal(0.0, spread, tests)
    terms = stated(TERMS, spread)
    said = np.array([worth(next(looks(rng, e, 1)), terms).probability_pays for e in effects])
    pays = effects * PER_EFFECT > FIXED
    tenth = np.minimum((said * 10).astype(int), 9)
    return [
        (float(said[tenth == i].mean()), float(pays[tenth == i].mean()), int((tenth == i).sum()))
        for i in range(10)
        if (tenth == i).any()
    ]


def thresholds(tests: int, seed: int = SEED) -> list[tuple[float, float, list[float]]]:
    """Mean net value under other thresholds of `probability_pays`, prior stated, several looks, by spread."""
    found = []
    for ship, keep in ((0.8, 0.2), (0.9, 0.1), (0.95, 0.05), (0.99, 0.01)):
        means = []
        for spread in SPREADS:
            rng = np.random.default_rng([seed, round(spread * 1000), LOOKS[-1]])
            rule = abimpact(replace(stated(TERMS, spread), ship_probability=ship, keep_probability=keep))
            shown = (list(looks(rng, effect, LOOKS[-1])) for effect in rng.normal(0.0, spread, tests))
            net = [earned(rule, seen, expected(seen, spread)) for seen in shown]
            means.append(float(np.mean(net)))
        found.append((ship, keep, means))
    return found


def tables(
    found: dict[tuple[float, int], dict[str, np.ndarray]],
    tenths: list[tuple[float, float, int]],
    others: list[tuple[float, float, list[float]]],
) -> dict[str, str]:
    """The tables of the page, by the marks between which they stand."""
    names = list(next(iter(found.values())))
    error = max(net.std() for by in found.values() for net in by.values()) / np.sqrt(TESTS) / 1000
    rows = [
        [f"{spread:g}", f"{most}", *(f"{net.mean() / 1000:.1f}" for net in by.values())]
        for (spread, most), by in found.items()
    ]
    shown = "the same tests being shown to all rules"
    return {
        "net": _table(["sd of true effects", "looks", *names], rows),
        "error": f"Means over {TESTS:,} tests, in thousands; their standard error is at most {error:.1f}, {shown}.",
        "calibration": _table(
            ["stated", "share that pays", "tests"],
            [[f"{said * 100:.0f} %", f"{pays * 100:.0f} %", f"{n:,}"] for said, pays, n in tenths],
        ),
        "thresholds": _table(
            ["ship from", "keep up to", *(f"sd {s:g}" for s in SPREADS)],
            [[f"{ship:g}", f"{keep:g}", *(f"{m / 1000:.1f}" for m in means)] for ship, keep, means in others],
        ),
    }


def _table(headers: list[str], rows: list[list[str]]) -> str:
    lines = [headers, ["---:"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(text: str, made: dict[str, str]) -> str:
    """`text` with every `<!-- name -->…<!-- end -->` filled anew."""
    for name, table in made.items():
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        assert rest, name
        _, _, tail = rest.partition("<!-- end -->")
        text = f"{head}<!-- {name} -->\n{table}\n<!-- end -->{tail}"
    return text


def picture(found: dict[tuple[float, int], dict[str, np.ndarray]], target: Path) -> None:
    """What each rule earns of what could be earned, as bars by setting."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "decisions", "font.size": 9})
    names = [name for name in next(iter(found.values())) if name != ORACLE]
    colours = ["#1f5fa8", "#7fb0de", "#555555", "#999999", "#cccccc"]
    figure, axes = plt.subplots(1, len(LOOKS), figsize=(9, 3.6), sharey=True)
    for axis, most in zip(axes, LOOKS, strict=True):
        for j, (name, colour) in enumerate(zip(names, colours, strict=True)):
            means = [found[spread, most][name].mean() / 1000 for spread in SPREADS]
            axis.bar([i + (j - 2) * 0.16 for i in range(len(SPREADS))], means, 0.16, color=colour, label=name)
        for i, spread in enumerate(SPREADS):
            most_of_all = found[spread, most][ORACLE].mean() / 1000
            axis.plot([i - 0.42, i + 0.42], [most_of_all] * 2, color="black", linewidth=1)
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_xticks(range(len(SPREADS)), [f"effects of sd {s:g}" for s in SPREADS])
        axis.set_title("one look" if most == 1 else f"up to {most} looks", loc="left")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("mean net value, thousands")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0.14, 1, 1))
    figure.savefig(target, metadata={"Date": None})


def made() -> tuple[dict[str, str], dict[tuple[float, int], dict[str, np.ndarray]]]:
    """The page's tables, and the study behind them."""
    found = study()
    return tables(found, calibration(), thresholds(TESTS)), found


if __name__ == "__main__":
    told, found = made()
    target = DOCS / "decisions-pay.md"
    target.write_text(page(target.read_text(encoding="utf-8"), told), encoding="utf-8")
    picture(found, DOCS / "decisions-pay.svg")
