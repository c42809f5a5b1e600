"""docs/validation.md from the numbers of the study: tables between its markers, and two pictures."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
GROUPS = {
    "alike": "same shape, no effect",
    "mild": "mildly different",
    "apart": "different tails",
    "effect": "a true effect",
}


def write(text: str, kept: dict[str, Any]) -> str:
    """`text` with every `<!-- name -->` … `<!-- end -->` filled."""
    for name, made in tables(kept).items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, n = re.subn(pattern, lambda m, made=made: m[1] + made + m[2], text, flags=re.DOTALL)
        assert n == 1, name
    return text


def tables(kept: dict[str, Any]) -> dict[str, str]:
    """Every table by its marker."""
    regimes = kept["regimes"]
    return {
        "summary": _summary(regimes),
        "alike": _regimes([r for r in regimes if r["group"] == "alike"]),
        "effect": _regimes([r for r in regimes if r["group"] == "effect"]),
        "mild": _regimes([r for r in regimes if r["group"] == "mild"]),
        "apart": _apart([r for r in regimes if r["group"] == "apart"]),
        "rules": _rules(kept["rules"]),
        "margins": _table(
            ["KPI", "units", "split", "shown safe", "broken"],
            ([r["shape"], _count(r["units"]), r["split"], _percent(r["safe"]), _percent(r["worse"])]
             for r in kept["margins"]),
        ),
        "looks": _looks(kept["looks"]),
        "quantiles": _table(
            ["quantile", "units", "split", "misses"],
            ([f"{r['quantile']:g}", _count(r["units"]), r["split"], _percent(r["misses"])] for r in kept["quantiles"]),
        ),
        "resampled": _table(
            ["KPI", "units", "split", "bootstrap misses", "what is chosen misses", "width of the bootstrap's"],
            ([r["shape"], _count(r["units"]), r["split"], _percent(r["bootstrap"]), _percent(r["chosen"]),
              f"{r['width']:.2f}"] for r in kept["resampled"]),
        ),
        "whole_logs": _table(
            ["metric", "method", "misses", "logs"],
            ([f"`{r['metric']}`", r["method"], _percent(r["misses"]), _count(r["logs"])] for r in kept["whole_logs"]),
        ),
    }  # fmt: skip


def _summary(regimes: Sequence[Row]) -> str:
    """For each group: how many regimes, the most misses, the mean width over Welch's."""
    rows = []
    for group in ("alike", "mild", "apart"):
        mine = [r for r in regimes if r["group"] == group]
        flagged = [r for r in mine if r["flagged"] > 0.5]
        worst = max(mine, key=_misses)
        rows.append(
            [
                GROUPS[group], str(len(mine)), f"{_percent(_misses(worst))} ({_named(worst)})",
                _percent(max(_misses(r) for r in flagged)), _percent(max(r["plain_misses"] for r in flagged)),
                _mean_width(flagged), _mean_width(mine),
            ]
        )  # fmt: skip
    head = [
        "regimes", "number", "most misses", "under the skew flag", "Welch there", "mean width there", "over all",
    ]  # fmt: skip
    return _table(head, rows)


def _mean_width(rows: Sequence[Row]) -> str:
    return f"{sum(r['width'] for r in rows) / len(rows):.2f}" if rows else "–"


def _named(r: Row) -> str:
    return f"{r['family']}, {r['shape']}, {_count(r['units'])} at {r['split']}"


def _misses(r: Row) -> float:
    return float(r["below"] + r["above"])


def _regimes(rows: Sequence[Row]) -> str:
    head = [
        "KPI", "data", "units", "split", "method", "misses", "below / above", "Welch, delta", "width", "power",
    ]  # fmt: skip
    return _table(head, map(_regime, rows))


def _regime(r: Row) -> list[str]:
    both = f"{_percent(r['below'])} / {_percent(r['above'])}"
    power = "" if r["power"] is None else f"{r['power'] * 100:.0f} %"
    is_widened = r["flagged"] > 0
    return [
        r["family"], r["shape"], _count(r["units"]), r["split"], r["method"].replace("/", " / "),
        f"**{_percent(_misses(r))}**", both, _percent(r["plain_misses"]) if is_widened else "",
        f"{r['width']:.2f}" if is_widened else "1", power,
    ]  # fmt: skip


def _apart(rows: Sequence[Row]) -> str:
    warned = ["`shapes_differ` warns", "flagged as skewed"]
    head = ["data", "units", "split", "misses", "Welch misses", "width", *warned]
    return _table(
        head,
        ([r["shape"], _count(r["units"]), r["split"], f"**{_percent(_misses(r))}**", _percent(r["plain_misses"]),
          f"{r['width']:.2f}", f"{r['warned'] * 100:.0f} %", f"{r['flagged'] * 100:.0f} %"] for r in rows),
    )  # fmt: skip


def _rules(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(r["rule"] for r in rows))
    by = {(r["rule"], r["group"]): r for r in rows}
    head = ["rule", *(f"{GROUPS[g]}: {what}" for g in ("alike", "mild", "apart") for what in ("most misses", "width"))]
    body = []
    for name in names:
        cells = [name]
        for group in ("alike", "mild", "apart"):
            row = by[name, group]
            cells += [_percent(row["most_misses"]), f"{row['mean_width']:.2f} (≤ {row['most_width']:.2f})"]
        body.append(cells)
    return _table(head, body)


def _looks(rows: Sequence[Row]) -> str:
    head = ["KPI", "split", "looks", "fixed test", "always-valid", "planned looks", "looks that may claim"]
    return _table(
        head,
        ([r["shape"], r["split"], str(r["looks"]), _percent(r["one look"]), _percent(r["always-valid"]),
          _percent(r["group"]) if "group" in r else "–", f"{r['open'] * 100:.0f} %"] for r in rows),
    )  # fmt: skip


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    numbers = ["---:" if i else "---" for i in range(len(head))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, numbers, *rows))


def _percent(x: float) -> str:
    return f"{x * 100:.1f} %"


def _count(n: int) -> str:
    return f"{n:,}"


def pictures(kept: dict[str, Any], folder: Path) -> None:
    """Misses of the default intervals, and what the widening costs."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "abimpact", "svg.fonttype": "none"}
    _misses_picture(kept["regimes"], folder / "validation-misses.svg")
    _looks_picture(kept["looks"], folder / "validation-looks.svg")


def _misses_picture(regimes: Sequence[Row], target: Path) -> None:
    from matplotlib import pyplot as plt

    rows = [r for r in regimes if r["family"] == "mean" and "tail" in r["shape"] and r["group"] == "alike"]
    figure, axes = plt.subplots(figsize=(7.2, 0.24 * len(rows) + 1.1))
    places = range(len(rows), 0, -1)
    shown: list[tuple[str, str, Callable[[Row], float]]] = [
        ("Welch", "#b0b0b0", lambda r: r["plain_misses"]), ("what abimpact chooses", "#1f5fa8", _misses)
    ]  # fmt: skip
    for label, colour, of in shown:
        axes.plot([of(r) * 100 for r in rows], places, "o", color=colour, label=label, markersize=5)
    axes.axvline(5, color="#444444", linewidth=0.8)
    axes.set_yticks(list(places), [f"{r['shape']}, {_count(r['units'])}, {r['split']}" for r in rows], fontsize=8)
    axes.set_xlim(0, None)
    axes.set_xlabel("intervals that miss the truth, % (nominal 5)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _looks_picture(rows: Sequence[Row], target: Path) -> None:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 0.34 * len(rows) + 1.1))
    places = range(len(rows), 0, -1)
    for key, colour, label in (
        ("one look", "#b0b0b0", "fixed test"),
        ("group", "#c77700", "planned looks"),
        ("always-valid", "#1f5fa8", "always-valid"),
    ):
        points = [(r[key] * 100, y) for r, y in zip(rows, places, strict=True) if key in r]
        axes.plot(*zip(*points, strict=True), "o", color=colour, label=label, markersize=5)
    axes.axvline(5, color="#444444", linewidth=0.8)
    axes.set_yticks(list(places), [f"{r['shape']}, {r['split']}, {r['looks']} looks" for r in rows], fontsize=8)
    axes.set_xlim(-1, None)
    axes.set_xlabel("tests without an effect in which some look finds one, %")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
