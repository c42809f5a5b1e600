"""The formats there are: a new one is one file in this room and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

from abimpact.errors import UsageError, nearest
from abimpact.render.numbers import written_in

if TYPE_CHECKING:
    from abimpact.decide.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to lay a report out; files take the defaults, a terminal states its own."""

    width: int = 80
    is_coloured: bool = False
    encoding: str = "utf-8"
    is_quiet: bool = False
    is_verbose: bool = False
    show_anyway: bool = False


Renderer = Callable[["Report", Options], str | bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A format's file extensions and the module of this room whose `render` makes it.

    A format `is_printed` if it is text; the others are bytes for a file.
    """

    extensions: tuple[str, ...]
    module: str
    is_printed: bool = True


FORMATS = {
    "terminal": Format((), "terminal"),
    "markdown": Format((".md",), "markdown"),
    "json": Format((".json",), "json"),
    "html": Format((".html", ".htm"), "html"),
    "csv": Format((".csv",), "csv"),
    "junit": Format((".xml",), "junit"),
    "github": Format((), "github"),
    "text": Format((".txt",), "text"),
    "xlsx": Format((".xlsx",), "excel", is_printed=False),
    "pptx": Format((".pptx",), "slides", is_printed=False),
}


def render(report: "Report", name: str, options: Options) -> str | bytes:
    """The report in the format of that name, bytes unless it is printed."""
    module = import_module(module_of(name))
    with written_in(report.presentation.locale):
        return cast(Renderer, module.render)(report, options)


def module_of(name: str) -> str:
    """The module that makes the format of that name."""
    return f"abimpact.render.{FORMATS[name].module}"


def render_text(report: "Report", name: str, options: Options) -> str:
    """The report in a format that is printed."""
    text = render(report, name, options)
    assert isinstance(text, str)
    return text


def check_printed(name: str) -> None:
    """UsageError unless `name` is a format for standard output: it names the nearest one, or the option for files."""
    if name not in FORMATS:
        raise UsageError(f"--format {name!r} is not a format.", nearest(name, FORMATS))
    if not FORMATS[name].is_printed:
        raise UsageError(f"--format {name!r} is a file.", f"Write it with -o report{FORMATS[name].extensions[0]}.")


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    extension = PurePath(path).suffix.lower()
    for name, format_ in FORMATS.items():
        if extension in format_.extensions:
            return name
    known = " ".join(e for f in FORMATS.values() for e in f.extensions)
    raise UsageError(f"{path}: no report format has the extension {extension!r}.", f"Extensions: {known}.")
