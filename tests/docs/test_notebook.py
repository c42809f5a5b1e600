"""The notebook runs, prints what is kept in it, and shows a report as a page."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def executed(folder: Path) -> Any:
    """The notebook, run in a folder with the sample data."""
    import nbformat
    from nbclient import NotebookClient

    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def printed(cell: Any) -> str:
    """What a cell printed; what the checks found is not the notebook's to say."""
    text = "".join(output.get("text", "") for output in cell.get("outputs", ()))
    return re.sub(r"^Checks: .*$", "", text, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_prints_what_it_holds(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    import nbformat

    kept, made = nbformat.read(NOTEBOOK, as_version=4), executed(tmp_path)
    (page,) = (cell for cell in made.cells if "not-kept" in cell.metadata.get("tags", []))
    assert "<iframe" in page.outputs[0]["data"]["text/html"]
    page.outputs = []
    for cell in made.cells:
        cell.metadata.pop("execution", None)
    if request.config.getoption("--update-golden"):
        nbformat.write(made, NOTEBOOK)
    else:
        for old, new in zip(kept.cells, made.cells, strict=True):
            assert printed(old) == printed(new), old.source
    assert {p.name for p in tmp_path.iterdir()} >= {"report.html", "result.json", "portfolio.html"}
    assert NOTEBOOK.stat().st_size < 20_000
