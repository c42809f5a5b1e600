"""What readers who know no statistics see: no symbols, no method names, nothing that claims too much."""

import ast
import re
from pathlib import Path

import pytest

import abimpact
from abimpact import analyze
from abimpact.render.glossary import GLOSSARY
from abimpact.render.methods import METHODS
from abimpact.render.table import Options, render_text
from tests.render.build import SITUATIONS

SAMPLES = Path(__file__).parents[2] / "sample_data"
READABLE = [s for s in SITUATIONS if s != "hostile"]
CLAIMS = re.compile(r"no effect|not significant|insignificant|almost significant|trend(s|ing)? (up|down|toward)|proves")
# A p outside its column, a Greek letter, a method by its name.
NAMES = [name for name in METHODS if name not in {"adjusted", "skewed", "quantile"}]  # words that people use
JARGON = re.compile(rf"\bp\s*[=<>]|[\u0370-\u03ff]|\b({'|'.join(NAMES)}|Fieller|Holm|CUPED|[Cc]hi-square|t-test)\b")


def body(name: str, text: str) -> str:
    """What stands above the methods."""
    return text.partition("<details>")[0] if name in {"markdown", "github"} else text


@pytest.mark.parametrize("name", ["terminal", "markdown", "text", "github"])
@pytest.mark.parametrize("situation", READABLE)
def test_no_jargon_above_the_methods(situation: str, name: str) -> None:
    text = body(name, render_text(SITUATIONS[situation](), name, Options(width=100)))
    assert JARGON.search(text) is None


@pytest.mark.parametrize("name", ["terminal", "markdown", "text"])
@pytest.mark.parametrize("split", ["50:50", "60:40"])
def test_no_jargon_in_the_samples(name: str, split: str) -> None:
    report = analyze(SAMPLES / "checkouts.parquet", split=split, resamples=99)
    assert JARGON.search(body(name, render_text(report.values, name, Options()))) is None


def test_no_sentence_claims_too_much() -> None:
    files = Path(abimpact.__file__).parent.rglob("*.py")
    said = [
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(said) > 1000
    assert [text for text in said if CLAIMS.search(text)] == []


def test_twenty_words_in_their_order() -> None:
    words = [word for word, _ in GLOSSARY]
    assert len(words) == 20
    assert words == sorted(words, key=str.lower)


def test_the_words_end_the_details_of_markdown() -> None:
    text = render_text(SITUATIONS["ship"](), "markdown", Options())
    folds = re.findall(r"<summary>(.*?)</summary>", text)
    assert folds[-3:] == ["Methods", "Words", "Provenance"]
    assert all(f"- **{word}**: " in text for word, _ in GLOSSARY)
