from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abimpact.errors import UsageError
from abimpact.render.github import append_summary
from abimpact.render.markdown import to_markdown
from abimpact.render.table import Options, render_text
from tests.render.build import WARNING, _named, hostile, invalid, plain, ship


def commands(text: str) -> list[str]:
    """The lines that GitHub's runner takes for commands."""
    return [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def test_markdown_then_annotations() -> None:
    text = render_text(ship(), "github", Options())
    assert text.startswith(to_markdown(ship()))
    assert commands(text) == [
        "::warning title=abimpact%3A outliers::3 units carry 22 %25 of the effect on profit per user. "
        "Without them it is +3.3 %25. Decide on a cap before the next test (cap_quantile)."
    ]
    assert commands(render_text(invalid(), "github", Options()))[0].startswith(
        "::error title=abimpact%3A sample_ratio::"
    )


@given(st.text(st.sampled_from("::#[]error addmsk\n\r% "), max_size=16))
def test_no_name_is_a_command(text: str) -> None:
    told = replace(_named(text), findings=(replace(WARNING, message=text),))
    assert len(commands(render_text(told, "github", Options()))) == 1


@pytest.mark.parametrize("name", ["::error::x", "  ::add-mask::x", "##[error]x", "::stop-commands::x"])
def test_a_variant_named_like_a_command(name: str) -> None:
    assert len(commands(render_text(_named(name), "github", Options()))) == 1


def test_the_summary_is_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    append_summary(to_markdown(hostile()))
    assert path.read_text(encoding="utf-8") == "before\n" + to_markdown(hostile())
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "missing" / "summary.md"))
    with pytest.raises(UsageError, match="job summary"):
        append_summary(to_markdown(plain()))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    append_summary(to_markdown(plain()))
