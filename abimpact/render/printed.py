"""What every result of the Python API can do: be read as text for people, and show itself in a notebook."""

from abc import ABC, abstractmethod


class Printed(ABC):
    """A result in the formats that are text; what it holds, and how it is rendered, is its own."""

    __slots__ = ()

    @abstractmethod
    def _rendered(self, name: str) -> str:
        """The result in the format of that name."""

    def to_json(self) -> str:
        """The text of the JSON file."""
        return self._rendered("json")

    def to_markdown(self) -> str:
        """The page as Markdown."""
        return self._rendered("markdown")

    def to_html(self) -> str:
        """The page as one HTML file that needs nothing else."""
        return self._rendered("html")

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that a notebook's styles and the page's leave each other alone."""
        from abimpact.render.html import framed

        return framed(self.to_html())
