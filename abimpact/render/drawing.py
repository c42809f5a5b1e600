"""Which pictures a report has: a new one is one function and one line here."""

from collections.abc import Sequence

from abimpact.decide.decision import Decision
from abimpact.decide.report import Report
from abimpact.render import charts, curves, spread
from abimpact.render.charts import Chart
from abimpact.render.segments_chart import segments_chart
from abimpact.render.view import Block, View
from abimpact.spec.metric import Role


def drawn(report: Report, v: View) -> list[dict[str, Chart]]:
    """The pictures of each of the view's blocks by name; none where KPIs are withheld."""
    return [_of(report, decision, block, v.level) for decision, block in zip(report.verdicts, v.blocks, strict=True)]


def _of(report: Report, decision: Decision, block: Block, level: str) -> dict[str, Chart]:
    mine = [m for m in report.metrics if m.proposed.variant == decision.proposed and (block.kpis or block.guardrails)]
    main = next((m for m in mine if m.metric.role is Role.PRIMARY), None)
    worth = report.value_of(decision.proposed) if block.money else None
    place = report.proposed.index(decision.proposed) + 1
    found = [
        main and charts.primary(report, main),
        charts.forest(block.kpis, level),
        charts.guardrails(block.guardrails),
        worth and charts.waterfall(report, worth),
        main and curves.developing(main, level),
        main and curves.split_by_day(main, _planned(report.split, place)),
        main and spread.distribution(main),
        main and spread.resampled(main, level),
        *(segments_chart(main, found) for found in block.for_whom if main),
    ]
    return {chart.name: chart for chart in found if chart}


def _planned(split: Sequence[float] | None, place: int) -> float | None:
    """The planned share of variant number `place` among it and the incumbent."""
    return None if split is None else split[place] / (split[0] + split[place])
