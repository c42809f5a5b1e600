"""abimpact: what a new ML variant is worth against the rules it would replace.

The names below are loaded when they are first used, so that the command line starts fast.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abimpact.api import Report, analyze, simulate
    from abimpact.spec.metric import Metric

__all__ = ["Metric", "Report", "analyze", "simulate"]

_HOMES = {
    **dict.fromkeys(("analyze", "Report", "simulate"), "abimpact.api"),
    "Metric": "abimpact.spec.metric",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abimpact' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
