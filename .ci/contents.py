"""Checks what a wheel and an sdist hold: `python .ci/contents.py DIST`. Exit 1 if that is too much or too little."""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What a package is made of; nothing else belongs into it.
KINDS = {".py", ".typed", ".json", ".html", ".css", ".js", ".svg"}
IN_SDIST = ("pyproject.toml", "README.md", "LICENSE", "SECURITY.md", "requirements/dev.lock", "tests/conftest.py")
NEVER = ("__pycache__", ".pyc", ".venv", ".git/", ".hypothesis", "mutants/", "site/", ".ruff_cache", ".mypy_cache")


def of_wheel(path: Path) -> list[str]:
    """What is wrong with the wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "abimpact").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    foreign = {name for name in wanted if Path(name).suffix not in KINDS}
    return [
        *(f"{path.name}: lacks {name}" for name in sorted(wanted - names)),
        *(f"{path.name}: has {name}" for name in sorted((names - wanted) | foreign)),
    ]


def of_sdist(path: Path) -> list[str]:
    """What is wrong with the sdist."""
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    return [
        *(f"{path.name}: lacks {name}" for name in IN_SDIST if name not in names),
        *(f"{path.name}: has {name}" for name in sorted(names) if any(part in name for part in NEVER)),
    ]


def main(folder: str) -> int:
    """Check the one wheel and the one sdist of a folder."""
    (wheel,), (sdist,) = sorted(Path(folder).glob("*.whl")), sorted(Path(folder).glob("*.tar.gz"))
    wrong = [*of_wheel(wheel), *of_sdist(sdist)]
    print("\n".join(wrong) or f"{wheel.name} and {sdist.name} hold what they should")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
