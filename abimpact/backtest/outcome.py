"""From the scans' moments to what is said of every proposed variant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from abimpact.backtest.gains import Gains, Mode
from abimpact.backtest.pay import Priced, Variant, variance_of, weights_of
from abimpact.backtest.result import Cell, Confusion, Outcome, Overlap, Pair, WrongLabels
from abimpact.backtest.rows import Rows
from abimpact.decide.value import Effect, Value
from abimpact.estimate.estimate import Interval
from abimpact.estimate.fieller import lift_set
from abimpact.estimate.paired import Paired, bootstrap_paired, effective_size, paired, ratio_of_means, scaled
from abimpact.read.engine import Engine
from abimpact.spec.backtest import TREE, Backtest
from abimpact.spec.value import Costs, ValueTerms
from abimpact.summarise.summary import Moments

SHARES = (0.01, 0.02, 0.05, 0.10)
# Weights of the difference and of what changes if outcomes 1, and 0, are wrong.
WRONG = {"both": (1.0, 1.0), "ones": (1.0, 0.0), "zeros": (0.0, 1.0)}


def outcomes_of(
    engine: Engine,
    asked: Backtest,
    gains: Gains,
    priced: Priced,
    variants: Sequence[Variant],
    tables: Sequence[Mapping[str, tuple[float, float]]],
    rows: Rows,
) -> list[Outcome]:
    """What is found of every variant, in their order."""
    found = []
    for k, variant in enumerate(variants):
        estimates = _estimates(asked, gains.mode, priced, k, variant.name)
        is_alike = gains.mode is not Mode.CHOSEN
        agreeing, acts = engine.rows(f"SELECT count(*) FILTER (a{k} = inc), sum(a{k}) FROM acted")[0]
        found.append(
            Outcome(
                name=variant.name,
                threshold=variant.threshold,
                is_searched=variant.is_searched,
                rows=priced.rows,
                agreeing=int(agreeing) if is_alike else None,
                chosen=estimates[-1],
                estimates=tuple(estimates),
                confusion=_confusion(tables[k + 1], priced.values[k + 1], acts, is_logged=gains.mode is Mode.LABELLED),
                overlap=_overlap(weights_of(engine, gains.mode, k)) if gains.is_weighted else None,
                wrong_labels=_wrong(priced, k, asked.level) if gains.mode is Mode.LABELLED else None,
                loads=priced.loads[k],
                value=_value(asked, estimates[-1], variant.name, priced, rows),
            )
        )
    return found


def incumbent_of(engine: Engine, priced: Priced, tables: Sequence[Mapping[str, tuple[float, float]]]) -> Confusion:
    """What the incumbent's decisions earned."""
    acts = engine.rows("SELECT coalesce(sum(inc), 0) FROM acted")[0][0]
    return _confusion(tables[0], priced.values[0], acts, is_logged=True)


def pairs_of(priced: Priced, variants: Sequence[Variant], level: float) -> list[Pair]:
    """The paired difference of every two variants, the later one less the earlier one."""
    found = []
    for i in range(len(variants)):
        for j in range(i):
            weights = np.zeros(len(variants))
            weights[i], weights[j] = 1.0, -1.0
            difference = paired(priced.joint, level, weights)
            found.append(Pair(proposed=variants[i].name, other=variants[j].name, difference=difference))
    return found


def share_of_gain(priced: Priced, outcomes: Sequence[Outcome], level: float) -> tuple[str, Interval] | None:
    """The best other variant, and what share of its gain the tree has (Fieller 1954); None without both."""
    others = [o for o in outcomes if o.name != TREE]
    if len(others) == len(outcomes) or priced.joint.n < 2:
        return None
    best = max(others, key=lambda o: o.chosen.interval.estimate or 0.0)
    i, j = len(outcomes) - 1, [o.name for o in outcomes].index(best.name)
    mean, covariance = priced.joint.mean, priced.joint.covariance / priced.joint.n
    if mean[j] <= 0:
        return None
    q = float(stdtrit(priced.joint.n - 1, 0.5 + level / 2))
    found = lift_set(
        float(mean[i]), float(covariance[i, i]), float(mean[j]), float(covariance[j, j]), float(covariance[i, j]), q
    )
    is_bounded = found.kind.value == "bounded"
    return best.name, Interval(
        estimate=float(mean[i] / mean[j]),
        low=found.low + 1 if found.low is not None and is_bounded else None,
        high=found.high + 1 if found.high is not None and is_bounded else None,
        level=level,
        kind=found.kind,
    )


def _estimates(asked: Backtest, mode: Mode, priced: Priced, k: int, name: str) -> list[Paired]:
    """All estimates of one variant's difference per unit, the chosen one last."""
    beside = priced.beside[k]
    if mode is Mode.LABELLED:
        found = [paired(beside, asked.level)]
    else:
        ips = paired(beside, asked.level, np.array([0.0, 1.0, 0.0, -1.0]), "ips")
        found = [ips, ratio_of_means(beside, 1, 2, 3, asked.level, "snips")]
        if mode is not Mode.CHOSEN or asked.logged.action:
            found.append(paired(beside, asked.level, method="doubly_robust"))
        else:
            found = found[::-1]
    if priced.bins is not None and found[-1].se:
        key = f"{name} {found[-1].method}"
        drawn = bootstrap_paired(priced.bins[k], asked.level, n_resamples=asked.resamples, seed=asked.seed, key=key)
        if mode is Mode.LABELLED:
            return [*found, drawn]
        # Where a few rows weigh much, resamples that lack them are too sure; the closed form is not.
        found.insert(0, replace(drawn, notes=(f"of {found[-1].method}",)))
    return found


def _confusion(table: Mapping[str, tuple[float, float]], values: Moments, acts: float, *, is_logged: bool) -> Confusion:
    return Confusion(
        cells={name: Cell(units=units, value=value) for name, (units, value) in table.items()},
        acts=float(acts or 0),
        mean=float(values.mean[0]),
        variance=variance_of(values) if is_logged else None,
    )


def _overlap(weights: tuple[int, float, float, float]) -> Overlap:
    rows, first, second, largest = weights
    return Overlap(
        rows=rows,
        effective=effective_size((first, second)),
        largest=largest,
        largest_share=largest / first if first else 0.0,
    )


def _wrong(priced: Priced, k: int, level: float) -> WrongLabels | None:
    """What is left of the total if a share of the outcomes is wrong; None where the other payoff is not known.

    The difference is linear in the shares, so its moments with what a wrong outcome changes give every one of them.
    """
    if priced.lacks_other_payoff:
        return None
    moments = priced.beside[k]
    totals = {
        name: tuple(
            scaled(paired(moments, level, np.array([1.0, share * ones, share * zeros, 0.0])).interval, priced.units)
            for share in SHARES
        )
        for name, (ones, zeros) in WRONG.items()
    }
    d, one, zero, _ = moments.mean
    slopes = {name: ones * one + zeros * zero for name, (ones, zeros) in WRONG.items()}
    break_even = {n: float(-d / s) if s and 0 < -d / s <= 0.5 else None for n, s in slopes.items()}
    return WrongLabels(shares=SHARES, totals=totals, break_even=break_even)


def _value(asked: Backtest, chosen: Paired, name: str, priced: Priced, rows: Rows) -> Value | None:
    """What the difference is worth in a year after costs; None where no costs are given."""
    from abimpact.decide.money import value
    from abimpact.decide.worth import units_per_year

    if asked.value is None or not chosen.se or chosen.interval.estimate is None:
        return None
    span = (max(rows.days) - min(rows.days)).days + 1 if rows.days else None
    total = rows.units if rows.repeated else rows.rows
    per_year = units_per_year(asked.value, total, span)
    mean = float(priced.values[0].mean[0]) or None
    resampled = chosen.interval if chosen.method == "bootstrap" else None
    effect = Effect(estimate=chosen.interval.estimate, se=chosen.se, incumbent=mean, resampled=resampled)
    return value(effect, _terms(asked.value, name), name, per_year, chosen.interval.level)


def _terms(terms: ValueTerms, name: str) -> ValueTerms:
    """The terms for one variant; more rules cost nothing unless it is said what."""
    if name != TREE or TREE in terms.costs:
        return terms
    free = Costs(once={"build_cost": 0.0}, per_year={"run_cost_per_year": 0.0}, metric=terms.metric)
    return replace(terms, costs={**terms.costs, TREE: free})
