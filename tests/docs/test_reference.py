"""The reference pages are made from the code, and the pages written by hand name all that the code can say."""

import json
import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getsource
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError, validate

from abimpact import analyze
from abimpact.check.table import CHECKS
from abimpact.decide.verdict import NOT_AN_EXPERIMENT
from abimpact.spec.schema import config_schema

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


@pytest.mark.parametrize("name", [name for name in made() if name.endswith(".md")])
def test_reference_is_made_from_the_code(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == made()[name], "run: python docs/make_reference.py"


def published() -> dict[str, Any]:
    """The schema of the config file that the docs offer to editors."""
    found: dict[str, Any] = json.loads((DOCS / "abimpact.schema.json").read_text(encoding="utf-8"))
    return found


def test_published_schema_has_all_keys() -> None:
    # Not compared as text: versions of pydantic write the same schema in different ways.
    old, new = (
        {n: set(d.get("properties") or d["enum"]) for n, d in s["$defs"].items()}
        for s in (published(), config_schema())
    )
    assert old == new, "run: python docs/make_reference.py"


@pytest.mark.parametrize("folder", ["", "recommender"])
def test_published_schema_accepts_the_sample(folder: str) -> None:
    text = (ROOT / "sample_data" / folder / "abimpact.toml").read_text(encoding="utf-8")
    validate(tomllib.loads(text), published())
    with pytest.raises(ValidationError):
        validate(tomllib.loads(text + "\n[dta]\n"), published())


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
    later = (
        "estimate/diagnose.py",
        "estimate/shape.py",
        "estimate/looks.py",
        "decide/plausible.py",
        "decide/novelty.py",
        "decide/still_moving.py",
        "decide/triggered.py",
        "decide/simpson.py",
    )
    codes |= set(re.findall(r'code="(\w+)"', source("check/*.py", *later)))
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
    listed = set(re.findall(r"^\| `(\w+/\w+)` \|", page, flags=re.MULTILINE))
    decided = re.findall(r'Verdict\.([A-Z_]+),\s+"(\w+)"', source("decide/verdict.py", "decide/simplicity.py"))
    blocking = {check.__name__ for check in CHECKS if "Severity.BLOCK" in getsource(check)} - NOT_AN_EXPERIMENT
    verdicts = {f"{code.lower()}/{reason}" for code, reason in decided}
    verdicts |= {f"invalid/{reason}" for reason in {"not_an_experiment", *blocking}}
    assert listed == verdicts


def test_every_rule_is_described() -> None:
    page = (DOCS / "verdicts.md").read_text(encoding="utf-8")
    reports = [analyze(ROOT / "sample_data" / name, resamples=0) for name in ("checkouts.parquet", "recommender")]
    rules = {because.rule for report in reports for because in report.verdict.because}
    rules |= {"capacity", "maturity"}  # only where something is declared that the samples do not have
    assert set(re.findall(r"^\| \d+ \| `(\w+)`", page, flags=re.MULTILINE)) == rules
