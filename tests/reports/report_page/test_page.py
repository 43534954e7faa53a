"""The report in a browser, at the width of a desk and of a phone: by itself, and in Snakemake's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Watched, browser
from reported import KNOWN, write_reported

from sjft.reports.report_page.write import write_report


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    inputs, folders = write_reported(folder)
    write_report(inputs, folders, KNOWN, folder / "report/index.html")
    return folder / "report/index.html"


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_every_section_is_whole_and_accessible(
    chrome: Any, page: Path, width: str, scheme: str
) -> None:
    watched = Watched(chrome, width, scheme)
    watched.open(page)
    seen = watched.page
    links = seen.locator("nav a")
    for number in range(links.count()):
        title = links.nth(number).inner_text()
        links.nth(number).click()
        heading = seen.locator(f"h2:text-is('{title}')")
        assert heading.bounding_box()["y"] < seen.viewport_size["height"], title
        watched.check(title)
    for fold in seen.query_selector_all("details"):
        fold.evaluate("fold => { fold.open = true; }")
    watched.check("unfolded")
    watched.check_accessibility("unfolded")


def test_a_table_is_sorted_by_keys_alone_as_numbers_and_back(chrome: Any, page: Path) -> None:
    watched = Watched(chrome, "desktop")
    watched.open(page)
    seen = watched.page
    table = seen.locator("#costs table")
    heading = table.locator("th button:text-is('seconds')")

    def seconds() -> list[str]:
        return table.locator("tbody td:nth-child(4)").all_inner_texts()

    assert seconds() == ["12.5", "3.0"]
    heading.focus()
    seen.keyboard.press("Enter")
    assert seconds() == ["3.0", "12.5"], "as numbers, not as text"
    assert table.locator("th[aria-sort=ascending]").inner_text().startswith("seconds")
    seen.keyboard.press("Enter")
    assert seconds() == ["12.5", "3.0"]
    assert seen.inner_text("#status") == "Sorted by seconds, descending"
    watched.check("sorted")
