"""The pictures of a report as files: SVG for pages and slides, PNG for mails."""

import re
from collections.abc import Iterable, Iterator

from abimpact.decide.report import Report
from abimpact.render.charts import Chart
from abimpact.render.drawing import drawn
from abimpact.render.numbers import written_in
from abimpact.render.picture import png, svg
from abimpact.render.view import view


def plots(report: Report, *, show_anyway: bool = False) -> Iterator[tuple[str, str | bytes]]:
    """File names and contents; none where KPIs are withheld. With several variants names start with theirs."""
    with written_in(report.presentation.locale):
        v = view(report, show_anyway=show_anyway)
        for i, (block, charts) in enumerate(zip(v.blocks, drawn(report, v), strict=True), start=1):
            variant = f"{i}-{_slug(block.proposed)}-" if len(v.blocks) > 1 else ""
            yield from as_files(charts.values(), prefix=variant)


def as_files(charts: Iterable[Chart], *, prefix: str = "") -> Iterator[tuple[str, str | bytes]]:
    """File names and contents of pictures, each as SVG and PNG."""
    for chart in charts:
        yield f"{prefix}{_slug(chart.name)}.svg", svg(chart.picture, is_alone=True)
        yield f"{prefix}{_slug(chart.name)}.png", png(chart.picture)


def _slug(text: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
