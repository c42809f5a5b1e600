"""Numbers made of events, in words: "sum of value where event = 'order'", "count of order", "any order".

    count of EVENT [where CONDITION]       count of * [where CONDITION]       any EVENT [where CONDITION]
    sum|mean|max|min|first|last of EXPRESSION [where CONDITION]

each followed by "before exposure" for a covariate. Several may stand in one expression, in parentheses; a phrase
reaches to the end of the text, to the parenthesis that it stands in, or to an operator with another phrase behind it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from abimpact.errors import ConfigError

START = re.compile(
    r"\b(?:(?P<count>count)\s+of|(?P<any>any)(?:\s+of)?|(?P<function>sum|mean|max|min|first|last)\s+of)\s+",
    re.IGNORECASE,
)
BEFORE = re.compile(r"\s+before\s+exposure\s*$", re.IGNORECASE)
WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
# A phrase after an operator, in parentheses or not.
NEXT = re.compile(r"\s*[(\s]*" + START.pattern, re.IGNORECASE)
OPERATORS = "+-*/"
EVERY_EVENT = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One aggregate in words: `text` as written, at `start`…`end` of the whole; `event` None means any."""

    text: str
    start: int
    end: int
    function: str
    event: str | None
    value: str | None
    condition: str | None
    is_before: bool


def is_of_events(text: str) -> bool:
    """Whether a text speaks of events."""
    return START.search(text) is not None


def has_condition(text: str) -> bool:
    """Whether such a text names which events it means."""
    return WHERE.search(text) is not None


def find_phrases(text: str, what: str) -> list[Phrase]:
    """The aggregates in `text`, in order; `what` names its use in errors."""
    found: list[Phrase] = []
    outside = [place for place, _, is_quoted in _walk(text) if not is_quoted]
    free = set(outside)
    place = 0
    while match := START.search(text, place):
        if match.start() not in free:
            place = match.start() + 1
            continue
        end = _end(text, match.end())
        found.append(_phrase(text, match, end, what))
        place = end
    return found


def split_ratio(text: str, phrases: list[Phrase]) -> tuple[str, str] | None:
    """Numerator and denominator, if one division outside of phrases and parentheses has a phrase on its right."""
    inside = {place for p in phrases for place in range(p.start, p.end)}
    cuts = [place for place, depth, is_quoted in _walk(text) if text[place] == "/" and not depth and not is_quoted]
    cuts = [place for place in cuts if place not in inside]
    if len(cuts) != 1 or not any(p.start > cuts[0] for p in phrases):
        return None
    return text[: cuts[0]].strip(), text[cuts[0] + 1 :].strip()


def _walk(text: str) -> Iterator[tuple[int, int, bool]]:
    """Every place with its depth of parentheses, and whether it lies in quotes."""
    depth, quote = 0, ""
    for place, character in enumerate(text):
        if quote:
            yield place, depth, True
            quote = "" if character == quote else quote
            continue
        if character == ")":
            depth -= 1
        quote = character if character in "'\"" else ""
        yield place, depth, bool(quote)
        if character == "(":
            depth += 1


def _end(text: str, start: int) -> int:
    """Where the phrase ends whose words begin at `start`."""
    for offset, depth, is_quoted in _walk(text[start:]):
        if is_quoted:
            continue
        place = start + offset
        if depth < 0:
            return place
        if depth == 0 and text[place] in OPERATORS and NEXT.match(text, place + 1):
            return place
    return len(text)


def _phrase(text: str, match: re.Match[str], end: int, what: str) -> Phrase:
    body = text[match.end() : end]
    whole = text[match.start() : end].strip()
    is_before = BEFORE.search(body) is not None
    body = BEFORE.sub("", body).strip()
    cut = next((w.start() for w in WHERE.finditer(body) if _is_free(body, w.start())), None)
    subject, condition = (body, None) if cut is None else (body[:cut].strip(), body[cut + len("where") :].strip())
    function = (match["count"] or match["any"] or match["function"]).lower()
    if not subject or condition == "":
        raise ConfigError(f"{what}: {whole!r} is not complete.", "Write it like: sum of value where event = 'order'")
    event = value = None
    if function in ("count", "any"):
        event = None if subject == EVERY_EVENT else _name(subject, whole, what)
    else:
        value = subject
    return Phrase(
        text=" ".join(whole.split()),
        start=match.start(),
        end=match.start() + len(text[match.start() : end].rstrip()),
        function=function,
        event=event,
        value=value,
        condition=condition,
        is_before=is_before,
    )


def _is_free(text: str, place: int) -> bool:
    return next(not is_quoted and depth == 0 for at, depth, is_quoted in _walk(text) if at == place)


def _name(subject: str, whole: str, what: str) -> str:
    """The name of an event: quoted, or words."""
    if subject[0] in "'\"" and subject[-1] == subject[0] and len(subject) > 2:
        return subject[1:-1].replace(subject[0] * 2, subject[0])
    if re.search(r"[=<>!()'\"+*/,]", subject):
        raise ConfigError(
            f"{what}: {whole!r} does not name an event.",
            "To compute with a phrase, write it in parentheses: (count of order) > 1. Quote a name with such signs.",
        )
    return subject
