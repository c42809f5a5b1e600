"""The table in docs/reliability.md is what these tests inject, and nothing in it went otherwise than it says."""

import ast
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"


def generator() -> ModuleType:
    spec = spec_from_file_location("make_reliability", DOCS / "make_reliability.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marked() -> dict[str, tuple[str, str]]:
    """The tests of faults by name: what each injects, and what happens then."""
    found = {}
    for path in HERE.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    assert isinstance(node, ast.FunctionDef)
                    what, then = map(ast.literal_eval, mark.args)
                    found[node.name] = (what, then)
    return found


def test_every_fault_in_the_table_has_its_test_and_the_other_way_round() -> None:
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) <!-- (test_\w+) --> \| (\d+) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    cell = generator()._cell
    assert {name: (what, then) for what, name, _, then, _ in rows} == {
        name: tuple(map(cell, told)) for name, told in marked().items()
    }
    assert [share for *_, times, _, share in rows if share != f"{times} of {times}"] == []
    assert sum(int(times) for _, name, times, *_ in rows if "random" in name or "imports" in name) >= 200


def test_the_table_is_made_of_what_happened() -> None:
    made = generator()
    row = {"fault": ["a | b", "exit <3>"], "times": 4, "passed": 2, "skipped": 1}
    table = made.table({"test_x": row})
    assert table.endswith("| a \\| b <!-- test_x --> | 3 | exit &lt;3&gt; | 2 of 3 |")
    page = made.with_table(f"before {made.START} old {made.END} after", table)
    assert (page.startswith("before"), page.endswith("after"), " old " in page) == (True, True, False)
