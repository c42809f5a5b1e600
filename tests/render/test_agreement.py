"""Every number that a KPI or guardrail table prints is one of the JSON's numbers, to the digits printed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from abimpact.decide.report import Report
from abimpact.render.json import to_dict
from abimpact.render.table import Options, render_text
from tests.render.build import SITUATIONS
from tests.render.reading import agrees, numbers

READABLE = [s for s in SITUATIONS if s != "hostile"]  # whose names hold digits


def _markdown_rows(report: Report) -> Iterator[list[str]]:
    text = render_text(report, "markdown", Options(show_anyway=True))
    for table in text.partition("<details>")[0].split("\n\n"):
        if table.startswith(("| KPI ", "| Guardrail ")):
            for line in table.splitlines():
                if "---" not in line:
                    yield [c.strip() for c in line.strip("|").split(" | ")]


def _terminal_rows(report: Report) -> Iterator[list[str]]:
    text = render_text(report, "terminal", Options(width=140, show_anyway=True))
    for table in text.partition("Checks")[0].split("\n\n"):
        for line in table.splitlines() if table.startswith(("KPI ", "Guardrail ")) else ():
            cells = re.split(r" {2,}", line)
            if len(cells) > 5 and line[0] != " ":
                yield [c for c in cells if not set(c) & set("├┊●")]


def _candidates(metric: dict[str, Any]) -> list[float]:
    """What may be printed of a metric: values, limits, p, bounds and margins; as they are and times 100."""
    found: list[float | None] = [metric["incumbent"]["value"], metric["proposed"]["value"]]
    chosen = [e for e in metric["estimates"] if e["method"] == metric["chosen_method"]]
    for e in chosen:
        found += [e[side][end] for side in ("absolute", "relative") for end in ("estimate", "low", "high")]
        found += [e["pvalue"], e["pvalue_adjusted"]]
    rail = metric["guardrail"] or {}
    found += [rail.get("bound"), rail.get("margin"), -rail.get("margin", 0.0), 0.001]
    known = [x for x in found if x is not None]
    return known + [100 * x for x in known]


@pytest.mark.parametrize("rows", [_markdown_rows, _terminal_rows])
@pytest.mark.parametrize("situation", READABLE)
def test_printed_numbers_are_the_jsons(situation: str, rows: Any) -> None:
    report = SITUATIONS[situation]()
    metrics = iter(to_dict(report)["metrics"])
    for cells in rows(report):
        if cells[0] in {"KPI", "Guardrail"}:
            continue
        metric = next(m for m in metrics if m["name"] == cells[0])
        candidates = _candidates(metric)
        for text in (n for cell in cells[1:6] for n in numbers(cell)):
            assert any(agrees(text, x) for x in candidates), (metric["name"], text)
    assert next(metrics, None) is None


@pytest.mark.parametrize("situation", [s for s in READABLE if not s.startswith(("invalid", "not_an"))])
def test_headline_numbers_are_the_jsons(situation: str) -> None:
    told = to_dict(SITUATIONS[situation]())
    candidates = [x for m in told["metrics"] for x in _candidates(m)]
    candidates += [100 * m["equivalence"]["margin"] for m in told["metrics"] if m["equivalence"]]
    for text in re.findall(r"[+−]?[\d.]+(?= %)", told["verdict"]["headline"]):
        assert any(agrees(text, x) or agrees(text, -x) for x in candidates), text
