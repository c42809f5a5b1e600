"""What a signal does at an awkward moment."""

import signal
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from abimpact.cli import entry


@pytest.mark.parametrize("is_loading", [True, False])
def test_a_signal_waits_until_the_engine_is_loaded(is_loading: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken off inside, its import ends the process with SIGABRT."""
    engine: Any = ModuleType("duckdb")
    engine.__spec__ = SimpleNamespace(_initializing=is_loading)
    sent: list[int] = []
    monkeypatch.setitem(sys.modules, "duckdb", engine)
    monkeypatch.setattr(entry, "_first", None)
    monkeypatch.setattr(entry, "_send_again", sent.append)
    if is_loading:
        entry._stop(signal.SIGTERM, None)
        assert (sent, entry.interrupted()) == ([signal.SIGTERM], 0)
    else:
        with pytest.raises(KeyboardInterrupt):
            entry._stop(signal.SIGTERM, None)
        assert (sent, entry.interrupted()) == ([], 143)
