import pytest

from abimpact.findings import by_chance


@pytest.mark.parametrize(
    ("pvalue", "said"),
    [
        (0.27, "as chance often has it"),
        (0.1, "by chance once in 10 tests"),
        (0.0123, "by chance once in 81 tests"),
        (0.0004, "by chance once in 2,500 tests"),
        (1.3e-6, "by chance once in 770,000 tests"),
        (1e-9, "by chance less than once in a million tests"),
        (0.0, "by chance less than once in a million tests"),
    ],
)
def test_by_chance(pvalue: float, said: str) -> None:
    assert by_chance(pvalue) == said
