"""The reference pages are made from the code, and the pages written by hand name all that the code can say."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from abimpact import analyze
from abimpact.check.table import CHECKS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def made() -> dict[str, str]:
    """The pages that docs/make_reference.py would write."""
    spec = spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


@pytest.mark.parametrize("name", ["cli.md", "config.md", "result-json.md", "abimpact.schema.json"])
def test_reference_is_made_from_the_code(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == made()[name], "run: python docs/make_reference.py"


def source(*places: str) -> str:
    """The source text of modules of the package."""
    files = [file for place in places for file in sorted((ROOT / "abimpact").glob(place))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def sections(page: str) -> dict[str, str]:
    """The text below each second-level heading."""
    parts = re.split(r"^## (.+)$", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_check_is_described() -> None:
    codes = {check.__name__ for check in CHECKS}
    codes |= set(re.findall(r'code="(\w+)"', source("check/*.py", "estimate/diagnose.py")))
    assert set(sections("checks.md")) == codes


def test_every_number_of_a_check_is_described() -> None:
    described = sections("checks.md")
    found = analyze(ROOT / "sample_data" / "checkouts.parquet", split="60:40", resamples=0).to_dict()["checks"]
    assert found
    for check in found:
        for key in check["data"]:
            assert f"`{key}`" in described[check["code"]], (check["code"], key)


def test_every_verdict_is_described() -> None:
    page = (DOCS / "verdicts.md").read_text(encoding="utf-8")
    decided = re.findall(r'Verdict\.([A-Z_]+),\s+"(\w+)"', source("decide/verdict.py"))
    verdicts = {f"{code.lower()}/{reason}" for code, reason in decided}
    blocking = re.findall(r'code="(\w+)",\s+severity=Severity\.BLOCK', source("check/*.py"))
    verdicts |= {f"invalid/{code}" for code in blocking if code != "variant_follows" and code != "not_concurrent"}
    verdicts -= {v for v in verdicts if v.startswith("invalid/") and "not_an_experiment" in v}
    assert len(verdicts) > 8
    listed = set(re.findall(r"^\| `(\w+/\w+)` \|", page, flags=re.MULTILINE))
    assert verdicts <= listed, verdicts - listed
    assert {v for v in listed if not v.startswith("invalid/")} == {v for v in verdicts if not v.startswith("invalid/")}


def test_every_rule_is_described() -> None:
    page = (DOCS / "verdicts.md").read_text(encoding="utf-8")
    rules = re.findall(r'^ +\(?"(\w+)",\s', source("decide/verdict.py"), flags=re.MULTILINE)
    result = analyze(ROOT / "sample_data" / "checkouts.parquet", resamples=0)
    rules += [because.rule for because in result.verdict.because]
    assert all(f"| `{rule}` |" in page for rule in rules), rules
