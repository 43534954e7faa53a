"""The report in a browser, at the width of a desk and of a phone: by itself, and in Snakemake's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Watched, browser
from reported import KNOWN, write_reported

from sjft.reports.report_page.write import write_report

pytestmark = pytest.mark.slow  # a browser is started, and looks at each section


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


def test_a_number_of_the_matrix_leads_to_its_images_by_mouse_and_by_keys_alone(
    chrome: Any, page: Path
) -> None:
    watched = Watched(chrome, "desktop")
    watched.open(page)
    seen = watched.page
    matrix, taken = seen.locator(".matrix"), seen.locator("#taken")
    assert taken.is_hidden()
    # One of the numbers is reached by Tab, the others from there by the arrows.
    assert matrix.locator("button[tabindex='0']").count() == 1
    matrix.locator("button[tabindex='0']").focus()
    seen.keyboard.press("ArrowRight")
    number = seen.locator("button:focus")
    assert number.get_attribute("data-cell") == "0,1"
    images = int(number.inner_text())
    seen.keyboard.press("Enter")
    title = taken.locator("h4").inner_text()
    assert title == f"pet <b>0</b>, told as pet <b>1</b>: {images} images"
    assert taken.locator("li").count() == images
    assert "its own class" in taken.locator("li").first.inner_text()
    assert taken.evaluate("panel => panel === document.activeElement")
    watched.check("matrix")
    watched.check_accessibility("matrix")
    seen.keyboard.press("Escape")
    assert taken.is_hidden()
    assert seen.locator("button:focus").get_attribute("data-cell") == "0,1"
    matrix.locator("[data-cell='1,1']").click()
    assert "told right" in taken.locator("li").first.inner_text()
    link = taken.locator("a").first
    assert link.get_attribute("href") == "../" + link.inner_text()
    matrix.locator("[data-cell='1,1']").focus()
    seen.keyboard.press("ArrowDown")
    assert seen.locator("button:focus").get_attribute("data-cell") == "2,1"


def test_in_print_all_is_unfolded_and_nothing_is_wider_than_the_paper(
    chrome: Any, page: Path
) -> None:
    watched = Watched(chrome, "desktop", "dark")
    watched.page.set_viewport_size({"width": 720, "height": 1000})  # A4 with its margins
    watched.open(page)
    seen = watched.page
    assert seen.locator("details:not([open])").count()
    seen.emulate_media(media="print")
    seen.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not seen.locator("details:not([open])").count()
    assert not seen.locator("nav").is_visible()
    paper = seen.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)", "also where the screen is dark"
    wide = seen.evaluate(
        """() => [...document.querySelectorAll("table, img, figure, pre")]
          .filter((shown) => shown.getBoundingClientRect().right > innerWidth)
          .map((shown) => shown.outerHTML.slice(0, 100))"""
    )
    assert not wide, wide
    watched.check("print")
