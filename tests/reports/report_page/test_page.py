"""The report in a browser, at the width of a desk and of a phone: by itself, and in Snakemake's."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from browser import Watched, browser, on_paper
from explored import Explored
from image_files import random_image
from reported import KNOWN, write_reported

from sjft.evaluation.probabilities import Probabilities, write_probabilities
from sjft.reports.report_page.confusion import MOST_CLASSES
from sjft.reports.report_page.write import write_report

pytestmark = pytest.mark.slow  # a browser is started, and looks at each section


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    inputs, folders = write_reported(folder, Explored(retrievals=("first", "second")))
    write_report(inputs, folders, KNOWN, folder / "report/index.html")
    for number in range(60):  # which the page names, and the browser reads
        random_image(number, (40, 30)).save(folder / f"{number}.png")
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
    seen.wait_for_function("[...document.querySelectorAll('#taken img')].every((i) => i.complete)")
    shown = taken.locator("img").evaluate_all("all => all.map((image) => image.naturalWidth)")
    assert shown == [40] * images, "from their own files"
    assert taken.evaluate("panel => panel === document.activeElement")
    watched.check("matrix")
    watched.check_accessibility("matrix")
    seen.keyboard.press("Escape")
    assert taken.is_hidden()
    assert seen.locator("button:focus").get_attribute("data-cell") == "0,1"
    matrix.locator("[data-cell='1,1']").click()
    assert "told right" in taken.locator("li").first.inner_text()
    link = taken.locator("a").first
    assert link.get_attribute("href") == "../" + link.inner_text().strip()
    matrix.locator("[data-cell='1,1']").focus()
    seen.keyboard.press("ArrowDown")
    assert seen.locator("button:focus").get_attribute("data-cell") == "2,1"


def test_in_print_all_is_unfolded_and_nothing_is_wider_than_the_paper(
    chrome: Any, page: Path
) -> None:
    watched = on_paper(chrome, page)
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


def test_a_matrix_of_many_classes_fits_the_paper_and_links_are_right_whatever_the_names(
    chrome: Any, tmp_path: Path
) -> None:
    inputs, folders = write_reported(tmp_path)
    classes = MOST_CLASSES + 5
    labels = np.repeat(np.arange(classes), 12)
    values = np.random.default_rng(3).dirichlet(np.ones(classes), len(labels)).astype(np.float32)
    names = [f"a class with a rather long name {number}" for number in range(classes)]
    images = [f"test/a #{number}?.png" for number in range(len(labels))]
    random_image(1, (40, 30)).save(tmp_path / "one.png")
    for image in images:
        os.link(tmp_path / "one.png", tmp_path / image)
    answers = Probabilities(images, labels, values, names)
    write_probabilities(inputs.runs[0].probabilities, answers, {}, {"model": "many"})
    inputs.optional["explorer"].parent.mkdir()
    inputs.optional["explorer"].write_text("")
    write_report(inputs, folders, KNOWN, tmp_path / "report/index.html")
    for width in (390, 720):
        watched = Watched(chrome, "desktop")
        watched.page.set_viewport_size({"width": width, "height": 1000})
        watched.open(tmp_path / "report/index.html")
        if width == 720:
            watched.page.emulate_media(media="print")
            box = watched.page.locator(".matrix").bounding_box()
            assert box["x"] + box["width"] <= width, "a sheet of A4 with its margins"
        else:
            watched.page.locator(".matrix button").first.click()
            link = watched.page.locator("#taken a").first
            assert link.get_attribute("href") == "../" + quote(link.inner_text().strip())
            explored = watched.page.locator(".gallery a").first.get_attribute("href")
            assert "/explorer/index.html#/targets/pets%20%26%20%3Cmore%3E%2F" in explored
        watched.page.locator(".matrix").scroll_into_view_if_needed()
        watched.check(f"many classes, {width}")
