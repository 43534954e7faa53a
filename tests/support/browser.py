"""The system's Chromium, headless, and what a page must not do in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The program; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


@contextmanager
def browser() -> Iterator[Any]:
    """A running browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = chromium()
    with sync_api.sync_playwright() as playwright:
        # Root, as in a container, can start it without its sandbox alone.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield running
        finally:
            running.close()


class Watched:
    """A page that is watched from its first moment on, at one width."""

    def __init__(self, browser: Any, width: str, scheme: str = "light") -> None:
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        self.page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("console", self._console)
        self.page.on("request", self._request)
        self.page.on("download", lambda found: self.faults.append(f"download: {found.url}"))
        self.page.on("requestfailed", lambda r: self.faults.append(f"not there: {r.url}"))

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.faults.append(f"request: {request.url}")

    def open(self, path: Path) -> None:
        """Open a file."""
        self.page.goto(path.resolve().as_uri())

    def check(self, where: str) -> None:
        """Fail on what was seen since, on missing images, and on scrolling to the side."""
        self.page.wait_for_timeout(100)
        images = self.page.evaluate(
            """async () => {
              const near = [...document.images].filter((image) => {
                const box = image.getBoundingClientRect();
                return box.bottom > 0 && box.top < innerHeight;
              });
              await Promise.allSettled(near.map((image) => image.decode()));
              return near.filter((image) => !image.naturalWidth).map((image) => image.src);
            }"""
        )
        assert not images, f"{where}: images are missing: {images}"
        wide, room = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= room, f"{where}: {wide} pixels wide in a window of {room}"
        assert not self.faults, f"{where}: {self.faults}"

    def check_accessibility(self, where: str) -> None:
        """Fail on what axe-core calls serious or critical."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        # Without loading style sheets a second time, which a page that is a file may not do.
        found = axe.run(self.page, options={"preload": False}).response["violations"]
        grave = [
            f"{v['id']}: {v['help']}: {v['nodes'][0]['html']}"
            for v in found
            if v["impact"] in {"serious", "critical"}
        ]
        assert not grave, f"{where}: {grave}"


def on_paper(chrome: Any, page: Path) -> Watched:
    """A page as wide as A4 within its margins, of a reader whose screen is dark."""
    watched = Watched(chrome, "desktop", "dark")
    watched.page.set_viewport_size({"width": 720, "height": 1000})
    watched.open(page)
    return watched
