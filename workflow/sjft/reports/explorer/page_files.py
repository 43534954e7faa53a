"""The page's own template, styles and scripts, which lie in the package."""

from importlib import resources

from sjft.storage.files import digest_of_bytes

PAGE = resources.files("sjft.reports.explorer") / "page"
ASSETS = (
    *("explorer.css", "data.js", "views.js", "explorer.js"),
    *("target_list.js", "target.js", "source.js", "overviews.js"),
)


def digest_of_page() -> str:
    """Changes with the page's own files, which no fingerprint of code follows."""
    return digest_of_bytes(b"".join((PAGE / n).read_bytes() for n in ("index.html", *ASSETS)))
