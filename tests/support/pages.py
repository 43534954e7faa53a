"""Pages of the documentation that show an example as the tests run it."""

from pathlib import Path

SUPPORT = Path(__file__).parent
DOCS = SUPPORT.parents[1] / "docs"


def quoted_in(page: str, example: str) -> bool:
    """Whether a page shows the whole text of a module of this folder, in a block of Python."""
    text = (SUPPORT / example).read_text(encoding="utf-8")
    return f"```python\n{text}```\n" in (DOCS / page).read_text(encoding="utf-8")
