"""What `abimpact simulate` prints: can the analysis be trusted on this data, and what would it find?"""

from collections.abc import Sequence
from typing import Any

from abimpact.estimate.estimate import Interval
from abimpact.render import numbers
from abimpact.render.charts import Chart
from abimpact.render.document import Document, Section, Table
from abimpact.render.json import provenance_of
from abimpact.render.json_metric import interval_of
from abimpact.render.methods import METHODS
from abimpact.render.numbers import PERCENT
from abimpact.render.picture import Box, Label, Line, Picture, Shape
from abimpact.render.view import provenance_facts
from abimpact.simulate.values import PVALUE_BINS, NoEffect, Simulation

SCHEMA = "abimpact/simulate/1"
WIDTH, HEIGHT, LEFT, TOP, BASE = 380.0, 150.0, 10.0, 16.0, 24.0


def to_dict(found: Simulation) -> dict[str, Any]:
    """The simulation as plain dicts, lists, strings and numbers."""
    return {
        "schema": SCHEMA,
        "verdict": {"is_trusted": found.is_trusted, "headline": headline(found), "because": list(found.because)},
        "incumbent": found.variants[0],
        "proposed": found.variants[1],
        "repetitions": found.repetitions,
        "pooled_units": found.pooled_units,
        "units": found.units,
        "split": list(found.split),
        "level": found.level,
        "no_effect": [
            {
                "metric": row.metric,
                "method": row.method,
                "is_chosen": row.is_chosen,
                "chosen_methods": dict(row.chosen_methods),
                "false_positives": interval_of(row.false_positives),
                "expected": 1 - found.level,
                "histogram": list(row.histogram),
                "not_estimated": row.not_estimated,
                "reason": row.reason,
            }
            for row in found.no_effect
        ],
        "with_effect": [
            {
                "metric": row.metric,
                "lift": row.lift,
                "power": interval_of(row.power),
                "coverage": interval_of(row.coverage),
                "exaggeration": row.exaggeration,
                "wrong_sign": row.wrong_sign,
                "not_estimated": row.not_estimated,
            }
            for row in found.with_effect
        ],
        "not_simulated": [{"metric": row.metric, "reason": row.reason} for row in found.not_simulated],
        "provenance": provenance_of(found.provenance),
    }


def headline(found: Simulation) -> str:
    """The answer in a sentence."""
    due = _due(found)
    if found.is_trusted is False:
        return f"The analysis cannot be trusted on this data: {found.because[0]}"
    if found.is_trusted is None:
        return f"It cannot be told whether the analysis can be trusted: {found.because[0]}"
    shares = [row.false_positives.estimate or 0.0 for row in found.no_effect if row.is_chosen]
    low, high = _percent(min(shares)), _percent(max(shares))
    told = low if low == high else f"{low} to {high}"
    return f"The analysis can be trusted on this data: {told} of tests cry wolf where nothing differs; {due} are due."


def document(found: Simulation) -> Document:
    """The page."""
    word, tone = {True: ("TRUSTED", "ship"), False: ("NOT TRUSTED", "invalid"), None: ("NOT KNOWN", "keep_testing")}[
        found.is_trusted
    ]
    split = " : ".join(numbers.count(round(found.units * share)) for share in found.split)
    return Document(
        kind="Simulation on the log's own units",
        word=word,
        tone=tone,
        headline=headline(found),
        summary=f"{numbers.count(found.repetitions)} tests of {numbers.count(found.units)} units each ({split}), dealt "
        f"out anew from the {numbers.count(found.pooled_units)} units of the log, whatever their variant was.",
        sections=(
            _no_effect(found),
            _with_effect(found),
            Section(title="Not simulated", facts=tuple((row.metric, row.reason) for row in found.not_simulated)),
            Section(title="How it was done", sentences=_METHOD, is_detail=True),
            Section(title="Provenance", facts=provenance_facts(found.provenance), is_detail=True),
        ),
    )


_METHOD = (
    "The population is the log: all its units pooled, so that a real effect in it is part of the spread. Each test "
    "deals them out to two variants at random and analyses them as `report` does, but for the bootstrap.",
    "Units are dealt in up to 16,384 small blocks whose sums are kept, so that thousands of tests cost one scan. The "
    "values around a quantile are dealt in 4,096 equal shares.",
    "An effect multiplies the proposed variant's values (a ratio's numerator) or turns as many 0s into 1s as the lift "
    "takes. Without --lift it is the one that 80 % of tests should find.",
)


def _no_effect(found: Simulation) -> Section:
    reported = [row for row in found.no_effect if row.is_chosen]
    others = [row for row in found.no_effect if not row.is_chosen]
    interval = f"{_level(found)} interval"
    headers = ("KPI", "method", "false alarms", interval)
    tables = [Table(headers=headers, alignment="llrr", rows=tuple(_alarms(row) for row in reported))]
    if others:
        tables.append(
            Table(
                headers=headers,
                alignment="llrr",
                rows=tuple(_alarms(row) for row in others),
                caption="The methods that the report would not have chosen, in the tests that have them:",
            )
        )
    return Section(
        title="Where nothing differs (A/A)",
        sentences=(
            f"Of tests without an effect {_due(found)} are significant by design: with more the analysis cries wolf, "
            "with fewer it is slow to find what is there.",
        ),
        tables=tuple(tables) if reported else (),
        charts=tuple(_histogram(row) for row in reported),
    )


def _alarms(row: NoEffect) -> tuple[str, ...]:
    labels = [_label(name) for name in row.chosen_methods] or [_label(row.method)]
    return row.metric, " or ".join(labels), _percent(row.false_positives.estimate), _limits(row.false_positives)


def _label(method: str) -> str:
    return METHODS[method].label or "usual"


def _with_effect(found: Simulation) -> Section:
    rows = tuple(
        (
            row.metric,
            numbers.signed(row.lift, PERCENT),
            _percent(row.power.estimate),
            _limits(row.power),
            _percent(row.coverage.estimate),
            numbers.NONE if row.exaggeration is None else f"{numbers.plain(float(f'{row.exaggeration:.3g}'))} ×",
        )
        for row in found.with_effect
    )
    return Section(
        title="With a known effect (A/B)",
        sentences=(
            "How often the effect that was put in is found, how often the interval holds it, and by how much the tests "
            "that find it overstate it.",
        )
        if rows
        else (),
        tables=(
            Table(
                headers=(
                    "KPI",
                    "true lift",
                    "found",
                    f"{_level(found)} interval",
                    "interval right",
                    "overstated",
                ),
                alignment="lrrrrr",
                rows=rows,
            ),
        )
        if rows
        else (),
    )


def _due(found: Simulation) -> str:
    return numbers.plain(float(f"{(1 - found.level) * 100:.6g}")) + " %"


def _level(found: Simulation) -> str:
    return numbers.plain(float(f"{found.level * 100:.6g}")) + " %"


def _percent(x: float | None) -> str:
    return numbers.NONE if x is None else numbers.fixed(x * 100, 1).lstrip("+") + " %"


def _limits(interval: Interval) -> str:
    return f"{_percent(interval.low)} … {_percent(interval.high)}"


def _histogram(row: NoEffect) -> Chart:
    """p-values in equal parts of [0, 1]; without an effect all are as high, but for chance."""
    counts, n = row.histogram, sum(row.histogram) or 1
    wide, tall = (WIDTH - 2 * LEFT) / PVALUE_BINS, HEIGHT - TOP - BASE
    top = max(*counts, 1)
    shapes: list[Shape] = [
        Box("rules-area", LEFT + i * wide + 1, TOP + tall * (1 - c / top), wide - 2, tall * c / top)
        for i, c in enumerate(counts)
    ]
    due = TOP + tall * (1 - n / PVALUE_BINS / top)
    shapes += [
        Line("mark", LEFT, due, WIDTH - LEFT, due),
        Line("axis", LEFT, TOP + tall, WIDTH - LEFT, TOP + tall),
        *(Label("soft", x, HEIGHT - 8, text, anchor) for x, text, anchor in _ends()),
    ]
    return Chart(
        name=f"pvalues-{row.metric}",
        title=row.metric,
        caption=f"{row.metric}: p-values of tests without an effect. When the method is right, all bars reach the "
        "dashed line, but for chance; a higher first bar would be false alarms.",
        picture=Picture(width=WIDTH, height=HEIGHT, alt=_alt(row.metric, counts), shapes=shapes),
    )


def _ends() -> Sequence[tuple[float, str, str]]:
    return (LEFT, "p = 0", "start"), (WIDTH - LEFT, "1", "end")


def _alt(metric: str, counts: Sequence[int]) -> str:
    return (
        f"{metric}: {numbers.count(counts[0])} of {numbers.count(sum(counts))} p-values are below {1 / PVALUE_BINS:g}"
    )
