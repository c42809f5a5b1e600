#!/usr/bin/env python3
"""Writes real-experiments.md and its picture from the 78 experiments of Liu et al. (2021).

The table is not part of this project. Run it from the folder of the project with the path of the table (asos.parquet:
the columns below, one row a look):
`python -m docs.real_experiments PATH`; needs matplotlib.
"""

import sys
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from abimpact import portfolio
from abimpact.estimate.history import History, shrinkage
from abimpact.portfolio.formats import render
from abimpact.portfolio.results import Portfolio
from abimpact.render.table import Options

HERE = Path(__file__).parent
PAGE, PICTURE = HERE / "real-experiments.md", HERE / "real-experiments.svg"
KEY = ["experiment_id", "variant_id", "metric_id"]
CONFIG = """[data]
kind = "aggregates"
variant = "variant_id"
incumbent = "control"
split = "50:50"

[data.aggregates]
experiment = "experiment_id"
metric = "metric_id"
look = "time_since_start"
count = "count_t"
mean = "mean_t"
variance = "variance_t"
incumbent_count = "count_c"
incumbent_mean = "mean_c"
incumbent_variance = "variance_c"
"""
TEXT = """# 78 real experiments

<!-- Made by docs/real_experiments.py. -->

Liu, Cardoso, Couturier and McCoy published what a fashion shop's platform kept of 78 experiments: for 99 variants and
four KPIs, count, mean and variance at each of up to 132 looks ([data](https://osf.io/64jsb), "Datasets for online
controlled experiments", 2021). The table states no licence, so it is not part of this project. With a copy and this
config beside it

```toml
{config}```

`abimpact portfolio asos.parquet` says:

```text
{output}```

## Peeking

Of {comparisons} comparisons {some} had p < 0.05 at some look, and {last} at the last one. Whoever had stopped at the
first good look would have claimed {lost} effects that were gone in the end, {flipped} of them of the other sign then.

## The winner's curse, and what allowing for luck is worth

Here the truth is nearly known: the last look has many times the units of the first significant one. So "what is left of
a winner?" can be asked of real tests. {winners} comparisons looked significantly better at some look, in experiments
whose split is sound. On average they showed

| | mean lift |
| --- | ---: |
| at the first look that was significant | {first} |
| the same, with luck allowed for | {left} |
| at the last look | {final} |

![Winners at their first significant look against the last look: as measured the points lie far below the diagonal, with
luck allowed for around it](real-experiments.svg)

A dot is a winner. On the left it lies where its test stood when it first looked significant: most dots are far below
the diagonal, so the effect shrank. On the right the same dots with luck allowed for, by their own standard error at
that look and by the spread of true lifts of their KPI
({spreads}).
{closer} of {winners} come nearer to the last look.

Two things to hold against that: the spread is estimated from the last looks of all tests, of which these are a part;
and what remains above the last look is the price of taking the best of many looks, for which one look's standard error
cannot allow. [Always-valid intervals](methods/sequential.md) can.

## Broken splits

{broken} of 78 experiments have p < 0.001 against equal shares, which chance does to one in a thousand. (The planned
split is not published; equal shares is what most of them show.) Their effects are in no number of this page but those
of peeking.
"""


def comparisons(path: Path) -> pd.DataFrame:
    """Lift, its standard error and Welch's p at every look of every comparison."""
    table = pd.read_parquet(path).dropna(subset=["variance_c", "variance_t"]).sort_values([*KEY, "time_since_start"])
    v_c, v_t = (table[f"variance_{arm}"] / table[f"count_{arm}"] for arm in "ct")
    df = (v_c + v_t) ** 2 / (v_c**2 / (table["count_c"] - 1) + v_t**2 / (table["count_t"] - 1))
    statistic = (table["mean_t"] - table["mean_c"]) / np.sqrt(v_c + v_t)
    ratio = table["mean_t"] / table["mean_c"]
    lift_error = np.sqrt(v_t + v_c * ratio**2) / table["mean_c"]
    return table.assign(lift=ratio - 1, se=lift_error, p=2 * stats.t.sf(np.abs(statistic), df))


def winners(table: pd.DataFrame, found: dict[str, Any]) -> pd.DataFrame:
    """The first significantly better look of every comparison in a sound experiment, and its last look (`final`)."""
    sound = table[~table["experiment_id"].isin(found["sample_ratio"]["failed"])]
    last = sound.groupby(KEY).tail(1).set_index(KEY)
    first = sound[(sound["p"] < 0.05)].groupby(KEY).head(1).set_index(KEY)
    first = first[first["lift"] > 0].join(last["lift"].rename("final"))
    past = {p["metric"]: History(tau2=p["tau2"], spread=0.0) for p in found["priors"] if p["metric"]}
    metric = first.index.get_level_values("metric_id").astype(str)
    weights = [shrinkage(se, past[m]).weight for se, m in zip(first["se"], metric, strict=True)]
    return first.assign(left=first["lift"] * weights)


def page(path: Path) -> tuple[str, pd.DataFrame]:
    """The text of the page, and the winners to draw."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "abimpact.toml"
        config.write_text(CONFIG)
        made: Portfolio = portfolio(path, config=config)
    found, table = made.to_dict(), comparisons(path)
    seen, won = found["peeking"], winners(table, found)
    first = table[table["p"] < 0.05].groupby(KEY).head(1).set_index(KEY)
    last = table.groupby(KEY).tail(1).set_index(KEY).loc[first.index]
    lost = last["p"] >= 0.05
    closer = (won["left"] - won["final"]).abs() < (won["lift"] - won["final"]).abs()
    spreads = [f"{100 * p['sd']:.2f} % for {p['metric']}" for p in found["priors"] if p["metric"]]
    text = TEXT.format(
        config=CONFIG,
        output=render(made.told, "terminal", Options()),
        comparisons=seen["comparisons"],
        some=seen["at_some_look"],
        last=seen["at_last_look"],
        lost=int(lost.sum()),
        flipped=int((np.sign(last["lift"]) != np.sign(first["lift"]))[lost].sum()),
        winners=len(won),
        **{
            key: f"+{100 * won[column].mean():.2f} %"
            for key, column in (("first", "lift"), ("left", "left"), ("final", "final"))
        },
        spreads=", ".join(spreads),
        closer=int(closer.sum()),
        broken=len(found["sample_ratio"]["failed"]),
    )
    return text, won


def draw(won: pd.DataFrame) -> str:
    """The picture as SVG."""
    mpl.rcParams.update({"svg.hashsalt": "abimpact", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True, layout="constrained")
    low, high = -2.0, 6.0
    for axis, column, title, colour in (
        (axes[0], "lift", "As measured at the first significant look", "#737b85"),
        (axes[1], "left", "The same, with luck allowed for", "#1f5fd6"),
    ):
        axis.plot([low, high], [low, high], color="#1b1f24", linewidth=0.8)
        axis.axhline(0, color="#d8dce2", linewidth=0.8, zorder=0)
        axis.scatter(
            100 * won[column].clip(upper=high / 100), 100 * won["final"], s=14, color=colour, alpha=0.7, linewidths=0
        )
        axis.set(title=title, xlabel="lift, %", xlim=(0, high), ylim=(low, high))
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylabel("lift at the last look, %")
    beyond = int((won["lift"] > high / 100).sum())
    axes[0].text(high, low, f"{beyond} beyond the edge are drawn on it", ha="right", va="bottom", fontsize=7.5)
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    plt.close(figure)
    return out.getvalue()


if __name__ == "__main__":
    text, won = page(Path(sys.argv[1]))
    PAGE.write_text(text, encoding="utf-8")
    PICTURE.write_text(draw(won), encoding="utf-8")
