"""Do the variants have the units that were planned? See methods.md g."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from abimpact.check.phases import phase_of_days
from abimpact.findings import Finding, Severity, by_chance
from abimpact.read.log import Log

BLOCK_BELOW, WARN_BELOW = 0.001, 0.01
SMALLEST_EXPECTED = 5
EXACT_BELOW = 1000
FEW_UNITS = 30
# Below this a double underflows to 0, which would read as impossible.
SMALLEST_PVALUE = 1e-300
ROUND_SPLITS = ((50, 50), (60, 40), (2, 1), (70, 30), (3, 1), (80, 20), (90, 10), (95, 5), (99, 1))
# How many units' weight the plan has against other splits, where one looks every day.
PRIOR_UNITS = 100.0


def sample_ratio_pvalue(counts: Sequence[int], shares: Sequence[float]) -> tuple[float, float]:
    """Chi-square statistic and p-value of `counts` against planned `shares` (any positive scale).

    Two variants with fewer than 1,000 units get the exact binomial p (sum of the probabilities of all
    outcomes no likelier than the one seen). Source: Fabijan et al. 2019.
    """
    from scipy.special import chdtrc, gammaln

    observed = np.asarray(counts, dtype=float)
    share = np.asarray(shares, dtype=float) / math.fsum(shares)
    n = observed.sum()
    expected = n * share
    statistic = float(((observed - expected) ** 2 / expected).sum())
    if len(counts) == 2 and n < EXACT_BELOW:
        k = np.arange(n + 1)
        log_mass = (
            gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + k * np.log(share[0]) + (n - k) * np.log(share[1])
        )
        mass = np.exp(log_mass)
        # Equal probabilities differ in the last digits: scipy's binomtest allows the same slack.
        pvalue = float(mass[mass <= mass[int(counts[0])] * (1 + 1e-7)].sum())
        return statistic, min(pvalue, 1.0)
    return statistic, max(float(chdtrc(len(counts) - 1, statistic)), SMALLEST_PVALUE)


def log_bayes_factor(counts: Sequence[int], shares: Sequence[float], prior: Sequence[float]) -> float:
    """How much likelier `counts` are under some split (Dirichlet with `prior`) than under `shares`, as a logarithm.

    ln G(sum a) - ln G(sum a + n) + sum [ln G(a_i + o_i) - ln G(a_i)] - sum o_i ln w_i. 1 over the factor is a p-value
    that holds however often one looks (Lindon & Malek 2022).
    """
    from scipy.special import gammaln

    o, a = np.asarray(counts, dtype=float), np.asarray(prior, dtype=float)
    w = np.asarray(shares, dtype=float) / math.fsum(shares)
    gained = gammaln(a.sum()) - gammaln(a.sum() + o.sum()) + (gammaln(a + o) - gammaln(a)).sum()
    return float(gained - o @ np.log(w))


def any_look_pvalue(log: Log, split: Sequence[float]) -> float | None:
    """The p of the split that holds at every day's look: the least over all days so far; None without days."""
    if not log.days.days:
        return None
    prior = [PRIOR_UNITS * s / math.fsum(split) for s in split]
    looks = np.cumsum(np.array(log.days.counts, dtype=int), axis=0).tolist()
    most = max(log_bayes_factor(look, split, prior) for look in looks)
    return max(min(1.0, float(np.exp(-most))), SMALLEST_PVALUE)


def nearest_split(counts: Sequence[int]) -> tuple[float, ...]:
    """The round split nearest to two counts; equal shares for more variants."""
    if len(counts) != 2:
        return (1.0,) * len(counts)
    share = counts[0] / sum(counts)
    mirrored = chain.from_iterable(((a, b), (b, a)) for a, b in ROUND_SPLITS)
    return min(((float(a), float(b)) for a, b in mirrored), key=lambda s: abs(s[0] / math.fsum(s) - share))


def sample_ratio(log: Log) -> list[Finding]:
    """Chi-square test of the units against the planned split, or the nearest round one; a ramp's phase by phase."""
    if log.clusters:
        from abimpact.check.clusters import cluster_ratio

        return cluster_ratio(log, log.clusters)
    if log.experiment.calendar.phases:
        return _by_phase(log)
    declared = log.experiment.split
    split = declared or nearest_split(log.units)
    expected = [sum(log.units) * s / math.fsum(split) for s in split]
    if min(expected) < SMALLEST_EXPECTED:
        return []
    statistic, pvalue = sample_ratio_pvalue(log.units, split)
    planned = ":".join(f"{s:g}" for s in split)
    arrived = ", ".join(f"{n:,} {v}" for v, n in zip(log.variants, log.units, strict=True))
    plan = f"{planned} was planned" if declared else f"No split was declared; {planned} is the nearest round one"
    severity = Severity.BLOCK if pvalue < BLOCK_BELOW else Severity.WARN if pvalue < WARN_BELOW else Severity.PASS
    is_fine = severity is Severity.PASS
    return [
        Finding(
            code="sample_ratio",
            severity=severity,
            message=f"{plan}; units: {arrived} ({by_chance(pvalue)}).",
            why=""
            if is_fine
            else "Units are missing from a variant, and those that are missing are rarely like the rest.",
            do=""
            if is_fine
            else "Find the loss (redirects, crashes, bots, filters, late logging) before trusting any KPI."
            + ("" if declared else " If another split was planned, give it with --split."),
            data={
                "counts": dict(zip(log.variants, log.units, strict=True)),
                "expected": dict(zip(log.variants, expected, strict=True)),
                "statistic": statistic,
                "pvalue": pvalue,
                "any_look_pvalue": any_look_pvalue(log, split),
                "declared": declared is not None,
            },
        )
    ]


def _by_phase(log: Log) -> list[Finding]:
    """Each phase's units against the split planned for it, allowing for their number (Bonferroni)."""
    tested = [found for found in _phases(log) if found["pvalue"] is not None]
    if not tested:
        return []
    worst = min(tested, key=lambda found: found["pvalue"])
    pvalue = min(worst["pvalue"] * len(tested), 1.0)
    severity = Severity.BLOCK if pvalue < BLOCK_BELOW else Severity.WARN if pvalue < WARN_BELOW else Severity.PASS
    arrived = ", ".join(f"{n:,} {v}" for v, n in worst["counts"].items())
    is_fine = severity is Severity.PASS
    message = (
        f"All {len(tested)} phases have the split planned for them ({by_chance(pvalue)})."
        if is_fine
        else f"Phase {worst['phase']} has {arrived} ({by_chance(pvalue)}, {len(tested)} phases looked at)."
    )
    return [
        Finding(
            code="sample_ratio",
            severity=severity,
            message=message,
            why=""
            if is_fine
            else "Units are missing from a variant, and those that are missing are rarely like the rest.",
            do=""
            if is_fine
            else "Find the loss (redirects, crashes, bots, late logging), or correct [[data.split_schedule]].",
            data={
                "counts": {v: sum(f["counts"][v] for f in tested) for v in log.variants},
                "expected": {v: math.fsum(f["expected"][v] for f in tested) for v in log.variants},
                "statistic": math.fsum(f["statistic"] for f in tested),
                "pvalue": pvalue,
                "declared": True,
                "phases": tested,
            },
        )
    ]


def _phases(log: Log) -> list[Mapping[str, Any]]:
    counts, of_days = np.array(log.days.counts, dtype=int), phase_of_days(log, log.days)
    found: list[Mapping[str, Any]] = []
    for place, phase in enumerate(log.experiment.calendar.phases, start=1):
        units = counts[of_days == place].sum(axis=0) if len(counts) else np.zeros(len(log.variants), dtype=int)
        expected = units.sum() * np.array(phase.split) / sum(phase.split)
        # A variant that was not to run and has units is no matter of chance.
        is_against_plan = bool((units[expected == 0] > 0).any())
        planned = expected > 0
        is_tested = planned.sum() > 1 and expected[planned].min() >= SMALLEST_EXPECTED
        statistic, pvalue = (
            sample_ratio_pvalue(units[planned].tolist(), expected[planned].tolist()) if is_tested else (0.0, None)
        )
        found.append(
            {
                "phase": phase.name,
                "counts": dict(zip(log.variants, units.tolist(), strict=True)),
                "expected": dict(zip(log.variants, expected.tolist(), strict=True)),
                "statistic": statistic,
                "pvalue": SMALLEST_PVALUE if is_against_plan else pvalue,
            }
        )
    return found


def too_few_units(log: Log) -> list[Finding]:
    """Variants with so few units that no approximation should be trusted."""
    counts = dict(zip(log.variants, log.units, strict=True))
    few = {v: n for v, n in counts.items() if n < FEW_UNITS}
    if not few:
        return [
            Finding(
                code="too_few_units",
                severity=Severity.PASS,
                message="Every variant has enough units to compare.",
                data={"units": counts},
            )
        ]
    listed = ", ".join(f"{v} has {n}" for v, n in few.items())
    return [
        Finding(
            code="too_few_units",
            severity=Severity.BLOCK if min(few.values()) < 2 else Severity.WARN,
            message=f"{listed} units; at least {FEW_UNITS} are needed.",
            why="Intervals rest on averages of many units; with so few they promise more than they know.",
            do="Wait for more units, or read the result as an anecdote.",
            data={"units": counts, "needed": FEW_UNITS},
        )
    ]
