"""What has no place in the table of intervals: margins, many looks, resampling, quantiles, and whole logs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from draws import Arms, Floats, Revenue, shares, summary
from intervals import ALPHA, LEVEL
from regimes import HEAVY, MODERATE, SPLITS, sizes

from abimpact.estimate.bootstrap import bootstrap
from abimpact.estimate.estimate import Estimate, Interval
from abimpact.estimate.monitor import AlwaysValid, GroupSequential, Monitor
from abimpact.estimate.quantile import ranks_wanted
from abimpact.estimate.sequential import Spending
from abimpact.estimate.table import estimate
from abimpact.spec.metric import MetricKind, Tolerance
from abimpact.summarise.summary import Bins, MetricSummary, Ranks

Row = dict[str, Any]
MARGIN = Tolerance(amount=0.05, is_relative=True)
LOOKS = 20


def margins(repetitions: int, seed: int) -> list[Row]:
    """Guardrails whose true loss is the margin: how often they are shown safe (nominal 5 %) or broken (2.5 %)."""
    rows = []
    for split in ("50:50", "90:10", "10:90", "99:1"):
        for name, law in (("moderate tail", MODERATE), ("heavy tail", HEAVY)):
            worse = replace(law, mu=law.mu + np.log(1 - MARGIN.amount))
            arms = _drawn(5_000, split, law.arms, worse.arms, repetitions, seed)
            rows.append(_margin(name, 5_000, split, MetricKind.MEAN, arms))
        units = 50_000
        c, t = (lambda g, r, n, p=p: shares(g, r, n, p) for p in (0.1, 0.1 * (1 - MARGIN.amount)))
        arms = _drawn(units, split, c, t, repetitions // 5, seed)
        rows.append(_margin("10.0%", units, split, MetricKind.PROPORTION, arms))
    return rows


def _margin(shape: str, units: int, split: str, kind: MetricKind, arms: tuple[Arms, Arms]) -> Row:
    safe = worse = judged = 0
    for i in range(len(arms[0].mean)):
        found = estimate(summary(kind, arms, i, margin=MARGIN), 1, level=LEVEL, n_resamples=0, seed=0).guardrail
        if found:
            judged += 1
            safe += found.is_safe
            worse += found.is_worse
    n = len(arms[0].mean)
    return {"shape": shape, "units": units, "split": split, "judged": judged / n, "safe": safe / n, "worse": worse / n}


def _drawn(
    units: int, split: str, c: Callable[..., Arms], t: Callable[..., Arms], repetitions: int, seed: int
) -> tuple[Arms, Arms]:
    rng = np.random.default_rng([seed, units, round(1000 * SPLITS[split])])
    n_c, n_t = sizes(units, split)
    return c(rng, repetitions, n_c), t(rng, repetitions, n_t)


def looks(repetitions: int, seed: int) -> list[Row]:
    """Tests without an effect, looked at again and again: how often any look says that there is one."""
    rows = []
    for shape, law, split, units, times in (
        ("normal", None, "50:50", 20_000, LOOKS),
        ("normal", None, "50:50", 20_000, 10 * LOOKS),
        ("moderate tail", MODERATE, "50:50", 20_000, LOOKS),
        ("moderate tail", MODERATE, "50:50", 20_000, 10 * LOOKS),
        ("heavy tail", HEAVY, "50:50", 20_000, LOOKS),
        ("moderate tail", MODERATE, "90:10", 20_000, LOOKS),
        ("heavy tail", HEAVY, "90:10", 20_000, LOOKS),
    ):
        monitors = _monitors(units, times)
        reps = repetitions if times == LOOKS else repetitions // 4
        ever, opened = dict.fromkeys(monitors, 0), 0
        for batch in _batches(law, split, units // times, times, reps, seed):
            stopped = dict.fromkeys(monitors, False)
            for k, whole in enumerate(batch):
                for name, monitor in monitors.items():
                    found = estimate(whole, 1, level=LEVEL, n_resamples=0, seed=0, monitor=monitor(k))
                    if found.chosen:
                        stopped[name] |= _excludes_zero(found.estimates[-1].absolute)
                        opened += name == "always-valid"
            for name, is_stopped in stopped.items():
                ever[name] += is_stopped
        rows.append(
            {"shape": shape, "split": split, "units": units, "looks": times, "repetitions": reps}
            | {name: n / reps for name, n in ever.items()}
            | {"open": opened / reps / times}
        )
    return rows


def _excludes_zero(interval: Interval) -> bool:
    return (interval.low or 0.0) > 0 or (interval.high or 0.0) < 0


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned look with its boundary, and no search for the p at which it would lie on it: the interval decides."""

    bound: float
    is_gated: bool = False

    def critical(self, n: int, alpha: float) -> float:  # noqa: ARG002, part of the protocol
        """The boundary."""
        return self.bound

    one_sided_critical = critical

    def pvalue(self, z: float, n: int, alpha: float) -> float:  # noqa: ARG002
        """Not asked for here."""
        return 1.0

    one_sided_pvalue = pvalue


def _monitors(units: int, times: int) -> dict[str, Callable[[int], Monitor | None]]:
    found: dict[str, Callable[[int], Monitor | None]] = {
        "one look": lambda _: None,
        "always-valid": lambda _: AlwaysValid(float(units)),
    }
    if times == LOOKS:
        fractions = tuple((k + 1) / times for k in range(times))
        bounds = [GroupSequential(fractions[: k + 1], Spending.OBRIEN_FLEMING).critical(0, ALPHA) for k in range(times)]
        found["group"] = lambda k: Planned(bounds[k])
    return found


def _batches(
    law: Revenue | None, split: str, step: int, times: int, repetitions: int, seed: int
) -> Iterator[Iterator[MetricSummary]]:
    """For each test, its summary at every look: what is in so far, merged with the units of the next step."""
    rng = np.random.default_rng([seed, step, times])
    for _ in range(repetitions):
        arms = [_steps(rng, law, n, times) for n in sizes(step, split)]
        yield (_look(arms, k) for k in range(times))


def _steps(rng: np.random.Generator, law: Revenue | None, n: int, times: int) -> list[Arms]:
    if law is None:
        # Means and variances of normal units have known laws; the sums of each step are all that is drawn.
        mean = rng.normal(10.0, 3.0 / np.sqrt(n), (times, 1))
        second = 9.0 * rng.chisquare(n - 1, (times, 1, 1))
        arms = Arms(n, mean, second, np.zeros((times, 1, 1, 1)), mean[:, 0], np.full(times, n))
    else:
        arms = law.arms(rng, times, n)
    return [Arms(n, *(x[k : k + 1] for x in _parts(arms))) for k in range(times)]


def _parts(arms: Arms) -> tuple[Any, ...]:
    return arms.mean, arms.second, arms.third, arms.largest, arms.nonzero


def _look(arms: Sequence[list[Arms]], k: int) -> MetricSummary:
    """The summary after look k, whose moments replace those of the step."""
    for steps in arms:
        if k:
            merged = steps[k - 1].moments(0) + steps[k].moments(0)
            steps[k] = Arms(
                merged.n,
                merged.mean[None],
                merged.second[None],
                merged.third[None],
                np.maximum(steps[k - 1].largest, steps[k].largest),
                steps[k - 1].nonzero + steps[k].nonzero,
            )
    return summary(MetricKind.MEAN, (arms[0][k], arms[1][k]), 0)


def resampled(repetitions: int, seed: int) -> list[Row]:
    """The percentile bootstrap from one bin for every distinct value, beside what is chosen."""
    rows = []
    for shape, law in (("moderate tail", MODERATE), ("heavy tail", HEAVY)):
        for split in ("50:50", "90:10"):
            rng = np.random.default_rng([seed, round(1000 * SPLITS[split])])
            missed, width, chosen, n = 0, 0.0, 0, 0
            for _ in range(repetitions):
                arms = [_revenue_rows(rng, law, size) for size in sizes(2_000, split)]
                whole = _binned(arms)
                drawn = bootstrap(whole, 1, level=LEVEL, n_resamples=999, seed=n)
                found = estimate(whole, 1, level=LEVEL, n_resamples=0, seed=0)
                if not isinstance(drawn, Estimate) or not found.estimates:
                    continue
                n += 1
                missed += _misses(drawn.absolute)
                chosen += _misses(found.estimates[-1].absolute)
                width += _width(drawn.absolute) / _width(found.estimates[0].absolute)
            rows.append(
                {"shape": shape, "split": split, "units": 2_000, "bootstrap": missed / n, "chosen": chosen / n}
                | {"width": width / n}
            )
    return rows


def _revenue_rows(rng: np.random.Generator, law: Revenue, n: int) -> Floats:
    bought = rng.random(n) < law.buyers
    return np.where(bought, rng.lognormal(law.mu, law.sigma, n), 0.0)


def _binned(rows: Sequence[Floats]) -> MetricSummary:
    """Rows as abimpact bins a column with few values: one bin for each."""
    arms, bins = [], []
    for x in rows:
        values, counts = np.unique(x, return_counts=True)
        away = x - x.mean()
        second, third = (away**2).sum(), (away**3).sum()
        arms.append(
            Arms(
                len(x), np.array([[x.mean()]]), np.array([[[second]]]), np.array([[[[third]]]]),
                np.array([x.max()]), np.array([(x != 0).sum()]),
            )
        )  # fmt: skip
        k = len(values)
        bins.append(Bins(counts.astype(np.int64), values[:, None], np.zeros((k, 1, 1)), np.zeros(k)))
    return replace(summary(MetricKind.MEAN, (arms[0], arms[1]), 0), bins=(bins[0], bins[1]))


def _misses(interval: Interval) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return not interval.low <= 0.0 <= interval.high


def _width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def quantiles(repetitions: int, seed: int) -> list[Row]:
    """The median and the 90 % quantile of lognormal latencies, and how often the interval misses no difference."""
    rows = []
    for units, split in ((1_000, "50:50"), (1_000, "90:10"), (10_000, "99:1")):
        for nu in (0.5, 0.9):
            rng = np.random.default_rng([seed, units, round(100 * nu)])
            missed, n = 0, 0
            for _ in range(repetitions):
                arms = [np.sort(rng.lognormal(5.0, 0.7, size)) for size in sizes(units, split)]
                found = estimate(_ranked(arms, nu), 1, level=LEVEL, n_resamples=0, seed=0)
                if found.chosen:
                    n += 1
                    missed += _misses(found.estimates[-1].absolute)
            rows.append({"quantile": nu, "units": units, "split": split, "estimated": n / repetitions}
                        | {"misses": missed / max(n, 1)})  # fmt: skip
    return rows


def _ranked(rows: Sequence[Floats], nu: float) -> MetricSummary:
    nothing = np.zeros((1, 1))
    arms = [Arms(len(x), nothing, nothing[None], nothing[None, None], nothing[0], np.array([len(x)])) for x in rows]
    whole = summary(MetricKind.QUANTILE, (arms[0], arms[1]), 0)
    ranks = tuple(Ranks(len(x), {r: float(x[r - 1]) for r in ranks_wanted(len(x), nu, level=LEVEL)}) for x in rows)
    return replace(whole, metric=replace(whole.metric, quantile=nu), ranks=ranks)


def whole_logs(repetitions: int, seed: int) -> list[Row]:
    """Logs of revenue, orders and sessions at 90:10, each read, checked, summarised and judged as a user's would be."""
    import pandas as pd

    from abimpact import analyze

    rng = np.random.default_rng(seed)
    specs = ["revenue", "bought", "revenue/sessions"]
    missed, methods = dict.fromkeys(specs, 0), {name: set() for name in specs}
    for _ in range(repetitions):
        revenue, sessions = _revenue_rows(rng, MODERATE, 3_000), 1 + rng.poisson(2.0, 3_000)
        variant = np.where(rng.random(3_000) < 0.1, "ml", "rules")
        log = pd.DataFrame({"variant": variant, "revenue": revenue, "sessions": sessions, "bought": revenue > 0})
        told = analyze(log, variant="variant", incumbent="rules", metrics=specs, split="90:10", resamples=0).to_dict()
        for metric in told["metrics"]:
            chosen = next(e for e in metric["estimates"] if e["method"] == metric["chosen_method"])
            methods[metric["name"]].add(chosen["method"])
            missed[metric["name"]] += not chosen["absolute"]["low"] <= 0 <= chosen["absolute"]["high"]
    return [
        {"metric": name, "method": "/".join(sorted(methods[name])), "misses": n / repetitions, "logs": repetitions}
        for name, n in missed.items()
    ]
