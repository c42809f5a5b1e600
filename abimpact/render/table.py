"""The formats there are: a new one is one file in this room and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import cast

from abimpact.decide.report import Report
from abimpact.errors import UsageError, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to lay a report out; files take the defaults, a terminal states its own."""

    width: int = 80
    is_coloured: bool = False
    encoding: str = "utf-8"
    is_quiet: bool = False
    is_verbose: bool = False
    show_anyway: bool = False


Renderer = Callable[[Report, Options], str]


@dataclass(frozen=True, slots=True)
class Format:
    """A format's file extensions and the module of this room whose `render` makes it."""

    extensions: tuple[str, ...]
    module: str


FORMATS = {
    "terminal": Format((), "terminal"),
    "markdown": Format((".md",), "markdown"),
    "json": Format((".json",), "json"),
}


def render(report: Report, name: str, options: Options) -> str:
    """The report in the format of that name; UsageError names the nearest format."""
    if name not in FORMATS:
        raise UsageError(f"Unknown format {name!r}.", nearest(name, FORMATS))
    module = import_module(f"abimpact.render.{FORMATS[name].module}")
    return cast(Renderer, module.render)(report, options)


def format_of(path: str) -> str:
    """The format that a file's extension asks for; UsageError lists the extensions."""
    extension = PurePath(path).suffix.lower()
    for name, format_ in FORMATS.items():
        if extension in format_.extensions:
            return name
    known = " ".join(e for f in FORMATS.values() for e in f.extensions)
    raise UsageError(f"{path}: no report format has the extension {extension!r}.", f"Extensions: {known}.")
