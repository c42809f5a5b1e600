"""Tables as TOML text; reading it gives the same tables again."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from abimpact.errors import ConfigError
from abimpact.spec.text import read_text

# A config of 1,000 metrics has some 100 kB; a hexadecimal number in it may be of any length to Python.
MOST_BYTES, MOST_BITS = 4 << 20, 1024
DEEP_KEY = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){50}")

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: Path, named: str, hint: str) -> dict[str, Any]:
    """The tables of a TOML file; ConfigError, which calls the file `named`, for what cannot be read or is no TOML."""
    text = read_text(path, named, hint, most=MOST_BYTES, error=ConfigError)
    if DEEP_KEY.search(text):  # Python takes time and memory with the square of its depth
        raise ConfigError(f"{path} is nested too deep.", "A config needs five levels.")
    try:
        table = tomllib.loads(text)
        _check(table)
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deep.", "A config needs five levels.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    return table


def _check(value: Any) -> None:
    """ValueError for a number that nothing could be made of."""
    if isinstance(value, Mapping):
        for item in value.values():
            _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ValueError(f"a number of more than {MOST_BITS} bits")


def dumps(table: Mapping[str, Any]) -> str:
    """TOML of tables whose values are text, numbers, truths, dates, lists and tables; None and [] are left out."""
    return "\n".join(_lines(table, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Plain keys first: what stands below a header belongs to it."""
    plain = {k: v for k, v in table.items() if v is not None and v != [] and not _is_table(v)}
    lines = [f"{_key(k)} = {_value(v)}" for k, v in plain.items()]
    for key, value in table.items():
        where = (*path, key)
        if isinstance(value, Mapping):
            lines += ["", f"[{_path(where)}]", *_lines(value, where)] if value else []
        elif _is_table(value):
            for item in value:
                lines += ["", f"[[{_path(where)}]]", *_lines(item, where)]
    return lines


def _is_table(value: Any) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return isinstance(value, Mapping) or (is_list and bool(value) and isinstance(value[0], Mapping))


def _path(path: tuple[str, ...]) -> str:
    return ".".join(map(_key, path))


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _text(text)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    return f"[{', '.join(map(_value, value))}]"


def _text(text: str) -> str:
    """A basic string: JSON's, with the one control character more that TOML has to escape."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
