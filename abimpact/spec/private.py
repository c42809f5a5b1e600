"""Values that may name a person: kept out of errors and findings, and shown as marks where a bug is looked for."""

import hashlib
import re
import secrets

EMAIL = re.compile(r"(?<![/\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# E-mail addresses, UUIDs, hashes, long numbers such as those of telephones, cards and accounts.
_NAMES_SOMEBODY = re.compile(
    rf"{EMAIL.pattern}|\b[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b|\b[0-9a-f]{{16,}}\b"
    r"|(?<![\d.,-])(?!\d{4}-\d\d)\+?\d(?:[ -]?\d){8,}",
    re.IGNORECASE,
)
# Texts of letters and a number, as user_00123, are identifiers where an engine quotes them.
_LOOKS_NUMBERED = re.compile(r"(?=.*[^\W\d_])(?=.*\d{3})", re.DOTALL)
# How engines quote the value that they cannot convert.
_CONVERTED = re.compile(
    r"((?:convert string|cast string|cast value|parse value|input syntax for type [\w ]+:|out of range:)\s*)"
    r"(?:'([^'\n]*)'|\"([^\"\n]*)\")",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
# Another one in every run, so that a mark cannot be looked up by trying names.
_SALT = secrets.token_bytes(16)


def may_name_somebody(text: str) -> bool:
    """Whether a text looks like the identifier of a person or an account."""
    return _NAMES_SOMEBODY.search(text) is not None


def mark(text: str) -> str:
    """A mark for a value: the same for the same value in one run, another one in the next."""
    return "#" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4, key=_SALT).hexdigest()


def without_values(message: str) -> str:
    """An engine's message, in which values that it could not convert are marks if they may name somebody."""

    def hide(match: re.Match[str]) -> str:
        value = match[2] if match[2] is not None else match[3]
        shown = not (may_name_somebody(value) or _LOOKS_NUMBERED.match(value))
        return match[0] if shown else f"{match[1]}{mark(value)}"

    return without_addresses(_CONVERTED.sub(hide, message))


def without_addresses(message: str, known: str = "") -> str:
    """A message with e-mail addresses as marks, but for those that stand in the text `known`."""
    return EMAIL.sub(lambda m: m[0] if m[0] in known else mark(m[0]), message)


def without_quotes(message: str) -> str:
    """A message for debugging: whatever it quotes is a mark."""
    return without_addresses(_QUOTED.sub(lambda m: mark(m[0][1:-1]), message))
