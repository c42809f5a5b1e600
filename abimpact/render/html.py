"""The report as one HTML file that needs nothing else: no network, no script to be read."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from abimpact.decide.report import Report
from abimpact.render import charts, picture
from abimpact.render.drawing import drawn
from abimpact.render.escape import xml
from abimpact.render.glossary import GLOSSARY
from abimpact.render.table import Options
from abimpact.render.view import view
from abimpact.render.whatif import script, script_hash, whatif

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"


def render(report: Report, options: Options) -> str:
    """The page; with an invalid verdict KPIs are withheld unless `options.show_anyway`."""
    v = view(report, show_anyway=options.show_anyway)
    # The one that decides first.
    variants = sorted(zip(v.blocks, drawn(report, v), strict=True), key=lambda pair: pair[0] is not v.overall)
    whatifs = [whatif(report, block.name) if block.money else None for block, _ in variants]
    return page(
        "page.html",
        v=v,
        variants=variants,
        glossary=GLOSSARY,
        whatifs=whatifs,
        script=script(),
        script_hash=script_hash(),
    )


def page(template: str, **values: object) -> str:
    """A template of this room filled in, with the style that all pages share."""
    return _environment().get_template(template).render(style=_style(), **values)


def framed(page: str) -> str:
    """A page inside another one: an isolated frame that needs no other file."""
    from markupsafe import Markup

    return Markup(
        '<iframe title="abimpact report" sandbox="allow-scripts" srcdoc="{}" '
        'style="width:100%;height:44rem;border:1px solid #8886;border-radius:8px;resize:vertical"></iframe>'
    ).format(page)


def _style() -> str:
    """The style sheet: the palette in both themes, the roles of shapes, and the page's own rules."""
    light, dark = picture.colours(0), picture.colours(1)
    return "\n".join(
        [
            f":root{{color-scheme:light dark;{light}}}",
            f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}",
            f"@media print{{:root{{{light}}}}}",
            picture.style_sheet(""),
            (_TEMPLATES / "style.css").read_text(encoding="utf-8"),
        ]
    )


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        """Text with its control and direction characters made visible, before it is escaped."""
        return xml(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        keep_trailing_newline=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["svg"] = lambda drawn: Markup(picture.svg(drawn))
    made.filters["css"] = Markup
    made.globals["charts"] = charts
    return made
