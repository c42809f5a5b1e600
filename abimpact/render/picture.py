"""Pictures as a list of shapes, written as SVG (for the page, in its colours, or alone) or as PNG.

A shape says what it is (its role), not how it looks; roles and colours are tables here, which the page's style sheet is
made from too. Coordinates are pixels from the upper left corner. Text stays text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from abimpact.render.escape import xml

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours by name: (light, dark). Text on `paper` and on `panel` keeps a contrast of 4.5 (WCAG AA), `rules` one of 3.
PALETTE = {
    "paper": ("#ffffff", "#15171a"),
    "panel": ("#f5f6f8", "#1e2125"),
    "ink": ("#1b1f24", "#e9ebee"),
    "soft": ("#565f6a", "#a7b0ba"),
    "hair": ("#d8dce2", "#383e46"),
    "rules": ("#737b85", "#969fa9"),
    "ml": ("#1f5fd6", "#7db0ff"),
    "ship": ("#19733a", "#5fcb80"),
    "keep": ("#1f5fa8", "#7db0ff"),
    "keep_testing": ("#805900", "#e2b750"),
    "invalid": ("#b3261e", "#ff9088"),
}
FONT = 12
_SCALE = 3  # pixels of a PNG for one of the picture


@dataclass(frozen=True, slots=True)
class Style:
    """How a role is drawn: in a colour of the palette, as a stroke of `width` or, at 0, filled."""

    colour: str
    width: float = 0.0
    is_dashed: bool = False
    opacity: float = 1.0


ROLES = {
    "ink": Style("ink"),
    "soft": Style("soft"),
    "axis": Style("hair", 1.0),
    "soft-line": Style("soft", 1.5),
    "zero": Style("ink", 1.0),
    "mark": Style("soft", 1.0, is_dashed=True),
    "limit": Style("invalid", 1.5),
    "limit-name": Style("invalid"),
    "zone": Style("soft", opacity=0.14),
    "rules": Style("rules"),
    "rules-line": Style("rules", 2.0),
    "rules-area": Style("rules", opacity=0.3),
    "ml": Style("ml"),
    "ml-line": Style("ml", 2.0),
    "ml-area": Style("ml", opacity=0.22),
    "interval": Style("ml", 5.0, opacity=0.55),
    "hollow": Style("ml", 2.0),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    role: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    role: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Dot:
    """A point estimate; with the role `hollow` a ring."""

    role: str
    x: float
    y: float
    radius: float = 4.5


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or with a role that fills, the area that they enclose."""

    role: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Label:
    """Text whose start, middle or end is at `x`, on the base line `y`."""

    role: str
    x: float
    y: float
    text: str
    anchor: str = "start"


Shape = Line | Box | Dot | Path | Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Shapes on a canvas. `alt` says in words what the picture shows; empty where a table beside it does."""

    width: float
    height: float
    alt: str
    shapes: Sequence[Shape]


def style_sheet(prefix: str) -> str:
    """CSS rules for the roles; colours are the variables `--name`."""
    rules = []
    for role, style in ROLES.items():
        colour = f"var(--{style.colour})"
        drawn = f"fill:none;stroke:{colour};stroke-width:{style.width:g}" if style.width else f"fill:{colour}"
        drawn += ";stroke-dasharray:3 3" if style.is_dashed else ""
        drawn += f";opacity:{style.opacity:g}" if style.opacity < 1 else ""
        rules.append(f"{prefix}.p-{role}{{{drawn}}}")
    return "\n".join([*rules, f"{prefix}.p-hollow{{fill:var(--paper)}}"])


def colours(theme: int) -> str:
    """The palette as CSS variables: theme 0 is light, 1 dark."""
    return ";".join(f"--{name}:{pair[theme]}" for name, pair in PALETTE.items())


def svg(picture: Picture, *, is_alone: bool = False) -> str:
    """The picture as an SVG element; `is_alone` as a file, in light colours on white."""
    size = {"viewBox": f"0 0 {picture.width:g} {picture.height:g}"}
    named = {"role": "img", "aria-label": xml(picture.alt)} if picture.alt else {"aria-hidden": "true"}
    root = ElementTree.Element("svg", {**size, **named, "font-size": str(FONT)})
    if is_alone:
        root.attrib |= {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{picture.width:g}",
            "height": f"{picture.height:g}",
            "font-family": "system-ui, sans-serif",
        }
        ElementTree.SubElement(root, "title").text = xml(picture.alt)
        ElementTree.SubElement(root, "style").text = f"svg{{{colours(0)};background:#fff}}\n{style_sheet('')}"
        ElementTree.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": PALETTE["paper"][0]})
    for shape in picture.shapes:
        _draw(root, shape)
    return ElementTree.tostring(root, encoding="unicode")


def _draw(root: ElementTree.Element, shape: Shape) -> None:
    match shape:
        case Line():
            found = {name: _n(getattr(shape, name)) for name in ("x1", "y1", "x2", "y2")}
            tag = "line"
        case Box():
            found = {name: _n(getattr(shape, name)) for name in ("x", "y", "width", "height")}
            tag = "rect"
        case Dot():
            found, tag = {"cx": _n(shape.x), "cy": _n(shape.y), "r": _n(shape.radius)}, "circle"
        case Path():
            found = {"points": " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)}
            tag = "polyline" if ROLES[shape.role].width else "polygon"
        case Label():
            found, tag = {"x": _n(shape.x), "y": _n(shape.y)}, "text"
            found |= {} if shape.anchor == "start" else {"text-anchor": shape.anchor}
    element = ElementTree.SubElement(root, tag, {"class": f"p-{shape.role}", **found})
    if isinstance(shape, Label):
        element.text = xml(shape.text)


def _n(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def png(picture: Picture) -> bytes:
    """The picture as PNG, in light colours on white, at three times its size."""
    import warnings

    inch = 96
    figure = _figure_class()(
        figsize=(picture.width / inch, picture.height / inch), dpi=inch * _SCALE, facecolor="white"
    )
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    axes.axis("off")
    for order, shape in enumerate(picture.shapes):
        _paint(axes, shape, order)
    out = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # a script that the font lacks
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _figure_class() -> Any:
    """Matplotlib's Figure, imported without what it has to say of a machine on which nobody has a home."""
    import logging

    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        from matplotlib.figure import Figure
    finally:
        logger.setLevel(level)
    return Figure


def _paint(axes: "Axes", shape: Shape, order: int) -> None:
    from matplotlib.patches import Circle, Polygon, Rectangle

    style = ROLES[shape.role]
    colour, points = PALETTE[style.colour][0], 0.75  # points of a pixel
    common: dict[str, Any] = {"alpha": style.opacity, "zorder": order}
    dashes = (0, (3, 3)) if style.is_dashed else "-"
    stroke: dict[str, Any] = {**common, "color": colour, "linewidth": style.width * points, "linestyle": dashes}
    filled: dict[str, Any] = {**common, "facecolor": colour, "linewidth": 0}
    match shape:
        case Line():
            axes.plot([shape.x1, shape.x2], [shape.y1, shape.y2], solid_capstyle="butt", **stroke)
        case Box():
            axes.add_patch(Rectangle((shape.x, shape.y), shape.width, shape.height, **filled))
        case Dot():
            ring = {"facecolor": "white", "edgecolor": colour, "linewidth": style.width * points}
            axes.add_patch(Circle((shape.x, shape.y), shape.radius, **(common | ring if style.width else filled)))
        case Path() if style.width:
            axes.plot(*zip(*shape.points, strict=True), **stroke)
        case Path():
            axes.add_patch(Polygon(shape.points, **filled))
        case Label():
            side = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
            text = axes.text(shape.x, shape.y, xml(shape.text), color=colour, ha=side, va="baseline", zorder=order)
            text.set_fontsize(FONT * points)
            text.set_parse_math(False)
