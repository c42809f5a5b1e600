"""abimpact: what a new ML variant is worth against the rules it would replace.

The names below are loaded when they are first used, so that the command line starts fast.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abimpact.api import Backtest, Report, analyze, backtest, check, plan, rerun, simulate
    from abimpact.portfolio.results import Comparison, Portfolio, compare, portfolio
    from abimpact.spec.metric import Metric

__all__ = [
    "Backtest",
    "Comparison",
    "Metric",
    "Portfolio",
    "Report",
    "analyze",
    "backtest",
    "check",
    "compare",
    "plan",
    "portfolio",
    "rerun",
    "simulate",
]

_HOMES = {
    **dict.fromkeys(
        ("Backtest", "Report", "analyze", "backtest", "check", "plan", "rerun", "simulate"), "abimpact.api"
    ),
    **dict.fromkeys(("Comparison", "Portfolio", "compare", "portfolio"), "abimpact.portfolio.results"),
    "Metric": "abimpact.spec.metric",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abimpact' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


class _Package(ModuleType):
    """This package, in which a verb is its function although a room is called like it."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a room would hide the function of that name.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
