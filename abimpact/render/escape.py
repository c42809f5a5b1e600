"""Text from the data made harmless, one function for each output format.

User text (names, categories, paths) may hold anything: control characters that drive a terminal,
direction marks that reorder a line, Markdown that breaks a table or mentions people.
"""

import re
import unicodedata

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}  # Unicode's control, format, private, surrogate, separators
_KEPT = "\u200c\u200d"  # the joiners that scripts and emoji need
_ASCII = str.maketrans(
    {"−": "-", "–": "-", "·": "-", "…": "..", "±": "+/-", "∞": "inf", "✓": "ok", "✗": "x", "⁻": "^-"}
    | {digit: str(i) for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
)
_MARKDOWN = re.compile(
    r"[\\`*\[\]|~$]"  # always mean something
    r"|<(?=[A-Za-z/!?])"  # opens a tag or an autolink
    r"|&(?=#|\w+;)"  # opens an entity
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, unless inside a word
)
_BLOCK = re.compile(r"^(?=#+(?:\s|$)|[=>]|[-+](?:[-\s]|$)|\d+[.)](?:\s|$))(\d*)")  # heading, list, quote
_AUTOLINK = re.compile(r"(?i)(?<=@)(?=\S)|(?<=#)(?=\d)|(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\bGH-)(?=\d)")
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


def markdown(text: str) -> str:
    """`text` as it stands, for a GitHub-flavoured paragraph, heading or cell; links and mentions broken."""
    escaped = _MARKDOWN.sub(lambda found: "\\" + found[0], visible(text).strip())
    return _AUTOLINK.sub(_JOINER, _BLOCK.sub(r"\1\\", escaped))


def _is_hidden(character: str) -> bool:
    """Whether a character moves the cursor, reorders text, or shows nothing."""
    return unicodedata.category(character) in _HIDDEN and character not in _KEPT


def _seen(character: str) -> str:
    """A hidden character as Python writes it; tabs and newlines, which are honest, as spaces."""
    return " " if character in "\t\n\r" else ascii(character)[1:-1]
