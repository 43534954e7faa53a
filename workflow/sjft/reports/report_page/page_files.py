"""The page's own template, style and script, which lie in the package."""

from importlib import resources

from sjft.reports.explorer import page_files as explorer
from sjft.storage.files import digest_of_bytes

EXPLORER_CSS = explorer.PAGE / "explorer.css"
PAGE = resources.files("sjft.reports.report_page") / "page"
SCRIPTS = ("report.js", "matrix.js")
FILES = ("report.html", "report.css", *SCRIPTS)


def digest_of_page() -> str:
    """Changes with the page's own files, which no fingerprint of code follows."""
    own = b"".join((PAGE / name).read_bytes() for name in FILES)
    return digest_of_bytes(own + EXPLORER_CSS.read_bytes())
