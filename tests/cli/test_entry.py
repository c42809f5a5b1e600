"""What a signal does at an awkward moment."""

import signal
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from abimpact.cli import entry


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that are sent again, of which none is asked for yet."""
    found: list[int] = []
    monkeypatch.setattr(entry, "_first", None)
    monkeypatch.setattr(entry, "_asked", None)
    monkeypatch.setattr(entry, "_send_again", found.append)
    return found


@pytest.fixture
def stopped_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that meets a signal, deep in its import."""
    stop = "lambda: entry._stop(signal.SIGTERM, sys._getframe())"
    code = f"import signal, sys\nfrom abimpact.cli import entry\nis_whole = [f() for f in [{stop}]]\n"
    (tmp_path / "stopped_module.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "stopped_module", raising=False)
    return "stopped_module"


def test_a_signal_waits_while_a_library_is_imported(sent: list[int], stopped_module: str) -> None:
    """Broken off inside, the engine's import would end the process with SIGABRT."""
    assert import_module(stopped_module).is_whole
    assert (sent, entry.interrupted()) == ([signal.SIGTERM], 0)


def test_it_does_not_wait_for_ever(sent: list[int], stopped_module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "_asked", time.monotonic() - 2 * entry.MOST_DEFERRED)
    with pytest.raises(KeyboardInterrupt):
        import_module(stopped_module)
    assert (sent, entry.interrupted()) == ([], 143)


def test_elsewhere_it_stops_the_run_at_once(sent: list[int]) -> None:
    # The test itself was not imported by what calls it.
    with pytest.raises(KeyboardInterrupt):
        entry._stop(signal.SIGTERM, sys._getframe())
    assert (sent, entry.interrupted()) == ([], 143)
