"""Text from the data made harmless, one function for each output format.

User text (names, categories, paths) may hold anything: control characters that drive a terminal,
direction marks that reorder a line, Markdown that breaks a table or mentions people.
"""

import json
import re
import unicodedata
from typing import Any

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}  # Unicode's control, format, private, surrogate, separators
_KEPT = "\u200c\u200d"  # the joiners that scripts and emoji need
_ASCII = str.maketrans(
    {"−": "-", "–": "-", "·": "-", "…": "..", "±": "+/-", "∞": "inf", "✓": "ok", "✗": "x", "⁻": "^-"}
    | {"’": "'", "\u00a0": " ", "\u202f": " "}  # what locales put between thousands
    | {digit: str(i) for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
)
_MARKDOWN = re.compile(
    r"[\\`*\[\]|~$]"  # always mean something
    r"|<(?=[A-Za-z/!?])"  # opens a tag or an autolink
    r"|&(?=#|\w+;)"  # opens an entity
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, unless inside a word
)
_BLOCK = re.compile(
    r"^(?=#+(?:\s|$)|[=>]|[-+](?:[-\s]|$)|\d+[.)](?:\s|$)"  # heading, list, quote
    r"|::)(\d*)"  # a command to GitHub's runner, which reads what is printed
)
_AUTOLINK = re.compile(r"(?i)(?<=@)(?=\S)|(?<=#)(?=\d)|(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\bGH-)(?=\d)")
_CHAT = re.compile(r"(?<=@)(?=\w)|(?<=<)(?=[!@#])")  # mentions, as a chat's interface reads them
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # how a spreadsheet's formula begins, in either width
_NOT_XML = re.compile("[\ufffe\uffff]")
_JOINER = "\u2060"  # invisible and of no width: GitHub links text after parsing, where a backslash is gone


def visible(text: str) -> str:
    """`text` on one line; control, direction and other invisible characters as escapes."""
    return "".join(_seen(c) if _is_hidden(c) else c for c in text)


def terminal(text: str, encoding: str = "utf-8") -> str:
    """`text` for a terminal of this encoding; what it can't show becomes ASCII or an escape."""
    seen = visible(text)
    try:
        seen.encode(encoding)
    except UnicodeEncodeError:
        return seen.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return seen


def json_text(value: Any, encoding: str = "utf-8") -> str:
    """A value as JSON in this encoding: letters that it lacks are escapes of JSON's. NaN or infinity is an error."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, indent=2, allow_nan=False) + "\n"
    return text


def markdown(text: str) -> str:
    """`text` as it stands, for a GitHub-flavoured paragraph, heading or cell; links and mentions broken."""
    escaped = _MARKDOWN.sub(lambda found: "\\" + found[0], visible(text).strip())
    return _AUTOLINK.sub(_JOINER, _BLOCK.sub(r"\1\\", escaped))


def code(text: str) -> str:
    """`text` for the end of a line of Markdown code, where only the old commands of GitHub's runner matter."""
    return visible(text).replace("##[", f"##{_JOINER}[")


def chat(text: str) -> str:
    """`text` for a chat, whose mentions are broken."""
    return _CHAT.sub(_JOINER, visible(text))


def spreadsheet(text: str) -> str:
    """`text` that no spreadsheet takes for a formula (OWASP, CSV injection): an apostrophe goes first."""
    seen = visible(text)
    return f"'{seen}" if _FORMULA.match(seen) else seen


def xml(text: str) -> str:
    """`text` without the characters that XML 1.0 can't hold; the writer escapes the rest."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text))


def workflow(text: str, *, is_property: bool = False) -> str:
    """`text` for a command to GitHub's runner: as data, or as a property."""
    escaped = visible(text).replace("%", "%25")
    return escaped.replace(":", "%3A").replace(",", "%2C") if is_property else escaped


def _is_hidden(character: str) -> bool:
    """Whether a character moves the cursor, reorders text, or shows nothing."""
    return unicodedata.category(character) in _HIDDEN and character not in _KEPT


def _seen(character: str) -> str:
    """A hidden character as Python writes it; tabs and newlines, which are honest, as spaces."""
    return " " if character in "\t\n\r" else ascii(character)[1:-1]
