"""A result.json as what it was: which verb wrote it, from which inputs, with which versions, asked for what."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abimpact.errors import DataError
from abimpact.portfolio.stored import read_json

VERBS = ("report", "check", "plan", "simulate", "backtest")
# Why a result of these verbs is not rerun.
NOT_RERUN = {
    "portfolio": "It is made of other results: rerun those, then take them together again with abimpact portfolio.",
    "compare": "It is made of two other results: rerun those, then hold them together again with abimpact compare.",
    "rerun": "It is about another result: rerun that.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """An input file; `fills` is empty where it is a part of the log. Nothing but the name is known of an engine's."""

    path: str
    bytes: int | None = None
    sha256: str | None = None
    fills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What the result says of how it was made."""

    abimpact: str
    python: str
    packages: Mapping[str, str]
    engine: str
    config: Mapping[str, Any]
    sources: tuple[RecordedFile, ...]
    created: str

    @property
    def software(self) -> dict[str, str]:
        """Versions by name."""
        return {"abimpact": self.abimpact, "python": self.python, **self.packages, "engine": self.engine}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A result as it was stored: `path` is where, `document` all of it."""

    path: str
    verb: str
    document: Mapping[str, Any]
    provenance: Provenance

    @property
    def options(self) -> Mapping[str, Any]:
        """What was asked beyond the config: further files, how much to simulate."""
        found = self.provenance.config.get("options", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def folder(self) -> Path:
        """Where the file lies."""
        return Path(self.path).parent


def read_recorded(path: str) -> Recorded:
    """The result in a file; DataError says what it is instead, or what it lacks."""
    return recorded(read_json(path), path)


def recorded(document: object, path: str) -> Recorded:
    """A result's dictionary, checked as far as a rerun needs it."""
    from pydantic import TypeAdapter, ValidationError

    schema = document.get("schema") if isinstance(document, Mapping) else None
    parts = schema.split("/") if isinstance(schema, str) else []
    if len(parts) != 3 or parts[0] != "abimpact":
        raise DataError(f"{path}: is no result of abimpact.", "Give a result.json, as abimpact report -o writes it.")
    assert isinstance(document, Mapping)
    _, verb, number = parts
    if verb not in VERBS:
        raise DataError(f"{path}: is {schema}, which is not rerun.", NOT_RERUN.get(verb, "Update abimpact."))
    if number != "1":
        raise DataError(
            f"{path}: is {schema}; this version reads abimpact/{verb}/1.", "Take the version that wrote it."
        )
    try:
        made = TypeAdapter(Provenance).validate_python(document.get("provenance"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("provenance", *first["loc"])))
        raise DataError(
            f"{path}: says that it is {schema}, but {place}: {first['msg'][:1].lower()}{first['msg'][1:]}.",
            "It may have been edited or cut off: rerun needs the file as abimpact wrote it.",
        ) from error
    return Recorded(path=path, verb=verb, document=document, provenance=made)
