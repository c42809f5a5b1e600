#!/usr/bin/env python3
"""Draws bootstrap.svg and prints the table of bootstrap.md: bins against the row-by-row bootstrap, without any draw.

Run it from the folder of the project: `python -m docs.methods.bootstrap_figure`; needs matplotlib.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ndtr

from abimpact.estimate.bootstrap import _merge_middle
from abimpact.spec.metric import MetricKind
from abimpact.summarise.bins import bins, cdf_error_bound
from abimpact.summarise.matched import matched, matched_error
from abimpact.summarise.scan import scan_moments
from tests.logs import frame, opened
from tests.resampled import distribution, of_rows

TARGET = Path(__file__).with_name("bootstrap.svg")
PLACES = np.linspace(-3.0, 3.0, 61)
RESAMPLES = 9999
FEW_PLACES = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
MATCHED = [
    ("latency, 1,000 ± 30", 6_000),
    ("orders, 0 to 12", 20_000),
    ("revenue, 10 % buy", 20_000),
    ("revenue / sessions", 40_000),
]


def data(name: str, units: int, rng: np.random.Generator) -> tuple[str, Any]:
    """A metric's spec and a log with `units` a variant."""
    n = 2 * units
    amount = {
        "revenue, 10 % buy": np.where(rng.random(n) < 0.1, rng.lognormal(3.0, 1.0, n), 0.0),
        "revenue, 5 % buy, heavy tail": np.where(rng.random(n) < 0.05, rng.lognormal(3.0, 1.5, n), 0.0),
        "lognormal, sigma 2.5": rng.lognormal(0.0, 2.5, n),
        "latency, 1,000 ± 30": 1000.0 + 30.0 * rng.gamma(1.0, 1.0, n),
        "revenue / sessions": np.where(rng.random(n) < 0.1, rng.lognormal(3.0, 1.0, n), 0.0),
        "orders, 0 to 12": rng.negative_binomial(0.5, 0.3, n).astype(float),
    }[name]
    return "value/sessions" if "/" in name else "value", frame(n, value=amount)


def errors(spec: str, log_frame: Any) -> tuple[int, int, float, Any, Any]:
    """Bins, bins after merging, the bound of the bins' error, and the errors of both at `PLACES`."""
    is_ratio = "/" in spec
    with opened(log_frame, [spec]) as log:
        columns = log.columns[spec]
        kind = MetricKind.RATIO if is_ratio else MetricKind.MEAN
        moments = scan_moments(log.engine, log.relation, [columns], 2)[0]
        found = bins(log.engine, log.relation, kind, columns, moments)[0]
    rows = log_frame.loc[log_frame.variant == "rules", ["value", "sessions"]].to_numpy(float)
    if not is_ratio:
        rows[:, 1] = 1.0
    ratio = rows[:, 0].sum() / rows[:, 1].sum()
    direction = np.array([1.0, -ratio])
    se = (rows @ direction).std() / rows[:, 1].mean() / np.sqrt(len(rows))
    thresholds = ratio + PLACES * se
    mean, second = found.mean, found.second
    if not is_ratio:
        mean = np.column_stack([mean, np.ones(len(mean))])
        second = np.pad(second, ((0, 0), (0, 1), (0, 1)))
    merged = _merge_middle(found.count, mean, second, direction)
    exact = of_rows(rows, thresholds)
    return (
        len(found.count),
        len(merged[0]),
        cdf_error_bound(found, direction[: found.mean.shape[1]]),
        distribution(found.count, mean, second / found.count[:, None, None], thresholds) - exact,
        distribution(*merged, thresholds) - exact,
    )


def matched_errors(spec: str, log_frame: Any) -> tuple[float, float]:
    """The bound of the error of bins made of moments alone, and their error."""
    rows = log_frame.loc[log_frame.variant == "rules", ["value", "sessions"]].to_numpy(float)
    if "/" not in spec:
        rows[:, 1] = 1.0
    ratio = rows[:, 0].sum() / rows[:, 1].sum()
    direction = np.array([1.0, -ratio])
    with opened(log_frame, [spec]) as log:
        columns = log.columns[spec]
        moments = scan_moments(log.engine, log.relation, [columns], 2)[0][0]
        found = matched(moments, direction[: len(columns)])
        bound = matched_error(columns, moments, direction[: len(columns)])
    mean, second = found.mean, found.second / found.count[:, None, None]
    if "/" not in spec:
        mean, second = np.column_stack([mean, np.ones(len(mean))]), np.pad(second, ((0, 0), (0, 1), (0, 1)))
    thresholds = ratio + FEW_PLACES * (rows @ direction).std() / rows[:, 1].mean() / np.sqrt(len(rows))
    error = distribution(found.count, mean, second, thresholds) - of_rows(rows, thresholds)
    return bound, float(np.abs(error).max())


def main() -> None:
    """Draw and print."""
    print("| metric | units | bound | error |")
    print("| --- | ---: | ---: | ---: |")
    for i, (name, units) in enumerate(MATCHED):
        bound, error = matched_errors(*data(name, units, np.random.default_rng(i)))
        print(f"| {name} | {units:,} | {bound:.2g} | {error:.2g} |")
    print()
    mpl.rcParams.update({"svg.hashsalt": "abimpact", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(2, 3, figsize=(9, 4.8), sharex=True, sharey=True, layout="constrained")
    cases = [
        ("revenue, 10 % buy", 500),
        ("revenue, 5 % buy, heavy tail", 5000),
        ("lognormal, sigma 2.5", 5000),
        ("latency, 1,000 ± 30", 500),
        ("revenue / sessions", 5000),
        ("orders, 0 to 12", 5000),
    ]
    print("| metric | units | bins | bound | error | bins after merging | error |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for i, ((name, units), axis) in enumerate(zip(cases, axes.flat, strict=True)):
        n_bins, n_merged, bound, before, after = errors(*data(name, units, np.random.default_rng(i)))
        largest = [np.abs(e).max() for e in (before, after)]
        print(f"| {name} | {units:,} | {n_bins} | {bound:.2g} | {largest[0]:.2g} | {n_merged} | {largest[1]:.2g} |")
        noise = np.sqrt(ndtr(PLACES) * ndtr(-PLACES) / RESAMPLES)
        axis.semilogy(PLACES, noise, color="0.5", label=f"noise of {RESAMPLES:,} draws (1 s.e.)")
        axis.axhline(0.001, color="0.5", linestyle=":", label="largest error allowed")
        if largest[1] > 0:
            axis.semilogy(PLACES, np.abs(after), color="#c2571a", label="bins, middle merged")
            axis.semilogy(PLACES, np.abs(before), color="#1f5fa8", label="bins")
        else:
            axis.text(0.0, 1e-7, "exact", ha="center")
        axis.set_title(f"{name}; {units:,} units", fontsize=9)
    axes[0, 0].set_ylim(1e-11, 0.03)
    figure.supxlabel("distance from the estimate, standard errors", fontsize=9)
    figure.supylabel("error of the distribution function", fontsize=9)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
