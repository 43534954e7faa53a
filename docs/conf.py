"""The site of these pages: `make docs` builds it with Sphinx, from the repository's root.

The pages are plain Markdown, as a forge shows them. The groups of the sidebar are the lists of
docs/index.md, so that a page is entered there and nowhere else; a link that leads nowhere, and a
page that no list names, end the build.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
PAGES = {"config", "docs"}

project = "Selective joint fine-tuning"
root_doc = "README"
extensions = ["myst_parser"]
include_patterns = ["*.md", *(f"{folder}/*.md" for folder in sorted(PAGES))]
# Everything else stays unwalked: there may be a million images below.
exclude_patterns = [
    "CHANGELOG.md",
    *(path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in PAGES),
]
# Anchors of headings, as a forge makes them; no page has deeper ones.
myst_heading_anchors = 3
html_theme = "furo"
html_title = project
html_extra_path = ["site"]
html_show_copyright = False
html_copy_source = False


def groups() -> dict[str, list[str]]:
    """The pages of docs/index.md's lists, by the heading that they stand under."""
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n## ")[1:]:
        heading, _, rest = part.partition("\n")
        found[heading] = re.findall(r"^- \[[^\]]*\]\(([\w-]+)\.md\)", rest, re.MULTILINE)
    return found


def add_sidebar(_: "Sphinx", page: str, content: list[str]) -> None:
    """Give the first page, and with it the sidebar, the groups."""
    if page == root_doc:
        trees = {name: [f"docs/{page}" for page in pages] for name, pages in groups().items()}
        trees["Working on it"] = ["CONTRIBUTING"]
        first = "```{toctree}\n:hidden:\n\ndocs/index\nconfig/README\n```\n"
        content[0] += f"\n{first}" + "".join(
            "\n```{toctree}\n:hidden:\n:caption: " + "\n".join([name, "", *pages]) + "\n```\n"
            for name, pages in trees.items()
        )


def setup(app: "Sphinx") -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_sidebar)
