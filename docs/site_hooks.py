"""Makes the site of the docs as they are written for a repository.

The navigation is that of index.md: its sections and links, so that there is one list of pages. Links that leave docs/
lead to copies of what they name (README.md becomes the page "Overview"), and a folder stays a name.
"""

import json
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
ROOT = DOCS.parent
OVERVIEW = "overview.md"
COPIES = "repository"
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# The text may hold brackets of its own, as [[metric]] has.
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*)\]\(([^)\s]+)\)")
SECTION = re.compile(r"^\*\*(.+?)\*\*")
ENTRY = re.compile(r"^- \[(.+?)\]\(([^)\s#]+)\.(?:md|ipynb)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The navigation, as index.md lists the pages."""
    nav: list[dict[str, object]] = [{"Home": "index.md"}, {"Overview": OVERVIEW}]
    section: list[dict[str, str]] = []
    for line in (DOCS / "index.md").read_text("utf-8").splitlines():
        if found := SECTION.match(line):
            section = []
            nav.append({found[1]: section})
        elif found := ENTRY.match(line):
            section.append({found[1]: f"{found[2]}.md"})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds README.md as a page, and copies of everything outside docs/ that a page links to."""
    files.append(File.generated(config, OVERVIEW, content=(ROOT / "README.md").read_text("utf-8")))
    for path in DOCS.glob("*.ipynb"):
        files.append(File.generated(config, f"{path.stem}.md", content=_of_notebook(path)))
    pages = {f.src_uri: f.content_string for f in files if f.is_documentation_page()}
    targets = {_target(uri, link) for uri, text in pages.items() for link in _links(text)}
    for target in sorted(filter(None, targets)):
        path = ROOT / target
        if path.is_file() and _is_copied(target):
            files.append(File.generated(config, _copy(target), content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Links that leave docs/ lead to the copies, links to folders become plain text; code stays as it is."""
    uri = page.file.src_uri
    parts, end = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [LINK.sub(lambda m: _rewritten(uri, m), markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(lambda m: _rewritten(uri, m), markdown[end:])])


def _of_notebook(path: Path) -> str:
    """A notebook as a page: its cells, and the text that they print."""
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        printed = "".join(line for output in cell["outputs"] for line in output.get("text", ()))
        parts += [f"```text\n{printed.rstrip()}\n```"] if printed else []
    return "\n\n".join(parts) + "\n"


def _links(text: str) -> list[str]:
    return [m[3] for m in LINK.finditer(FENCE.sub("", text))]


def _target(uri: str, link: str) -> str:
    """The file in the repository that a page's link names; empty for the web and for anchors."""
    path = link.partition("#")[0]
    if not path or re.match(r"\w+:", link):
        return ""
    # README.md lies above docs/.
    folder = "" if uri == OVERVIEW else str(PurePosixPath("docs") / PurePosixPath(uri).parent)
    return normpath(str(PurePosixPath(folder) / path))


def _is_copied(target: str) -> bool:
    """Whether a file is no part of the site by itself: it lies outside docs/, or is a script."""
    return target.endswith(".py") or not (target.startswith("docs/") or target == "README.md")


def _copy(target: str) -> str:
    """Where a copy goes; a page or a script as text."""
    return f"{COPIES}/{target}" + (".txt" if target.endswith((".md", ".py")) else "")


def _rewritten(uri: str, match: re.Match[str]) -> str:
    image, text, link = match.groups()
    target, anchor = _target(uri, link), link.partition("#")[2]
    if not target or (uri != OVERVIEW and target != "README.md" and not _is_copied(target)):
        return match[0].replace(".ipynb", ".md")
    if (ROOT / target).is_dir():
        return text
    target = target.removesuffix(".ipynb") + ".md" if target.endswith(".ipynb") else target
    place = OVERVIEW if target == "README.md" else target.removeprefix("docs/")
    place = _copy(target) if _is_copied(target) else place
    found = relpath(place, str(PurePosixPath(uri).parent))
    return f"{image}[{text}]({found}{'#' + anchor if anchor else ''})"
