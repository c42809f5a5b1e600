"""Addresses of engines: which texts are one, what they need installed, and how they are shown without their secrets."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from abimpact.errors import UsageError, nearest

# For every scheme, the extra of abimpact that brings what it needs.
EXTRAS = {
    "pyspark": "spark",
    "spark": "spark",
    "sc": "spark",
    "postgres": "postgres",
    "postgresql": "postgres",
    "bigquery": "bigquery",
    "snowflake": "snowflake",
    "databricks": "databricks",
    "trino": "trino",
}
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
HIDDEN = "***"
# A password stands before the last @ of an address; it may itself hold any character, however wrongly.
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@]*):[^\s]*@")
# Tokens that are counted (tokens, token_count) are no secret.
_SECRET_WORD = "passw|pwd|secret|credential|apikey|api_key|private_key|access_key|passcode"
_SECRET_KEY = rf"[\w.%-]*(?:(?:{_SECRET_WORD})[\w.%-]*|token(?![\w%-]))"
# key=value of URLs and connection strings, "key": "value" of settings, and what a header of HTTP carries.
_PARAMETER = re.compile(
    rf"((?:^|[?&;\s{{(,]){_SECRET_KEY}\s*=\s*|['\"]{_SECRET_KEY}['\"]\s*[:=]\s*(?=['\"])|\bBearer\s+)"
    r"('[^']*'|\"[^\"]*\"|[^&;#\s'\"]+)",
    re.IGNORECASE | re.MULTILINE,
)
_IS_SECRET_KEY = re.compile(_SECRET_KEY, re.IGNORECASE)
# A shorter text would be found by chance in others.
SHORTEST_SECRET = 3


def is_address(text: str) -> bool:
    """Whether a source is an address, and not a path."""
    return ADDRESS.match(text) is not None


def scheme_of(url: str) -> str:
    """The scheme of an engine's URL; a UsageError names those that there are."""
    match = ADDRESS.match(url)
    scheme = match[1].lower() if match else ""
    if scheme not in EXTRAS:
        shown = redacted(url)
        raise UsageError(f"{shown!r} is not the URL of an engine.", _hint(scheme))
    return scheme


def _hint(scheme: str) -> str:
    close = nearest(scheme, EXTRAS) if scheme else ""
    if close.startswith("Did"):
        return close
    return f"It begins with one of: {', '.join(f'{name}://' for name in EXTRAS)}."


def redacted(text: str) -> str:
    """`text` with the passwords of all addresses in it, and the values of parameters that hold secrets, as ***."""
    return _PARAMETER.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1:{HIDDEN}@", text))


def redactor(url: str) -> Callable[[str], str]:
    """A function like `redacted` that also hides the secrets of `url` where a driver repeats them."""
    secrets = sorted(_secrets(url), key=len, reverse=True)

    def hide(text: str) -> str:
        text = redacted(text)
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return text

    return hide


def _secrets(url: str) -> set[str]:
    """Passwords and tokens of a URL, as written and as meant."""
    written = {m.group(0)[len(m.group(1)) + 1 : -1] for m in _USERINFO.finditer(url)}
    try:
        parts = urlsplit(url)
        written |= {parts.password or ""}
        meant = {value for key, value in parse_qsl(parts.query) if _IS_SECRET_KEY.search(key)}
    except ValueError:
        meant = set()
    written |= {m.group(2) for m in _PARAMETER.finditer(url)}
    found = written | meant | {unquote(s) for s in written} | {unquote_plus(s) for s in written}
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}
