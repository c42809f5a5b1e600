"""Tables as TOML text; reading it gives the same tables again."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


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
