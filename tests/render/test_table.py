import pytest

from abimpact.errors import UsageError
from abimpact.render.table import FORMATS, Options, check_printed, format_of, render
from tests.render.build import ship


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders(name: str) -> None:
    made = render(ship(), name, Options())
    assert made.endswith("\n") if isinstance(made, str) else not FORMATS[name].is_printed


def test_a_file_is_not_printed() -> None:
    with pytest.raises(UsageError) as caught:
        check_printed("xlsx")
    assert caught.value.hint == "Write it with -o report.xlsx."


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/report.md", "markdown"),
        ("R.JSON", "json"),
        ("r.csv", "csv"),
        ("r.xml", "junit"),
        ("r.txt", "text"),
        ("r.xlsx", "xlsx"),
        ("r.pptx", "pptx"),
    ],
)
def test_format_by_extension(path: str, name: str) -> None:
    assert format_of(path) == name


def test_unknown_extension_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"report\.doc") as caught:
        format_of("report.doc")
    assert ".md .json" in caught.value.hint


def test_unknown_format_offers_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        check_printed("markdwon")
    assert caught.value.hint == "Did you mean 'markdown'?"
