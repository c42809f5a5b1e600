"""Options and fixtures of the whole test suite."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# The same examples in every run: a failure belongs to a change, not to luck.
settings.register_profile("abimpact", derandomize=True, deadline=None)
# pytest --hypothesis-profile=fresh looks at others; unshrunk shows the first failure soon.
settings.register_profile("fresh", derandomize=False, deadline=None, print_blob=True)
settings.register_profile("unshrunk", derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate))
settings.load_profile("abimpact")
# For mutation testing, which runs them thousands of times: what a few examples show is enough.
settings.register_profile("mutants", derandomize=True, deadline=None, max_examples=15)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files; review their diff")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with a file in the `golden` folder beside the test; `--update-golden` rewrites it."""
    folder = Path(str(request.path)).parent / "golden"

    def compare(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
