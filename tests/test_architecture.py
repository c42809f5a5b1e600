"""The rooms keep their arrows, and a command imports only what it needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOO_HEAVY = (
    "jinja2",
    "xlsxwriter",
    "pptx",
    "lxml",
    "PIL",
    "pandas",
    "pyarrow",
    "scipy.stats",
    "scipy.optimize",
    "statsmodels",
    "matplotlib",
    "sqlglot",
    "ibis",
)


def test_rooms_import_only_leftwards() -> None:
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == 0


def test_a_plain_report_imports_nothing_it_does_not_need() -> None:
    code = (
        "import sys; from abimpact.cli.main import main; "
        f"main(['report', {str(ROOT / 'sample_data' / 'checkouts.parquet')!r}, '-q']); "
        f"print([m for m in {TOO_HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("SHIP")
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_estimates_is_imported_beside_the_scans_and_not_before() -> None:
    code = "import sys, abimpact.pipeline.report; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
